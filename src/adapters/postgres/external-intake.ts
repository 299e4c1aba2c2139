/** Takes alerts from outside into PostgreSQL: a message is there as a whole, or not at all. */
import type { Pool, PoolClient } from 'pg';
import {
  externalSeverity,
  externalTarget,
  takeAlert,
  type IncomingAlert,
  type KnownAlert,
} from '../../domain/external.js';

interface KnownRow {
  fingerprint: string;
  state: KnownAlert['state'];
  starts_at: Date;
  ends_at: Date | null;
  heard_at: Date | null;
}

interface Taken {
  incoming: IncomingAlert;
  alert: KnownAlert;
  hasTurned: boolean;
  hasFired: boolean;
}

/**
 * Takes one message in one transaction; gives how many alerts began or ended by it. Repeating a message changes
 * nothing but how long an alert without an end is believed.
 */
export async function storeAlerts(
  pool: Pool,
  environment: string,
  alerts: readonly IncomingAlert[],
): Promise<{ turned: number }> {
  if (alerts.length === 0) return { turned: 0 };
  const client = await pool.connect();
  try {
    await client.query('begin');
    await lockAlerts(client, environment);
    const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now');
    const now = rows[0]?.now.getTime() ?? 0;
    const known = await readKnown(client, environment, alerts);
    const taken = takeAll(known, alerts, now);
    await writeTaken(client, { environment, taken, now });
    await client.query('commit');
    return { turned: taken.filter(({ hasTurned }) => hasTurned).length };
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

/** Numbers of changes must become visible in their order: changes of one environment take turns. */
export async function lockAlerts(client: PoolClient, environment: string): Promise<void> {
  await client.query(`select pg_advisory_xact_lock(hashtextextended('opsloop external ' || $1, 0))`, [
    environment,
  ]);
}

async function readKnown(
  client: PoolClient,
  environment: string,
  alerts: readonly IncomingAlert[],
): Promise<Map<string, KnownAlert>> {
  const { rows } = await client.query<KnownRow>(
    `select fingerprint, state, starts_at, ends_at, heard_at from external_alert
     where environment = $1 and fingerprint = any($2)`,
    [environment, alerts.map(({ fingerprint }) => fingerprint)],
  );
  return new Map(
    rows.map(({ fingerprint, state, starts_at, ends_at, heard_at }) => [
      fingerprint,
      {
        state,
        startsAt: starts_at.getTime(),
        endsAt: ends_at?.getTime() ?? null,
        heardAt: heard_at?.getTime() ?? null,
      },
    ]),
  );
}

/** One message may name an alert more than once: each is taken on top of the one before. */
function takeAll(
  before: ReadonlyMap<string, KnownAlert>,
  alerts: readonly IncomingAlert[],
  now: number,
): Taken[] {
  const known = new Map(before);
  const taken = new Map<string, Taken>();
  for (const incoming of alerts) {
    const { fingerprint } = incoming;
    const change = takeAlert(known.get(fingerprint) ?? null, incoming, now);
    if (change === null) continue;
    known.set(fingerprint, change.alert);
    const earlier = taken.get(fingerprint);
    taken.set(fingerprint, {
      incoming,
      alert: change.alert,
      hasTurned: change.turned !== null || earlier?.hasTurned === true,
      hasFired: change.turned === 'firing' || earlier?.hasFired === true,
    });
  }
  return [...taken.values()];
}

async function writeTaken(
  client: PoolClient,
  { environment, taken, now }: { environment: string; taken: Taken[]; now: number },
): Promise<void> {
  if (taken.length === 0) return;
  const numbers = await reserveNumbers(client, 2 * taken.length);
  const rows = taken.map(({ incoming, alert, hasTurned, hasFired }, index) => ({
    fingerprint: incoming.fingerprint,
    type: incoming.labels['alertname'],
    target: externalTarget(incoming.labels, incoming.fingerprint),
    severity: externalSeverity(incoming.labels),
    labels: incoming.labels,
    annotations: incoming.annotations,
    generator_url: incoming.generatorUrl,
    source: incoming.source,
    state: alert.state,
    starts_at: new Date(alert.startsAt),
    ends_at: alert.endsAt === null ? null : new Date(alert.endsAt),
    heard_at: alert.heardAt === null ? null : new Date(alert.heardAt),
    updated_at: new Date(now),
    fired: hasFired ? numbers[2 * index] : null,
    // Begun and over in one message: two changes.
    change: hasTurned ? numbers[2 * index + (hasFired && alert.state === 'firing' ? 0 : 1)] : null,
  }));
  await client.query(
    `insert into external_alert as known (environment, fingerprint, type, target, severity, labels, annotations, generator_url,
                                          source, state, starts_at, ends_at, heard_at, updated_at, change, fired)
     select $1, fingerprint, type, target, severity, labels, annotations, generator_url,
            source, state, starts_at, ends_at, heard_at, updated_at, coalesce(change, 0), coalesce(fired, 0)
     from jsonb_to_recordset($2::jsonb) as taken (
       fingerprint text, type text, target text, severity text, labels jsonb, annotations jsonb, generator_url text,
       source text, state text, starts_at timestamptz, ends_at timestamptz, heard_at timestamptz, updated_at timestamptz,
       change bigint, fired bigint)
     on conflict (environment, fingerprint) do update set
       annotations = excluded.annotations, generator_url = excluded.generator_url, source = excluded.source,
       state = excluded.state, starts_at = excluded.starts_at, ends_at = excluded.ends_at, heard_at = excluded.heard_at,
       updated_at = excluded.updated_at,
       change = greatest(known.change, excluded.change), fired = greatest(known.fired, excluded.fired)`,
    [environment, JSON.stringify(rows)],
  );
}

async function reserveNumbers(client: PoolClient, count: number): Promise<number[]> {
  const { rows } = await client.query<{ number: string }>(
    `select nextval('external_alert_change') as number from generate_series(1, $1)`,
    [count],
  );
  return rows.map(({ number }) => Number(number)).sort((a, b) => a - b);
}
