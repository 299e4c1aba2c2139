/** What jobs told by pings, and by which UUIDs they may do so. */
import type { Pool, PoolClient } from 'pg';
import type { Ping, PingKind } from '../../domain/push.js';
import { inTransaction } from './transaction.js';

/** Of each job at least so many pings are kept, those of `keptForMs` too, at most `mostKept`, and the bodies of `bodiesKept`. */
const leastKept = 1_000;
const mostKept = 10_000;
const keptForMs = 3 * 86_400_000;
const bodiesKept = 50;

/** When this resolves, the ping is committed. */
export async function writeJobPing(
  pool: Pool,
  environment: string,
  { job, ping, source }: { job: string; ping: Ping; source: string },
): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query({
      name: 'cron-write-ping',
      text: `insert into cron_ping (environment, job, at, kind, exit_code, rid, body, source)
             values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      values: [environment, job, new Date(ping.at), ping.kind, ping.exitCode, ping.rid, ping.body, source],
    });
    await dropOld(client, environment, job, ping.at);
  });
}

async function dropOld(client: PoolClient, environment: string, job: string, now: number): Promise<void> {
  // Pings of one job come at the same time, too: one of them drops what is old.
  const { rows } = await client.query<{ is_ours: boolean }>({
    name: 'cron-lock-pings',
    text: `select pg_try_advisory_xact_lock(hashtextextended('opsloop cron_ping ' || $1 || ' ' || $2, 0)) as is_ours`,
    values: [environment, job],
  });
  if (rows[0]?.is_ours !== true) return;
  await client.query({
    name: 'cron-drop-pings',
    text: `delete from cron_ping where environment = $1 and job = $2 and number <= ${newest('$3')}
             and (at < $4 or number <= ${newest('$5')})`,
    values: [environment, job, leastKept, new Date(now - keptForMs), mostKept],
  });
  await client.query({
    name: 'cron-drop-bodies',
    text: `update cron_ping set body = ''
           where environment = $1 and job = $2 and body <> '' and number <= ${newest('$3')}`,
    values: [environment, job, bodiesKept],
  });
}

/** The newest ping of which so many are newer. */
const newest = (newer: string): string =>
  `(select number from cron_ping where environment = $1 and job = $2 order by number desc offset ${newer} limit 1)`;

const columns = 'at, number, kind, exit_code, rid, body';

/**
 * The pings of a job from an instant on (epoch ms), oldest first. So that no run is seen in half, what the same runs told before that is
 * given, too: of runs with an id all of it, else the last start or end.
 */
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
    text: `with recent as (select ${columns} from cron_ping where environment = $1 and job = $2 and at >= $3)
           select * from recent
           union all
           select ${columns} from cron_ping where environment = $1 and job = $2 and at < $3 and rid in (select rid from recent)
           union all
           (select ${columns} from cron_ping
            where environment = $1 and job = $2 and at < $3 and rid is null and kind <> 'log'
            order by at desc, number desc limit 1)
           order by at, number`,
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

/** Whether the latest pings of a job tell ends only; false when there are none. */
export async function readIsEndsOnly(pool: Pool, environment: string, job: string): Promise<boolean> {
  const { rows } = await pool.query<{ is_ends_only: boolean | null }>({
    name: 'cron-read-ping-habit',
    text: `select bool_and(kind <> 'start') as is_ends_only from (
             select kind from cron_ping where environment = $1 and job = $2 and kind <> 'log'
             order by at desc, number desc limit 20) as latest`,
    values: [environment, job],
  });
  return rows[0]?.is_ends_only ?? false;
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
