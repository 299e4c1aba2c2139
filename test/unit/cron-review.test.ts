/** The review of jobs: its statistics, its findings, and what it recommends. */
import { describe, expect, it } from 'vitest';
import { reviewMarkdown } from '../../src/domain/cron-review-report.js';
import { reviewJob, type ReviewedExecution, type ReviewFacts } from '../../src/domain/cron-review.js';
import { trendOf } from '../../src/domain/cron-trend.js';
import { limitOf, rollingRuntime } from '../../src/domain/job-runtime.js';
import { execution, jobSettings } from '../support/jobs.js';

describe('a trend', () => {
  it('is what Mann and Kendall make of ten rising figures', () => {
    // S = 45, variance 125: z = 44 / 11.1803 = 3.9355, of which 4.15e-5 is the upper tail (any table of the normal distribution).
    const trend = trendOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(trend).toMatchObject({ s: 45, slope: 1, runs: 10 });
    expect(trend?.p).toBeCloseTo(4.15e-5, 6);
  });

  it('counts ties, which make the variance smaller', () => {
    // Of 45 pairs 5 are tied, so S = 40; variance (10·9·25 − 2·(2·1·9) − 3·2·11) / 18 = 119.33, z = 39 / 10.924 = 3.570.
    const figures = [1, 2, 2, 3, 3, 3, 4, 5, 5, 6];
    const trend = trendOf(figures);
    expect(trend?.s).toBe(40);
    expect(trend?.p).toBeCloseTo(1 - 0.99982, 4);
  });

  it('is none of noise, and of too few figures', () => {
    expect(trendOf([5, 3, 6, 4, 5, 6, 3, 4, 5, 4])?.p).toBeGreaterThan(0.3);
    expect(trendOf([1, 2, 3, 4, 5, 6, 7])).toBeNull();
    const even = trendOf([4, 4, 4, 4, 4, 4, 4, 4]);
    expect(even).toMatchObject({ s: 0, slope: 0 });
    expect(even?.p).toBeCloseTo(0.5, 6);
  });
});

describe('the limit of a job', () => {
  it('is twice what is expected, as configured or as its runs show', () => {
    expect(limitOf(jobSettings('x', { expectedMs: 60_000 }), null)).toEqual({
      expectedMs: 60_000,
      limitMs: 120_000,
      source: 'configured',
    });
    const history = rollingRuntime(Array.from({ length: 20 }, (_, index) => (index + 1) * 10_000));
    expect(history).toEqual({ p50: 100_000, p95: 190_000, runs: 20 });
    expect(limitOf(jobSettings('x'), history)).toMatchObject({ limitMs: 380_000, source: 'history' });
    expect(limitOf(jobSettings('x'), rollingRuntime([5, 5, 5]))).toMatchObject({ limitMs: null });
    const quick = rollingRuntime(Array.from({ length: 10 }, () => 20));
    expect(limitOf(jobSettings('x'), quick).limitMs).toBe(120_000);
  });
});

const run = (index: number, rest: Partial<ReviewedExecution> & { ms?: number } = {}): ReviewedExecution => {
  const { ms = 10_000, ...others } = rest;
  const scheduledAt = index * 3_600_000;
  return { ...execution({ scheduledAt, startedAt: scheduledAt, finishedAt: scheduledAt + ms }), ...others };
};

const review = (executions: ReviewedExecution[], rest: Partial<ReviewFacts> = {}) =>
  reviewJob({
    job: jobSettings('export'),
    isPaused: false,
    dueSlots: executions.length,
    intervalMs: 3_600_000,
    executions,
    ...rest,
  });

const kinds = (executions: ReviewedExecution[], rest: Partial<ReviewFacts> = {}): string[] =>
  review(executions, rest).findings.map(({ kind }) => kind);

const many = (make: (index: number) => ReviewedExecution, count = 20): ReviewedExecution[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('the review of a job', () => {
  it('finds nothing in good runs, and counts them', () => {
    const good = review(many((index) => run(index, { ms: 10_000 + (index % 3) * 100 })));
    expect(good.findings).toEqual([]);
    expect(good.slots).toMatchObject({ ok: 20, failed: 0 });
    expect(good.runtime).toMatchObject({ p50: 10_100, max: 10_200, runs: 20 });
  });

  it('finds rising runtimes, states the test, and computes what to set', () => {
    const rising = many((index) => run(index, { ms: 10_000 + index * 500 }));
    const [finding] = review(rising).findings;
    expect(finding).toMatchObject({
      kind: 'risingRuntime',
      text: expect.stringMatching(
        /rises by 9s500ms over 20 runs.*Mann–Kendall, one-sided, p < 0\.0001.*500\.0 ms a run/,
      ),
      recommendation: expect.stringContaining('`expected: 39s`'),
    });
    const configured = review(rising, { job: jobSettings('x', { expectedMs: 30_000 }) }).findings[0];
    expect(configured?.recommendation).toMatch(/reaches `expected: 30s` in 23 runs/);
    // A rise that is certain, and nobody's business.
    expect(kinds(many((index) => run(index, { ms: 100_000 + index * 10 })))).toEqual([]);
  });

  it('tells failing always from failing now and then, and from being saved by retries', () => {
    const failed = { verdict: 'failed', reason: 'exit code 7' } as const;
    expect(kinds(many((index) => run(index, failed)))).toEqual(['alwaysFailing']);
    expect(kinds(many((index) => run(index, index % 5 === 0 ? failed : {})))).toEqual(['intermittent']);
    const saved = [run(0, failed), run(0, { attempt: 2, trigger: 'retry' }), run(1)];
    const [finding] = review(saved).findings;
    expect(finding?.text).toMatch(/0 of 2 runs failed, and 1 did their work only when they were tried again/);
    expect(review(saved).retried).toBe(1);
  });

  it('finds jobs that never ran, unless they are paused', () => {
    const missed = many((index) => run(index, { verdict: 'missed', startedAt: null, finishedAt: null }));
    expect(kinds(missed)).toEqual(['neverRan']);
    expect(kinds([], { dueSlots: 3 })).toEqual(['neverRan']);
    expect(kinds([], { dueSlots: 0 })).toEqual([]);
    expect(kinds([], { dueSlots: 3, isPaused: true })).toEqual([]);
  });

  it('finds runs that are suddenly fast, and that the minimum told', () => {
    const collapsed = many((index) => run(index, { ms: index < 15 ? 60_000 : 900 }));
    expect(kinds(collapsed)).toEqual(['tooFast']);
    expect(review(collapsed).findings[0]?.recommendation).toContain('`minimum: 30s`');
    expect(kinds([run(0), run(1, { verdict: 'failed', reason: 'too fast: it ended after 1s' })])).toContain(
      'tooFast',
    );
  });

  it('finds overlaps by what was skipped, and by runs longer than the interval', () => {
    const skipped = {
      verdict: 'skipped',
      reason: 'overlap: the run of …',
      startedAt: null,
      finishedAt: null,
    } as const;
    expect(kinds(many((index) => (index % 2 === 0 ? run(index) : run(index, skipped))))).toEqual([
      'overlapping',
    ]);
    expect(
      kinds(
        many((index) => run(index, { ms: 90_000 })),
        { intervalMs: 60_000 },
      ),
    ).toEqual(['overlapping']);
  });

  it('finds missed, late and ended runs among good ones', () => {
    expect(kinds([run(0), run(1, { verdict: 'missed', startedAt: null, finishedAt: null })])).toEqual([
      'missed',
    ]);
    expect(kinds([run(0), run(1, { verdict: 'late' })])).toEqual(['late']);
    expect(kinds([run(0), run(1, { verdict: 'overrun' })])).toEqual(['intermittent', 'overrun']);
  });
});

describe('the report of a review', () => {
  it('has what to look at first, then all jobs, and takes no markup from outside', () => {
    const failing = review([run(0, { verdict: 'failed', reason: '[x](http://evil)' })]);
    const markdown = reviewMarkdown({
      environment: 'shop',
      from: 0,
      until: 7 * 86_400_000,
      madeAt: 7 * 86_400_000,
      jobs: [failing, { ...review([run(0)]), job: 'other' }],
    });
    expect(markdown).toContain('# Jobs of shop, 1970-01-01 00:00 to 1970-01-08 00:00 UTC');
    expect(markdown).toContain('2 jobs, 1 with something to look at');
    expect(markdown).toContain('| other | 1 | 0 |');
    expect(markdown).not.toContain('[x](');
  });
});
