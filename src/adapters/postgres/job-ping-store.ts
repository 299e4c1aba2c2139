/** What jobs told by pings, and by which UUIDs they may do so. */
import type { Pool } from 'pg';
import type { Ping, PingKind } from '../../domain/push.js';
import { inTransaction } from './transaction.js';

/** Pings kept of each job, and how many of them with their bodies. */
const pingsKept = 10_000;
const bodiesKept = 100;

/** When this resolves, the ping is committed. */
export async function writeJobPing(
  pool: Pool,
  environment: string,
  { job, ping, source }: { job: string; ping: Ping; source: string },
): Promise<void> {
  await inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ number: string }>(
      `insert into cron_ping (environment, job, at, kind, exit_code, rid, body, source)
       values ($1, $2, $3, $4, $5, $6, $7, $8) returning number`,
      [environment, job, new Date(ping.at), ping.kind, ping.exitCode, ping.rid, ping.body, source],
    );
    const number = Number(rows[0]?.number ?? 0);
    // Now and then is often enough: the numbers are those of all jobs.
    if (number % 50 !== 0) return;
    await client.query(
      `delete from cron_ping where environment = $1 and job = $2 and number < (
         select min(number) from (
           select number from cron_ping where environment = $1 and job = $2 order by number desc limit $3) as kept)`,
      [environment, job, pingsKept],
    );
    await client.query(
      `update cron_ping set body = '' where environment = $1 and job = $2 and body <> '' and number < (
         select min(number) from (
           select number from cron_ping where environment = $1 and job = $2 order by number desc limit $3) as kept)`,
      [environment, job, bodiesKept],
    );
  });
}

/** The pings of a job from an instant on (epoch ms), oldest first. */
export async function readJobPings(
  pool: Pool,
  environment: string,
  { job, since }: { job: string; since: number },
): Promise<Ping[]> {
  const { rows } = await pool.query<{
    at: Date;
    kind: PingKind;
    exit_code: number | null;
    rid: string | null;
    body: string;
  }>({
    name: 'cron-read-pings',
    text: `select at, kind, exit_code, rid, body from cron_ping
           where environment = $1 and job = $2 and at >= $3 order by at, number limit 20000`,
    values: [environment, job, new Date(since)],
  });
  return rows.map((row) => ({
    at: row.at.getTime(),
    kind: row.kind,
    exitCode: row.exit_code,
    rid: row.rid,
    body: row.body,
  }));
}

/** The job that a UUID names; null: none of this environment. */
export async function jobOfUuid(pool: Pool, environment: string, uuid: string): Promise<string | null> {
  const { rows } = await pool.query<{ job: string }>(
    'select job from cron_job where environment = $1 and uuid = $2',
    [environment, uuid],
  );
  return rows[0]?.job ?? null;
}

export interface JobPingFacts {
  uuid: string;
  /** Epoch ms. */
  lastPingAt: number | null;
}

/** Null: the job was not applied yet. */
export async function readJobPingFacts(
  pool: Pool,
  environment: string,
  job: string,
): Promise<JobPingFacts | null> {
  const { rows } = await pool.query<{ uuid: string; last_at: Date | null }>(
    `select uuid, (select max(at) from cron_ping where environment = $1 and job = $2) as last_at
     from cron_job where environment = $1 and job = $2`,
    [environment, job],
  );
  const row = rows[0];
  return row === undefined ? null : { uuid: row.uuid, lastPingAt: row.last_at?.getTime() ?? null };
}
