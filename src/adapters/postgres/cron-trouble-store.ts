/** Which troubles of jobs people were told: one message per outage. */
import type { Pool } from 'pg';

export const cronTroubles = ['failed', 'missed', 'overrun', 'late'] as const;
export type CronTrouble = (typeof cronTroubles)[number];

/** What people know of a job. */
export interface JobTroubles {
  troubles: CronTrouble[];
  /** When each kind was told last, epoch ms. */
  told: Partial<Record<CronTrouble, number>>;
}

/** A number for the next report about a job: it grows with each call. */
export async function takeReport(pool: Pool, environment: string, job: string): Promise<number> {
  const { rows } = await pool.query<{ reports: string }>({
    name: 'cron-take-report',
    text: `insert into cron_job as known (environment, job, watched_from, settled_until, reports) values ($1, $2, now(), now(), 1)
           on conflict (environment, job) do update set reports = known.reports + 1
           returning reports`,
    values: [environment, job],
  });
  return Number(rows[0]?.reports ?? 1);
}

export async function readTroubles(pool: Pool, environment: string, job: string): Promise<JobTroubles> {
  const { rows } = await pool.query<JobTroubles>({
    name: 'cron-read-troubles',
    text: 'select troubles, told from cron_job where environment = $1 and job = $2',
    values: [environment, job],
  });
  return rows[0] ?? { troubles: [], told: {} };
}

/** `isOn`: it was told at `at`, epoch ms; otherwise it is over. */
export async function writeTrouble(
  pool: Pool,
  environment: string,
  { job, trouble, isOn, at }: { job: string; trouble: CronTrouble; isOn: boolean; at: number },
): Promise<void> {
  await pool.query({
    name: isOn ? 'cron-add-trouble' : 'cron-remove-trouble',
    text: isOn
      ? `update cron_job set troubles = array_append(array_remove(troubles, $3), $3),
           told = told || jsonb_build_object($3::text, $4::double precision)
         where environment = $1 and job = $2`
      : 'update cron_job set troubles = array_remove(troubles, $3) where environment = $1 and job = $2',
    values: isOn ? [environment, job, trouble, at] : [environment, job, trouble],
  });
}

/** Jobs of which people were told a trouble that is not over, without those named. */
export async function readTroubledJobs(
  pool: Pool,
  environment: string,
  { except }: { except: readonly string[] },
): Promise<string[]> {
  const { rows } = await pool.query<{ job: string }>(
    `select job from cron_job where environment = $1 and troubles <> '{}' and job <> all($2)`,
    [environment, except],
  );
  return rows.map(({ job }) => job);
}
