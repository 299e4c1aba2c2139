/** What people ask about jobs and their executions. */
import type { Pool } from 'pg';
import type { CronExecution } from '../../domain/cron-execution.js';
import type { JobPause } from '../../domain/cron-claim.js';
import { executionColumns, executionOf, type ExecutionRow } from './cron-execution-row.js';

export interface ExecutionQuery {
  /** Null: of all jobs. */
  job: string | null;
  limit: number;
}

/** Newest slot first, and of one slot the last attempt first. */
export async function readExecutions(
  pool: Pool,
  environment: string,
  { job, limit }: ExecutionQuery,
): Promise<CronExecution[]> {
  const { rows } = await pool.query<ExecutionRow>(
    `select ${executionColumns} from cron_execution
     where environment = $1 ${job === null ? '' : 'and job = $3'}
     order by scheduled_at desc, attempt desc, job limit $2`,
    job === null ? [environment, limit] : [environment, limit, job],
  );
  return rows.map(executionOf);
}

/** All attempts of slots of a job, by slot. */
export async function readSlots(
  pool: Pool,
  environment: string,
  { job, from, to }: { job: string; from: number; to: number },
): Promise<CronExecution[]> {
  const { rows } = await pool.query<ExecutionRow>(
    `select ${executionColumns} from cron_execution
     where environment = $1 and job = $2 and scheduled_at between $3 and $4 order by scheduled_at, attempt`,
    [environment, job, new Date(from), new Date(to)],
  );
  return rows.map(executionOf);
}

export interface JobNow {
  job: string;
  /** The newest that is over; null: none is. */
  last: CronExecution | null;
  isRunning: boolean;
  pause: JobPause | null;
}

/** How jobs stand now. */
export async function readJobsNow(
  pool: Pool,
  environment: string,
  jobs: readonly string[],
): Promise<Map<string, JobNow>> {
  const [latest, running, paused] = await Promise.all([
    pool.query<ExecutionRow>(
      `select newest.* from unnest($2::text[]) as wanted (name)
       cross join lateral (
         select ${executionColumns} from cron_execution
         where environment = $1 and cron_execution.job = wanted.name and verdict <> 'running'
         order by scheduled_at desc, attempt desc limit 1) as newest`,
      [environment, jobs],
    ),
    pool.query<{ job: string }>(
      `select distinct job from cron_execution where environment = $1 and verdict = 'running' and has_started`,
      [environment],
    ),
    pool.query<{ job: string; paused_at: Date; paused_by: string; note: string | null }>(
      'select job, paused_at, paused_by, note from cron_pause where environment = $1 and resumed_at is null',
      [environment],
    ),
  ]);
  const last = new Map(latest.rows.map((row) => [row.job, executionOf(row)]));
  const isRunning = new Set(running.rows.map(({ job }) => job));
  const pauses = new Map(
    paused.rows.map((row) => [
      row.job,
      { pausedAt: row.paused_at.getTime(), pausedBy: row.paused_by, note: row.note, resumedAt: null },
    ]),
  );
  return new Map(
    jobs.map((job) => [
      job,
      {
        job,
        last: last.get(job) ?? null,
        isRunning: isRunning.has(job),
        pause: pauses.get(job) ?? null,
      },
    ]),
  );
}

/** How long the newest good runs of a job took, ms. */
export async function readRunDurations(
  pool: Pool,
  environment: string,
  { job, limit }: { job: string; limit: number },
): Promise<number[]> {
  const { rows } = await pool.query<{ ms: number }>({
    name: 'cron-read-durations',
    text: `select extract(epoch from finished_at - started_at)::double precision * 1000 as ms from cron_execution
           where environment = $1 and job = $2 and verdict in ('ok', 'late') and started_at is not null and finished_at is not null
           order by scheduled_at desc limit $3`,
    values: [environment, job, limit],
  });
  return rows.map(({ ms }) => ms);
}

/** The newest slot of a job that did its work, epoch ms; null: none did. */
export async function readLastSuccess(pool: Pool, environment: string, job: string): Promise<number | null> {
  const { rows } = await pool.query<{ at: Date }>({
    name: 'cron-read-last-success',
    text: `select scheduled_at as at from cron_execution where environment = $1 and job = $2 and verdict in ('ok', 'late')
           order by scheduled_at desc limit 1`,
    values: [environment, job],
  });
  return rows[0]?.at.getTime() ?? null;
}
