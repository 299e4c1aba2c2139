/** The heartbeat's facts in PostgreSQL: ticks with their samples, the newest state of each service, what a shard remembers. */
import type { Pool, PoolClient } from 'pg';
import { inTransaction } from './transaction.js';
import type { ServiceState, ServiceTrack } from '../../domain/heartbeat-track.js';
import type { LatencyBaseline } from '../../domain/latency-baseline.js';
import type { LoopStatus } from '../../domain/loop.js';
import type { Verdict } from '../../domain/observation.js';
import type { ServiceChange } from '../../domain/heartbeat.js';
import { writeLoop } from './loop-store.js';

export interface StoredSample {
  service: string;
  /** Epoch ms. */
  at: number;
  verdict: Verdict;
  latencyMs: number;
  reason: string;
  baseline: LatencyBaseline;
}

export interface StoredTick {
  environment: string;
  shard: number;
  scheduledAt: number;
  startedAt: number;
  durationMs: number;
  healthy: number;
  unhealthy: number;
  unknown: number;
  isolated: boolean;
  isTriggered: boolean;
  missed: number;
  samples: StoredSample[];
  loop: LoopStatus;
}

export interface StoredChanges {
  environment: string;
  shard: number;
  version: number;
  changes: ServiceChange[];
  gone: string[];
}

/** What is on record of a service before a tick. */
export interface KnownService {
  state: ServiceState;
  verdict: Verdict | null;
  checkedAt: number | null;
  baseline: LatencyBaseline;
  /** True while it is told to be unhealthy, by an incident of its own or in that of its cause. Expiry alone is not that. */
  hasIncident: boolean;
  /** True while nothing is wrong with it but that something expires soon: it serves. */
  isExpiring: boolean;
}

/** How long single samples and ticks are kept; hours, which availability is made of, are kept for `hoursKept`. */
const samplesKept = '2 days';
const hoursKept = '40 days';

/** Samples, hours and newest states in one statement: a sample that is there already is added up only once. */
const insertSamples = `
with incoming as (
  select * from unnest($3::text[], $4::timestamptz[], $5::text[], $6::float8[], $7::text[], $8::float8[], $9::float8[], $10::int[])
    as t(service, at, verdict, latency_ms, reason, mean_ms, variance, learned)
), inserted as (
  insert into heartbeat_sample (environment, service, at, verdict, latency_ms, reason)
  select $1, service, at, verdict, latency_ms, reason from incoming
  on conflict do nothing
  returning service, at, verdict, latency_ms
), hours as (
  insert into heartbeat_hour (environment, service, hour, checks, healthy, unhealthy, latency_sum_ms, latency_max_ms)
  select $1, service, date_trunc('hour', at), count(*), count(*) filter (where verdict = 'healthy'),
         count(*) filter (where verdict = 'unhealthy'), sum(latency_ms), max(latency_ms)
  from inserted group by service, date_trunc('hour', at) order by service
  on conflict (environment, service, hour) do update set
    checks = heartbeat_hour.checks + excluded.checks,
    healthy = heartbeat_hour.healthy + excluded.healthy,
    unhealthy = heartbeat_hour.unhealthy + excluded.unhealthy,
    latency_sum_ms = heartbeat_hour.latency_sum_ms + excluded.latency_sum_ms,
    latency_max_ms = greatest(heartbeat_hour.latency_max_ms, excluded.latency_max_ms)
)
insert into heartbeat_service as known
  (environment, service, shard, state, since, last_check_at, last_verdict, latency_ms, reason,
   baseline_mean_ms, baseline_variance, baseline_count)
-- Of a late result and the present one of the same service, the newer counts.
select distinct on (service) $1, service, $2, case when verdict = 'healthy' then 'healthy' else 'unknown' end, at, at, verdict,
       latency_ms, reason, mean_ms, variance, learned
from incoming order by service, at desc
on conflict (environment, service) do update set
  shard = excluded.shard,
  -- The first good result settles a service that nobody knew; everything else is the loop's decision.
  state = case when known.state = 'unknown' and known.track -> 'state' is null and excluded.last_verdict = 'healthy' then 'healthy' else known.state end,
  since = case when known.state = 'unknown' and known.track -> 'state' is null and excluded.last_verdict = 'healthy' then excluded.since else known.since end,
  last_check_at = excluded.last_check_at,
  last_verdict = excluded.last_verdict,
  latency_ms = excluded.latency_ms,
  reason = excluded.reason,
  -- A tick that could not read the baseline began a new one: that must not replace what was learnt.
  baseline_mean_ms = case when excluded.baseline_count < known.baseline_count then known.baseline_mean_ms else excluded.baseline_mean_ms end,
  baseline_variance = case when excluded.baseline_count < known.baseline_count then known.baseline_variance else excluded.baseline_variance end,
  baseline_count = greatest(known.baseline_count, excluded.baseline_count)
where known.last_check_at is null or known.last_check_at < excluded.last_check_at`;

const insertTick = `
insert into heartbeat_tick (environment, shard, scheduled_at, started_at, duration_ms, checked, healthy, unhealthy, unknown, isolated, triggered, missed)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (environment, shard, scheduled_at) do nothing`;

/** Stores a tick, its samples and the loop's row in one transaction. Writing the same tick again changes nothing. */
export async function writeTick(pool: Pool, tick: StoredTick): Promise<void> {
  const at = (epochMs: number): Date => new Date(epochMs);
  const { samples } = tick;
  await inTransaction(pool, async (client) => {
    await client.query({ name: 'insert-samples', text: insertSamples }, [
      tick.environment,
      tick.shard,
      samples.map((sample) => sample.service),
      samples.map((sample) => at(sample.at)),
      samples.map((sample) => sample.verdict),
      samples.map((sample) => sample.latencyMs),
      samples.map((sample) => sample.reason),
      samples.map((sample) => sample.baseline.meanMs),
      samples.map((sample) => sample.baseline.variance),
      samples.map((sample) => sample.baseline.count),
    ]);
    await client.query({ name: 'insert-tick', text: insertTick }, [
      tick.environment,
      tick.shard,
      at(tick.scheduledAt),
      at(tick.startedAt),
      tick.durationMs,
      samples.length,
      tick.healthy,
      tick.unhealthy,
      tick.unknown,
      tick.isolated,
      tick.isTriggered,
      tick.missed,
    ]);
    await writeLoop(client, tick.environment, tick.loop);
  });
}

/** Stores decided states and tracks; an older version never replaces a newer one. */
export async function writeChanges(
  pool: Pool,
  { environment, shard, version, changes, gone }: StoredChanges,
): Promise<void> {
  await inTransaction(pool, async (client) => {
    for (const change of changes) {
      await client.query(
        `insert into heartbeat_service as known (environment, service, shard, state, since, reason, track, track_version)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (environment, service) do update set
           state = excluded.state, reason = excluded.reason,
           -- A track that begins in the middle of a state does not know when the state began.
           since = case when known.state = excluded.state then coalesce(known.since, excluded.since) else excluded.since end,
           -- Episode numbers stay on record when the rest is forgotten: the next trouble counts on from them.
           track = coalesce(excluded.track, case when known.track -> 'episodes' is null then null else jsonb_build_object('episodes', known.track -> 'episodes') end),
           track_version = excluded.track_version
         where known.track_version < excluded.track_version`,
        [
          environment,
          change.name,
          shard,
          change.to,
          new Date(change.since),
          change.reason,
          change.track === null ? null : JSON.stringify(change.track),
          version,
        ],
      );
    }
    await forgetServices(client, { environment, gone, version });
  });
}

/** A service that had incidents leaves the number of the last one: if it comes back, the next is another one. */
async function forgetServices(
  client: PoolClient,
  { environment, gone, version }: Pick<StoredChanges, 'environment' | 'gone' | 'version'>,
): Promise<void> {
  if (gone.length === 0) return;
  await client.query(
    `delete from heartbeat_service where environment = $1 and service = any($2) and track_version < $3
       and coalesce(track -> 'episodes', '{}') = '{}'`,
    [environment, gone, version],
  );
  await client.query(
    `update heartbeat_service set state = 'unknown', since = null, last_check_at = null, last_verdict = null, latency_ms = null,
       reason = '', baseline_mean_ms = null, baseline_variance = null, baseline_count = 0,
       track = jsonb_build_object('episodes', track -> 'episodes'), track_version = $3
     where environment = $1 and service = any($2) and track_version < $3`,
    [environment, gone, version],
  );
}

interface KnownRow {
  service: string;
  state: ServiceState;
  last_verdict: Verdict | null;
  last_check_at: Date | null;
  baseline_mean_ms: number | null;
  baseline_variance: number | null;
  baseline_count: number;
  has_incident: boolean;
  is_expiring: boolean;
}

/** What is on record of these services, by name. */
export async function readKnownServices(
  pool: Pool,
  environment: string,
  names: readonly string[],
): Promise<Map<string, KnownService>> {
  const { rows } = await pool.query<KnownRow>({
    name: 'read-known-services',
    text: `select service, state, last_verdict, last_check_at, baseline_mean_ms, baseline_variance, baseline_count,
             coalesce(track #>> '{problems,unhealthy,incident}' in ('own', 'affected'), false) as has_incident,
             coalesce((track #>> '{problems,expiring,isBad}')::boolean and (track #>> '{problems,unhealthy,isBad}') is distinct from 'true', false) as is_expiring
           from heartbeat_service where environment = $1 and service = any($2)`,
    values: [environment, names],
  });
  const known = rows.map((row): [string, KnownService] => [
    row.service,
    {
      state: row.state,
      verdict: row.last_verdict,
      checkedAt: row.last_check_at?.getTime() ?? null,
      baseline: {
        meanMs: row.baseline_mean_ms ?? 0,
        variance: row.baseline_variance ?? 0,
        count: row.baseline_count,
      },
      hasIncident: row.has_incident,
      isExpiring: row.is_expiring,
    },
  ]);
  return new Map(known);
}

/** Remembered tracks by service; a track of a healthy service holds its episode numbers alone. */
export async function readTracks(
  pool: Pool,
  environment: string,
): Promise<Map<string, Partial<ServiceTrack>>> {
  const { rows } = await pool.query<{ service: string; track: Partial<ServiceTrack> }>(
    'select service, track from heartbeat_service where environment = $1 and track is not null',
    [environment],
  );
  return new Map(rows.map((row) => [row.service, row.track]));
}

/** Removes samples, ticks and hours that are older than they are kept, in steps that lock nothing for long. */
export async function pruneHeartbeat(pool: Pool, environment: string): Promise<void> {
  await pool.query(`delete from heartbeat_sample where environment = $1 and at < now() - $2::interval`, [
    environment,
    samplesKept,
  ]);
  await pool.query(
    `delete from heartbeat_tick where environment = $1 and scheduled_at < now() - $2::interval`,
    [environment, hoursKept],
  );
  await pool.query(`delete from heartbeat_hour where environment = $1 and hour < now() - $2::interval`, [
    environment,
    hoursKept,
  ]);
}
