/** What people ask about loops and services, read from the database; the loops write it, nothing here does. */
import type { Pool } from 'pg';
import type { Availability, ServiceDocument, ServiceState } from '../../domain/documents.js';
import type { LoopState, LoopStatus } from '../../domain/loop.js';

const isoOf = (at: Date | null): string | null => at?.toISOString() ?? null;

/** Three decimals are a microsecond: more is noise. */
const roundedMs = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 1000) / 1000);

interface LoopRow {
  id: string;
  loop: string;
  target: string;
  state: LoopState;
  paused_by: string | null;
  note: string | null;
  last_at: Date | null;
  next_at: Date | null;
  every_ms: string | null;
  count: string;
  missed: string;
}

/** The loops of an environment as they last described themselves, by loop and target. */
export async function readLoops(pool: Pool, environment: string): Promise<LoopStatus[]> {
  const { rows } = await pool.query<LoopRow>(
    `select id, loop, target, state, paused_by, note, last_at, next_at, every_ms, count, missed
     from loop where environment = $1 order by loop, length(target), target`,
    [environment],
  );
  return rows.map((row) => ({
    id: row.id,
    loop: row.loop,
    target: row.target,
    state: row.state,
    pausedBy: row.paused_by,
    note: row.note,
    lastAt: row.last_at?.getTime() ?? null,
    nextAt: row.next_at?.getTime() ?? null,
    everyMs: row.every_ms === null ? null : Number(row.every_ms),
    count: Number(row.count),
    missed: Number(row.missed),
  }));
}

interface ServiceRow {
  name: string;
  state: ServiceState | null;
  since: Date | null;
  last_check_at: Date | null;
  last_verdict: 'healthy' | 'unhealthy' | 'unknown' | null;
  latency_ms: number | null;
  reason: string | null;
  shard: number | null;
  available_24h: number | null;
  available_7d: number | null;
  available_30d: number | null;
}

// Which services there are is told by the applied configuration: one just added has no row of results yet, and the
// row of one just removed may outlive it.
const servicesSql = `
  with applied as (
    select document from configuration where environment = $1 order by revision desc limit 1
  ), service as (
    select item.value->>'name' as name, item.ordinality as position
    from applied, jsonb_array_elements(document->'services') with ordinality as item
    where $2::text is null or item.value->>'name' = $2
  ), availability as (
    select service,
      sum(healthy) filter (where hour >= date_trunc('hour', now() - interval '24 hours'))::float8
        / nullif(sum(healthy + unhealthy) filter (where hour >= date_trunc('hour', now() - interval '24 hours')), 0)
        as available_24h,
      sum(healthy) filter (where hour >= date_trunc('hour', now() - interval '7 days'))::float8
        / nullif(sum(healthy + unhealthy) filter (where hour >= date_trunc('hour', now() - interval '7 days')), 0)
        as available_7d,
      sum(healthy)::float8 / nullif(sum(healthy + unhealthy), 0) as available_30d
    from heartbeat_hour
    where environment = $1 and hour >= date_trunc('hour', now() - interval '30 days')
      and ($2::text is null or service = $2)
    group by service
  )
  select name, state, since, last_check_at, last_verdict, latency_ms, reason, shard,
    available_24h, available_7d, available_30d
  from service
  left join heartbeat_service known on known.environment = $1 and known.service = name
  left join availability on availability.service = name
  order by position
  limit $3`;

const availabilityOf = (row: ServiceRow): Availability => ({
  '24h': row.available_24h,
  '7d': row.available_7d,
  '30d': row.available_30d,
});

const serviceOf = (row: ServiceRow): ServiceDocument => ({
  name: row.name,
  state: row.state ?? 'unknown',
  since: isoOf(row.since),
  lastCheckAt: isoOf(row.last_check_at),
  latencyMs: roundedMs(row.latency_ms),
  reason: row.reason ?? (row.state === null ? 'not checked yet' : ''),
  availability: availabilityOf(row),
});

/** The services of the applied configuration, in its order, each with its newest result. */
export async function readServices(
  pool: Pool,
  environment: string,
  { limit = 1000 }: { limit?: number } = {},
): Promise<ServiceDocument[]> {
  const { rows } = await pool.query<ServiceRow>(servicesSql, [environment, null, limit]);
  return rows.map(serviceOf);
}

/** A service, with the verdict of its newest check: a single good or bad result need not change its state. */
export interface ServiceReading {
  service: ServiceDocument;
  lastVerdict: 'healthy' | 'unhealthy' | 'unknown' | null;
}

/** One service of the applied configuration; null when it has no such service. */
export async function readService(
  pool: Pool,
  environment: string,
  name: string,
): Promise<ServiceReading | null> {
  const { rows } = await pool.query<ServiceRow>(servicesSql, [environment, name, 1]);
  const row = rows[0];
  return row === undefined ? null : { service: serviceOf(row), lastVerdict: row.last_verdict };
}

/** Names of the services of the applied configuration, in its order. */
export async function readServiceNames(pool: Pool, environment: string): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select item.value->>'name' as name
     from (select document from configuration where environment = $1 order by revision desc limit 1) applied,
       jsonb_array_elements(document->'services') with ordinality as item
     order by item.ordinality`,
    [environment],
  );
  return rows.map(({ name }) => name);
}

/** State and latency of every service, without the cost of availability: what a scrape of metrics needs. */
export async function readServiceStates(
  pool: Pool,
  environment: string,
): Promise<{ name: string; state: ServiceState; latencyMs: number | null; checkedAt: number | null }[]> {
  const { rows } = await pool.query<{
    name: string;
    state: ServiceState | null;
    latency_ms: number | null;
    last_check_at: Date | null;
  }>(
    `select item->>'name' as name, state, latency_ms, last_check_at
     from (select document from configuration where environment = $1 order by revision desc limit 1) applied
     cross join jsonb_array_elements(document->'services') as item
     left join heartbeat_service known on known.environment = $1 and known.service = item->>'name'`,
    [environment],
  );
  return rows.map(({ name, state, latency_ms, last_check_at }) => ({
    name,
    state: state ?? 'unknown',
    latencyMs: latency_ms,
    checkedAt: last_check_at?.getTime() ?? null,
  }));
}
