/** Verdicts over the measurements of a metric: a table as Argo Rollouts has them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  doubtOfMetric,
  judgeMeasurement,
  judgeMetric,
  newTally,
  nextMeasurementAt,
  takeMeasurement,
  type Measurement,
  type MetricTally,
} from '../../src/domain/deployment-analysis.js';

const begun = (): MetricTally => newTally({ name: 'errors', intervalMs: 60_000 }, { now: 0, until: 300_000 });

const meanings: Record<string, Measurement> = { s: 'success', f: 'failure', i: 'inconclusive', e: 'error' };

/** Takes measurements, one letter each: s success, f failure, i inconclusive, e error. */
const tallyOf = (letters: string): MetricTally =>
  letters
    .split('')
    .reduce(
      (tally, letter, index) =>
        takeMeasurement(
          tally,
          { measurement: meanings[letter] ?? 'error', text: `${index + 1}: ${letter}` },
          tally.nextAt + 60_000,
        ),
      begun(),
    );

const limits = { count: null, failureLimit: 0, inconclusiveLimit: 0, consecutiveErrorLimit: 4 };

describe('one measurement', () => {
  it.each([
    // success, failure (null: no such condition), what it says
    [null, null, 'success'],
    [true, null, 'success'],
    [false, null, 'failure'],
    [null, true, 'failure'],
    [null, false, 'success'],
    [true, false, 'success'],
    [false, true, 'failure'],
    [true, true, 'failure'],
    [false, false, 'inconclusive'],
  ] as const)('with success %s and failure %s is a %s', (success, failure, said) => {
    expect(judgeMeasurement({ success, failure })).toBe(said);
  });
});

describe('measurements together', () => {
  it.each([
    // measurements, limits, verdict
    ['', {}, 'running'],
    ['ssss', {}, 'running'],
    ['f', {}, 'failed'],
    ['f', { failureLimit: 1 }, 'running'],
    ['fsf', { failureLimit: 1 }, 'failed'],
    ['fsssssssf', { failureLimit: 1 }, 'failed'],
    ['i', {}, 'inconclusive'],
    ['isi', { inconclusiveLimit: 2 }, 'running'],
    ['isisi', { inconclusiveLimit: 2 }, 'inconclusive'],
    ['eeee', {}, 'running'],
    ['eeeee', {}, 'failed'],
    ['eeeeseeee', {}, 'running'],
    ['eeeeieeee', { inconclusiveLimit: 1 }, 'running'],
    ['e', { consecutiveErrorLimit: 0 }, 'failed'],
    ['sss', { count: 3 }, 'done'],
    ['ss', { count: 3 }, 'running'],
    // An error is no measurement: the count waits for numbers.
    ['ese', { count: 3 }, 'running'],
    ['eee', { count: 3 }, 'running'],
    ['esese', { count: 2 }, 'done'],
    // Limits go before the count.
    ['ssf', { count: 3 }, 'failed'],
    ['ssi', { count: 3 }, 'inconclusive'],
    ['ssf', { count: 3, failureLimit: 1 }, 'done'],
    // A failure goes before what is inconclusive.
    ['if', { inconclusiveLimit: 0 }, 'failed'],
  ] as const)('%s with %j are %s', (letters, changes, kind) => {
    expect(judgeMetric(tallyOf(letters), { ...limits, ...changes })).toMatchObject({ kind });
  });

  it('say in words what was measured, how often and what came last', () => {
    expect(judgeMetric(tallyOf('f'), limits)).toEqual({
      kind: 'failed',
      reason: 'metric errors failed once, last: 1: f',
    });
    expect(judgeMetric(tallyOf('ff'), { ...limits, failureLimit: 1 })).toEqual({
      kind: 'failed',
      reason: 'metric errors failed 2 times, last: 2: f',
    });
    expect(judgeMetric(tallyOf('eeeee'), limits)).toEqual({
      kind: 'failed',
      reason: 'metric errors could not be measured 5 times in a row, last: 5: e',
    });
    expect(judgeMetric(tallyOf('i'), limits)).toEqual({
      kind: 'inconclusive',
      reason: 'metric errors is neither good nor bad once, last: 1: i',
    });
  });

  it('leave a doubt when the newest one got no number', () => {
    expect(doubtOfMetric(tallyOf('see'))).toBe(
      'metric errors could not be measured 2 times in a row, last: 3: e',
    );
    expect(['', 's', 'es', 'ei', 'ef'].map((letters) => doubtOfMetric(tallyOf(letters)))).toEqual(
      Array.from({ length: 5 }, () => null),
    );
  });

  const sequences = fc.string({ unit: fc.constantFrom('s', 'f', 'i', 'e'), maxLength: 40 });
  const someLimits = fc.record({
    count: fc.option(fc.integer({ min: 1, max: 10 })),
    failureLimit: fc.nat({ max: 4 }),
    inconclusiveLimit: fc.nat({ max: 4 }),
    consecutiveErrorLimit: fc.nat({ max: 4 }),
  });

  it('never fail a metric that has only successes, and are done exactly at its count', () => {
    fc.assert(
      fc.property(fc.nat({ max: 20 }), someLimits, (length, metric) => {
        const isDone = metric.count !== null && length >= metric.count;
        expect(judgeMetric(tallyOf('s'.repeat(length)), metric)).toEqual({
          kind: isDone ? 'done' : 'running',
        });
      }),
    );
  });

  it('fail it however many successes lie between the failures', () => {
    fc.assert(
      fc.property(sequences, someLimits, (letters, metric) => {
        const failures = letters.split('').filter((letter) => letter === 'f').length;
        if (failures > metric.failureLimit) expect(judgeMetric(tallyOf(letters), metric).kind).toBe('failed');
      }),
    );
  });

  it('never call it done before it has got as many numbers as it shall have', () => {
    fc.assert(
      fc.property(sequences, someLimits, (letters, metric) => {
        if (judgeMetric(tallyOf(letters), metric).kind !== 'done') return;
        expect(letters.split('').filter((letter) => letter !== 'e').length).toBeGreaterThanOrEqual(
          metric.count ?? 0,
        );
      }),
    );
  });

  it('are plain JSON', () => {
    fc.assert(
      fc.property(sequences, (letters) => {
        const tally = tallyOf(letters);
        expect(JSON.parse(JSON.stringify(tally))).toEqual(tally);
      }),
    );
  });
});

describe('the time of a measurement', () => {
  it('is an interval later, and the end of the watch when that comes first', () => {
    const metric = { intervalMs: 60_000, until: 150_000 };
    expect([0, 60_000, 120_000, 150_000].map((from) => nextMeasurementAt(from, metric))).toEqual([
      60_000, 120_000, 150_000, 210_000,
    ]);
  });

  it('comes at least once within a watch, and never beyond its end by a moment', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 1, max: 1_000 }),
        fc.nat({ max: 1_000 }),
        (watchMs, intervalMs, now) => {
          const until = now + watchMs;
          const times: number[] = [];
          let { nextAt } = newTally({ name: 'm', intervalMs }, { now, until });
          for (; nextAt <= until; nextAt = nextMeasurementAt(nextAt, { intervalMs, until }))
            times.push(nextAt);
          expect(times.at(-1)).toBe(until);
          expect(times).toHaveLength(Math.ceil(watchMs / intervalMs));
        },
      ),
    );
  });
});
