/** Which troubles of jobs people were told: one message per outage. */
import type { Pool } from 'pg';

export const cronTroubles = ['failed', 'missed', 'overrun', 'late'] as const;
export type CronTrouble = (typeof cronTroubles)[number];

export interface JobTroubles {
  troubles: CronTrouble[];
  /** Numbers the next report; grows with each call. */
  report: number;
}

/** What people know of a job, with a number for the next report. */
export async function takeReport(pool: Pool, environment: string, job: string): Promise<JobTroubles> {
  const { rows } = await pool.query<{ troubles: CronTrouble[]; reports: string }>({
    name: 'cron-take-report',
    text: `insert into cron_job as known (environment, job, watched_from, settled_until, reports) values ($1, $2, now(), now(), 1)
           on conflict (environment, job) do update set reports = known.reports + 1
           returning troubles, reports`,
    values: [environment, job],
  });
  return { troubles: rows[0]?.troubles ?? [], report: Number(rows[0]?.reports ?? 1) };
}

export async function readTroubles(pool: Pool, environment: string, job: string): Promise<CronTrouble[]> {
  const { rows } = await pool.query<{ troubles: CronTrouble[] }>({
    name: 'cron-read-troubles',
    text: 'select troubles from cron_job where environment = $1 and job = $2',
    values: [environment, job],
  });
  return rows[0]?.troubles ?? [];
}

export async function writeTrouble(
  pool: Pool,
  environment: string,
  { job, trouble, isOn }: { job: string; trouble: CronTrouble; isOn: boolean },
): Promise<void> {
  await pool.query({
    name: isOn ? 'cron-add-trouble' : 'cron-remove-trouble',
    text: isOn
      ? `update cron_job set troubles = array_append(troubles, $3)
         where environment = $1 and job = $2 and not (troubles @> array[$3])`
      : 'update cron_job set troubles = array_remove(troubles, $3) where environment = $1 and job = $2',
    values: [environment, job, trouble],
  });
}

export interface ToldIncident {
  episode: number;
  /** Epoch ms. */
  openedAt: number;
}

/** The newest episode of an incident; null: there was none. */
export async function readToldIncident(
  pool: Pool,
  environment: string,
  id: string,
): Promise<ToldIncident | null> {
  const { rows } = await pool.query<{ episode: number; opened_at: Date }>(
    'select episode, opened_at from incident where environment = $1 and id = $2 order by episode desc limit 1',
    [environment, id],
  );
  const row = rows[0];
  return row === undefined ? null : { episode: row.episode, openedAt: row.opened_at.getTime() };
}
