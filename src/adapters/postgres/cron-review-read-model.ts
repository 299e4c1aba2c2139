/** The executions of a period as the review needs them: job by job, so that memory stays bounded. */
import type { Pool } from 'pg';
import type { CronTrigger, CronVerdict } from '../../domain/cron-execution.js';
import type { ReviewedExecution } from '../../domain/cron-review.js';

/** More executions of one job than this are no better evidence. */
const mostExecutions = 20_000;

/** From `from` on, before `until`, epoch ms; in order. */
export async function readReviewedExecutions(
  pool: Pool,
  environment: string,
  { job, from, until }: { job: string; from: number; until: number },
): Promise<ReviewedExecution[]> {
  const { rows } = await pool.query<{
    scheduled_at: Date;
    attempt: number;
    trigger: CronTrigger;
    verdict: CronVerdict;
    reason: string | null;
    started_at: Date | null;
    finished_at: Date | null;
  }>(
    `select scheduled_at, attempt, trigger, verdict, left(reason, 300) as reason, started_at, finished_at from cron_execution
     where environment = $1 and job = $2 and scheduled_at >= $3 and scheduled_at < $4
     order by scheduled_at, attempt limit $5`,
    [environment, job, new Date(from), new Date(until), mostExecutions],
  );
  return rows.map((row) => ({
    scheduledAt: row.scheduled_at.getTime(),
    attempt: row.attempt,
    trigger: row.trigger,
    verdict: row.verdict,
    reason: row.reason,
    startedAt: row.started_at?.getTime() ?? null,
    finishedAt: row.finished_at?.getTime() ?? null,
  }));
}

/** Since when jobs are watched, epoch ms. */
export async function readWatchedFrom(pool: Pool, environment: string): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ job: string; watched_from: Date }>(
    'select job, watched_from from cron_job where environment = $1',
    [environment],
  );
  return new Map(rows.map(({ job, watched_from: from }) => [job, from.getTime()]));
}
