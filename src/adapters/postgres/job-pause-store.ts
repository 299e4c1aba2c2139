/** The times in which people had jobs paused. */
import type { Pool } from 'pg';
import type { JobPause } from '../../domain/cron-claim.js';

/** Names of the jobs that people have paused. */
export async function readPausedJobs(pool: Pool, environment: string): Promise<Set<string>> {
  const { rows } = await pool.query<{ job: string }>(
    'select job from cron_pause where environment = $1 and resumed_at is null',
    [environment],
  );
  return new Set(rows.map(({ job }) => job));
}

/** The pauses of jobs that end after `since`, or do not end; oldest first. */
export async function readPauses(
  pool: Pool,
  environment: string,
  { jobs, since }: { jobs: readonly string[]; since: number },
): Promise<Map<string, JobPause[]>> {
  const { rows } = await pool.query<{
    job: string;
    paused_at: Date;
    paused_by: string;
    note: string | null;
    resumed_at: Date | null;
  }>({
    name: 'cron-read-pauses',
    text: `select job, paused_at, paused_by, note, resumed_at from cron_pause
           where environment = $1 and job = any($2) and (resumed_at is null or resumed_at > $3) order by paused_at`,
    values: [environment, jobs, new Date(since)],
  });
  const pauses = new Map<string, JobPause[]>();
  for (const row of rows) {
    const pause = {
      pausedAt: row.paused_at.getTime(),
      pausedBy: row.paused_by,
      note: row.note,
      resumedAt: row.resumed_at?.getTime() ?? null,
    };
    pauses.set(row.job, [...(pauses.get(row.job) ?? []), pause]);
  }
  return pauses;
}

/** One that is paused already stays as it is. */
export async function pauseJob(
  pool: Pool,
  environment: string,
  { job, by, note, at }: { job: string; by: string; note: string | null; at: number },
): Promise<void> {
  await pool.query(
    `insert into cron_pause (environment, job, paused_at, paused_by, note)
     select $1, $2, $3, $4, $5
     where not exists (select from cron_pause where environment = $1 and job = $2 and resumed_at is null)
     on conflict do nothing`,
    [environment, job, new Date(at), by, note],
  );
}

export async function resumeJob(
  pool: Pool,
  environment: string,
  { job, by, at }: { job: string; by: string; at: number },
): Promise<void> {
  await pool.query(
    `update cron_pause set resumed_at = greatest($3, paused_at), resumed_by = $4
     where environment = $1 and job = $2 and resumed_at is null`,
    [environment, job, new Date(at), by],
  );
}
