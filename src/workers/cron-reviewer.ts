/** Makes the weekly review of jobs when it is due, and writes it down. */
import { join } from 'node:path';
import type { Pool } from 'pg';
import { makeReview } from '../adapters/postgres/cron-period-read-model.js';
import { readReviewedUntil, writeReviewedUntil } from '../adapters/postgres/cron-watch-store.js';
import { writeReportPair } from '../adapters/report-files.js';
import { reviewMarkdown } from '../domain/cron-review-report.js';
import type { JobSettings } from '../domain/job.js';
import type { Log } from './log.js';

export interface CronReviewer {
  reviewWhenDue(environment: string, jobs: readonly JobSettings[], now: number): Promise<void>;
}

const weekMs = 7 * 86_400_000;
/** 1970 began on a Thursday. */
const firstMonday = 4 * 86_400_000;
const reviewsKept = 60;

/** The last Monday, 00:00 UTC, epoch ms. */
const mondayBefore = (now: number): number => firstMonday + Math.floor((now - firstMonday) / weekMs) * weekMs;

export function createCronReviewer({
  pool,
  chores,
  stateDir,
  log,
}: {
  pool: Pool;
  chores: Pool;
  stateDir: string;
  log: Log;
}): CronReviewer {
  /** What is on record for each environment; asked once. */
  const known = new Map<string, number>();
  return {
    reviewWhenDue: async (environment, jobs, now) => {
      const until = mondayBefore(now);
      if ((known.get(environment) ?? -1) >= until) return;
      const recorded = await readReviewedUntil(pool, environment);
      // The week in which opsloop came is no whole one.
      if (recorded !== null && recorded < until) {
        const review = await makeReview(chores, environment, { jobs, from: until - weekMs, until, now });
        await writeReportPair({
          directory: join(stateDir, 'reports', 'cron'),
          series: 'review',
          // The same week has the same name, however often it is written.
          at: until,
          markdown: reviewMarkdown(review),
          json: `${JSON.stringify(review, null, 2)}\n`,
          keep: reviewsKept,
        });
        const found = review.jobs.filter(({ findings }) => findings.length > 0).length;
        log.info('the weekly review of jobs is written', { environment, jobs: review.jobs.length, found });
      }
      if (recorded === null || recorded < until) await writeReviewedUntil(pool, environment, until);
      known.set(environment, until);
    },
  };
}
