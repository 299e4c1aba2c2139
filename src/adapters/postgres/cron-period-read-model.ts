/** Makes the review of a period from what is on record. */
import type { Pool } from 'pg';
import { parseSchedule } from '../../domain/cron-expression.js';
import { reviewJob, type CronReview } from '../../domain/cron-review.js';
import { nextSlots, slotsBetween } from '../../domain/cron-slots.js';
import type { JobSettings } from '../../domain/job.js';
import { readPausedJobs } from './job-pause-store.js';
import { readReviewedExecutions, readWatchedFrom } from './cron-review-read-model.js';

export interface ReviewRequest {
  jobs: readonly JobSettings[];
  /** Epoch ms; `until` is not included. */
  from: number;
  until: number;
  now: number;
}

/** Slots that are counted at most; more need no number. */
const mostSlots = 100_000;

export async function makeReview(
  pool: Pool,
  environment: string,
  { jobs, from, until, now }: ReviewRequest,
): Promise<CronReview> {
  const [paused, watchedFrom] = await Promise.all([
    readPausedJobs(pool, environment),
    readWatchedFrom(pool, environment),
  ]);
  const review: CronReview = { environment, from, until, madeAt: now, jobs: [] };
  for (const job of jobs) {
    const read = parseSchedule(job.schedule);
    if (!read.ok) continue;
    const after = Math.max(from, watchedFrom.get(job.name) ?? now) - 1;
    const next = nextSlots(read.value, job.timeZone, until, 2);
    const [one, two] = next;
    review.jobs.push(
      reviewJob({
        job,
        isPaused: paused.has(job.name),
        dueSlots: slotsBetween(read.value, job.timeZone, { after, until: until - 1, limit: mostSlots })
          .length,
        intervalMs: one === undefined || two === undefined ? null : two - one,
        executions: await readReviewedExecutions(pool, environment, { job: job.name, from, until }),
      }),
    );
  }
  return review;
}
