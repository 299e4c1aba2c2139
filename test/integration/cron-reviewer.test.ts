/** The weekly review in a real database: made once for each whole week, and written down. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { claimExecution, finishExecution } from '../../src/adapters/postgres/cron-execution-store.js';
import { makeReview } from '../../src/adapters/postgres/cron-period-read-model.js';
import { readReviewedUntil, readUpSince } from '../../src/adapters/postgres/cron-watch-store.js';
import { registerJobs } from '../../src/adapters/postgres/job-watch-store.js';
import type { CronReview } from '../../src/domain/cron-review.js';
import { createCronReviewer } from '../../src/workers/cron-reviewer.js';
import { jobSettings, outcome } from '../support/jobs.js';
import { useScratchSchema } from '../support/scratch-schema.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { pool } = useScratchSchema();

const environment = 'reviewed';
const hour = 3_600_000;
const monday = Date.parse('2026-11-23T00:00:00Z');
const week = 7 * 24 * hour;
const jobs = [
  jobSettings('export', { schedule: '0 * * * *' }),
  jobSettings('idle', { schedule: '0 0 * * *' }),
];
const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, flush: () => {} };

const runOnce = async (scheduledAt: number, verdict: 'ok' | 'failed'): Promise<void> => {
  const key = { job: 'export', scheduledAt, attempt: 1 };
  await claimExecution(pool(), environment, {
    ...key,
    trigger: 'schedule',
    workflowId: `slot-${scheduledAt}`,
    host: 'here',
    overlap: 'skip',
    isPatient: false,
    now: scheduledAt,
  });
  const end = outcome({ startedAt: scheduledAt + 10, finishedAt: scheduledAt + 1_010 });
  await finishExecution(pool(), environment, {
    key,
    outcome: end,
    verdict: { verdict, reason: verdict === 'ok' ? null : 'exit code 7', retryAfterMs: null },
  });
};

it('is made on Monday for the week before, once, also after a restart', async () => {
  const stateDir = await temporaryFolder();
  const folder = join(stateDir, 'reports', 'cron');
  const reviewer = () => createCronReviewer({ pool: pool(), chores: pool(), stateDir, log });
  await readUpSince(pool(), environment, { now: monday - week + 5 * hour, isLook: true });
  await registerJobs(pool(), environment, {
    jobs: ['export', 'idle'],
    begun: ['export', 'idle'],
    now: monday - week,
  });
  for (const index of [1, 2, 3, 4])
    await runOnce(monday - week + index * hour, index === 3 ? 'failed' : 'ok');

  // The week in which opsloop came is no whole one.
  await reviewer().reviewWhenDue(environment, jobs, monday - week + 6 * hour);
  expect(existsSync(folder)).toBe(false);
  expect(await readReviewedUntil(pool(), environment)).toBe(monday - week);

  const same = reviewer();
  await same.reviewWhenDue(environment, jobs, monday - 1);
  expect(existsSync(folder)).toBe(false);
  await same.reviewWhenDue(environment, jobs, monday + hour);
  await same.reviewWhenDue(environment, jobs, monday + 2 * hour);
  await reviewer().reviewWhenDue(environment, jobs, monday + 3 * hour);
  expect(readdirSync(folder).sort()).toEqual([
    '2026-11-23T00-00-00.000Z-review.json',
    '2026-11-23T00-00-00.000Z-review.md',
  ]);
  const review = JSON.parse(
    readFileSync(join(folder, '2026-11-23T00-00-00.000Z-review.json'), 'utf8'),
  ) as CronReview;
  expect(review.jobs.map(({ job, findings }) => [job, findings.map(({ kind }) => kind)])).toEqual([
    ['export', ['intermittent']],
    ['idle', ['neverRan']],
  ]);
  expect(readFileSync(join(folder, '2026-11-23T00-00-00.000Z-review.md'), 'utf8')).toContain(
    '1 of 4 runs failed',
  );
});

it('counts the slots that were due since a job is watched', async () => {
  const review = await makeReview(pool(), environment, {
    jobs,
    from: monday - week,
    until: monday,
    now: monday,
  });
  const idle = review.jobs.find(({ job }) => job === 'idle');
  expect(idle?.findings[0]?.text).toContain('it was due 7 times, and never ran');
});
