/** Push checks in PostgreSQL: how each stands, and its latest pings. */
import type { Pool, PoolClient } from 'pg';
import { firstLine, takePing, type Ping, type PingKind, type PushStanding } from '../../domain/push.js';

/** Pings kept of each service, and how many of them with their bodies. */
const pingsKept = 100;
const bodiesKept = 10;

interface StandingRow {
  service: string;
  uuid: string;
  first_applied_at: Date;
  last_success_at: Date | null;
  last_fail_at: Date | null;
  last_start_at: Date | null;
  last_ping_at: Date | null;
  duration_ms: number | null;
  exit_code: number | null;
  reason: string;
  pings: string;
}

const columns =
  'service, uuid, first_applied_at, last_success_at, last_fail_at, last_start_at, last_ping_at, duration_ms, exit_code, reason, pings';

/** A push check as it stands. Instants in epoch ms. */
export interface StoredPushCheck extends PushStanding {
  service: string;
  uuid: string;
  lastPingAt: number | null;
  /** Of the last run whose start was told, ms. */
  durationMs: number | null;
  exitCode: number | null;
}

const storedOf = (row: StandingRow): StoredPushCheck => ({
  service: row.service,
  uuid: row.uuid,
  firstAppliedAt: row.first_applied_at.getTime(),
  lastSuccessAt: row.last_success_at?.getTime() ?? null,
  lastFailAt: row.last_fail_at?.getTime() ?? null,
  lastStartAt: row.last_start_at?.getTime() ?? null,
  lastPingAt: row.last_ping_at?.getTime() ?? null,
  durationMs: row.duration_ms,
  exitCode: row.exit_code,
  reason: row.reason,
});

/** The checks of these services by name; those that nobody knew begin at `now`. */
export async function readPushChecks(
  pool: Pool,
  environment: string,
  { services, now }: { services: readonly string[]; now: number },
): Promise<Map<string, StoredPushCheck>> {
  const read = (): Promise<StoredPushCheck[]> =>
    pool
      .query<StandingRow>(`select ${columns} from push_check where environment = $1 and service = any($2)`, [
        environment,
        services,
      ])
      .then(({ rows }) => rows.map(storedOf));
  let known = await read();
  if (known.length < new Set(services).size) {
    await pool.query(
      `insert into push_check (environment, service, first_applied_at)
       select $1, unnest($2::text[]), $3 on conflict do nothing`,
      [environment, services, new Date(now)],
    );
    known = await read();
  }
  return new Map(known.map((check) => [check.service, check]));
}

/** The service that a UUID names; null: none of this environment. */
export async function pushServiceOf(pool: Pool, environment: string, uuid: string): Promise<string | null> {
  const { rows } = await pool.query<{ service: string }>(
    'select service from push_check where environment = $1 and uuid = $2',
    [environment, uuid],
  );
  return rows[0]?.service ?? null;
}

export interface TakenPing {
  /** True when the heartbeat has something to look at: it was not healthy on record, or this ping is no plain success. */
  isNews: boolean;
}

/** Takes a ping in one transaction: when this resolves, it is committed. */
export async function writePing(
  pool: Pool,
  environment: string,
  { service, ping, source }: { service: string; ping: Ping; source: string },
): Promise<TakenPing> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('begin');
    const before = await lockCheck(client, environment, { service, now: ping.at });
    const durationMs = await durationOf(client, environment, { service, ping, before });
    await updateCheck(client, environment, { service, ping, before, durationMs });
    await insertPing(client, environment, {
      service,
      ping,
      source,
      durationMs,
      number: Number(before.pings) + 1,
    });
    const { rows } = await client.query<{ state: string }>(
      'select state from heartbeat_service where environment = $1 and service = $2',
      [environment, service],
    );
    await client.query('commit');
    const isPlain = ping.kind === 'success' || ping.kind === 'log';
    return { isNews: ping.kind !== 'log' && (!isPlain || rows[0]?.state !== 'healthy') };
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release(failure);
  }
}

async function lockCheck(
  client: PoolClient,
  environment: string,
  { service, now }: { service: string; now: number },
): Promise<StandingRow> {
  const { rows } = await client.query<StandingRow>(
    `insert into push_check as known (environment, service, first_applied_at) values ($1, $2, $3)
     on conflict (environment, service) do update set first_applied_at = known.first_applied_at
     returning ${columns}`,
    [environment, service, new Date(now)],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('the row of a push check was not returned');
  return row;
}

interface Taking {
  service: string;
  ping: Ping;
  before: StandingRow;
  durationMs: number | null;
}

/** From the start of the same run id (or the last start, without ids) to this end; null when no start was told. */
async function durationOf(
  client: PoolClient,
  environment: string,
  { service, ping, before }: Omit<Taking, 'durationMs'>,
): Promise<number | null> {
  if (ping.kind !== 'success' && ping.kind !== 'fail') return null;
  const { rows } = await client.query<{ at: Date | null }>(
    `select max(at) as at from push_ping
     where environment = $1 and service = $2 and kind = 'start' and rid is not distinct from $3 and at <= $4`,
    [environment, service, ping.rid, new Date(ping.at)],
  );
  const startedAt = rows[0]?.at?.getTime();
  if (startedAt === undefined) return null;
  const lastEndAt = Math.max(before.last_success_at?.getTime() ?? 0, before.last_fail_at?.getTime() ?? 0);
  return ping.rid === null && startedAt < lastEndAt ? null : ping.at - startedAt;
}

async function updateCheck(
  client: PoolClient,
  environment: string,
  { service, ping, before, durationMs }: Taking,
): Promise<void> {
  const after = takePing(storedOf(before), ping);
  const instant = (at: number | null): Date | null => (at === null ? null : new Date(at));
  await client.query(
    `update push_check set last_success_at = $3, last_fail_at = $4, last_start_at = $5,
       last_ping_at = greatest(last_ping_at, $6), reason = $7, duration_ms = coalesce($8, duration_ms),
       exit_code = coalesce($9, exit_code), pings = pings + 1
     where environment = $1 and service = $2`,
    [
      environment,
      service,
      instant(after.lastSuccessAt),
      instant(after.lastFailAt),
      instant(after.lastStartAt),
      new Date(ping.at),
      after.reason,
      durationMs,
      ping.exitCode,
    ],
  );
}

async function insertPing(
  client: PoolClient,
  environment: string,
  { service, ping, source, durationMs, number }: Omit<Taking, 'before'> & { source: string; number: number },
): Promise<void> {
  await client.query(
    `insert into push_ping (environment, service, number, at, kind, exit_code, rid, duration_ms, first_line, body, source)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      environment,
      service,
      number,
      new Date(ping.at),
      ping.kind,
      ping.exitCode,
      ping.rid,
      durationMs,
      firstLine(ping.body),
      ping.body === '' ? null : ping.body,
      source,
    ],
  );
  await client.query('delete from push_ping where environment = $1 and service = $2 and number <= $3', [
    environment,
    service,
    number - pingsKept,
  ]);
  await client.query(
    'update push_ping set body = null where environment = $1 and service = $2 and number <= $3 and body is not null',
    [environment, service, number - bodiesKept],
  );
}

/** A ping as it is listed. `at` in epoch ms. */
export interface StoredPing {
  at: number;
  kind: PingKind;
  exitCode: number | null;
  durationMs: number | null;
  rid: string | null;
  firstLine: string;
}

/** The latest pings of a service, newest first. */
export async function readPings(
  pool: Pool,
  environment: string,
  { service, limit }: { service: string; limit: number },
): Promise<StoredPing[]> {
  const { rows } = await pool.query<Omit<StoredPing, 'at'> & { at: Date }>(
    `select at, kind, exit_code as "exitCode", duration_ms as "durationMs", rid, first_line as "firstLine"
     from push_ping where environment = $1 and service = $2 order by number desc limit $3`,
    [environment, service, limit],
  );
  return rows.map((row) => ({ ...row, at: row.at.getTime() }));
}
