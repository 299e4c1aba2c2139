/** What the watch of jobs knows: since when it looks without a gap, how far each job is settled, and clocks that were set. */
import type { Pool } from 'pg';
import type { ClockStep } from '../../domain/clock-step.js';

/** Workers say that they are there this often, ms. */
export const aliveEveryMs = 5_000;
/** A gap longer than this means that opsloop was away, ms: a restart, or a database that was killed, takes less. */
const longestGapMs = 15_000;

/**
 * Since when the jobs are looked after without a gap, epoch ms, as of `now`: when the last look is too long ago, opsloop was away until
 * now. `isLook`: this is a look.
 */
export async function readUpSince(
  pool: Pool,
  environment: string,
  { now, isLook }: { now: number; isLook: boolean },
): Promise<number> {
  if (!isLook) {
    const { rows } = await pool.query<{ up_since: Date; looked_at: Date }>({
      name: 'cron-read-watch',
      text: 'select up_since, looked_at from cron_watch where environment = $1',
      values: [environment],
    });
    const row = rows[0];
    return row === undefined || now - row.looked_at.getTime() > longestGapMs ? now : row.up_since.getTime();
  }
  const { rows } = await pool.query<{ up_since: Date }>({
    name: 'cron-touch-watch',
    text: `insert into cron_watch as known (environment, up_since, looked_at) values ($1, $2, $2)
           on conflict (environment) do update set looked_at = excluded.looked_at,
             up_since = case when excluded.looked_at - known.looked_at > make_interval(secs => $3) or excluded.looked_at < known.up_since
               then excluded.looked_at else known.up_since end
           returning up_since`,
    values: [environment, new Date(now), longestGapMs / 1000],
  });
  return rows[0]?.up_since.getTime() ?? now;
}

/** Epoch ms; null: no review was made yet. */
export async function readReviewedUntil(pool: Pool, environment: string): Promise<number | null> {
  const { rows } = await pool.query<{ reviewed_until: Date | null }>(
    'select reviewed_until from cron_watch where environment = $1',
    [environment],
  );
  return rows[0]?.reviewed_until?.getTime() ?? null;
}

export async function writeReviewedUntil(pool: Pool, environment: string, until: number): Promise<void> {
  await pool.query('update cron_watch set reviewed_until = $2 where environment = $1', [
    environment,
    new Date(until),
  ]);
}

export interface JobState {
  job: string;
  /** Epoch ms. */
  watchedFrom: number;
  settledUntil: number;
}

/** Jobs that nobody knew are left out. */
export async function readJobStates(pool: Pool, environment: string): Promise<Map<string, JobState>> {
  const { rows } = await pool.query<{ job: string; watched_from: Date; settled_until: Date }>({
    name: 'cron-read-job-states',
    text: 'select job, watched_from, settled_until from cron_job where environment = $1',
    values: [environment],
  });
  return new Map(
    rows.map((row) => [
      row.job,
      {
        job: row.job,
        watchedFrom: row.watched_from.getTime(),
        settledUntil: row.settled_until.getTime(),
      },
    ]),
  );
}

/** Never goes back. */
export async function writeSettledUntil(
  pool: Pool,
  environment: string,
  settled: ReadonlyMap<string, number>,
): Promise<void> {
  if (settled.size === 0) return;
  await pool.query({
    name: 'cron-write-settled-until',
    text: `update cron_job set settled_until = greatest(settled_until, given.at)
           from unnest($2::text[], $3::timestamptz[]) as given (job, at)
           where environment = $1 and cron_job.job = given.job`,
    values: [environment, [...settled.keys()], [...settled.values()].map((at) => new Date(at).toISOString())],
  });
}

/** Slots on record of jobs, from `since` on: job → instants, epoch ms. */
export async function readRecordedSlots(
  pool: Pool,
  environment: string,
  { jobs, since }: { jobs: readonly string[]; since: number },
): Promise<Map<string, Set<number>>> {
  const { rows } = await pool.query<{ job: string; slots: Date[] }>({
    name: 'cron-read-recorded-slots',
    text: `select job, array_agg(scheduled_at) as slots from cron_execution
           where environment = $1 and job = any($2) and scheduled_at >= $3 and attempt = 1 group by job`,
    values: [environment, jobs, new Date(since)],
  });
  return new Map(rows.map(({ job, slots }) => [job, new Set(slots.map((slot) => slot.getTime()))]));
}

export async function writeClockStep(
  pool: Pool,
  environment: string,
  { host, fromAt, toAt }: ClockStep & { host: string },
): Promise<void> {
  await pool.query(
    `insert into cron_clock_step (environment, host, from_at, to_at) values ($1, $2, $3, $4) on conflict do nothing`,
    [environment, host, new Date(fromAt), new Date(toAt)],
  );
}

/** Steps that end after `since`, epoch ms; of every host. */
export async function readClockSteps(pool: Pool, environment: string, since: number): Promise<ClockStep[]> {
  const { rows } = await pool.query<{ from_at: Date; to_at: Date }>({
    name: 'cron-read-clock-steps',
    text: 'select from_at, to_at from cron_clock_step where environment = $1 and to_at >= $2 order by to_at',
    values: [environment, new Date(since)],
  });
  return rows.map((row) => ({ fromAt: row.from_at.getTime(), toAt: row.to_at.getTime() }));
}
