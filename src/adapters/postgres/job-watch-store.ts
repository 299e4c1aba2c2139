/** The jobs that are watched, and from when on their slots count. */
import type { Pool } from 'pg';

/**
 * Makes the rows of jobs that nobody knew. Slots of `begun`, which are new or have new times, count from `now` on only; epoch ms. Repeating
 * it later only lets slots go that are not due by the configuration that counts.
 */
export async function registerJobs(
  pool: Pool,
  environment: string,
  { jobs, begun, now }: { jobs: readonly string[]; begun: readonly string[]; now: number },
): Promise<void> {
  if (jobs.length === 0) return;
  await pool.query(
    `insert into cron_job (environment, job, watched_from, settled_until)
     select $1, unnest($2::text[]), $3, $3 on conflict do nothing`,
    [environment, jobs, new Date(now)],
  );
  await pool.query(
    `update cron_job set settled_until = greatest(settled_until, $3), watched_from = $3
     where environment = $1 and job = any($2)`,
    [environment, begun, new Date(now)],
  );
}
