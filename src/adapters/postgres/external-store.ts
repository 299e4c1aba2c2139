/** Alerts from outside as the loop sees them: which have run out, and what their incidents have not been told. */
import type { Pool } from 'pg';
import { incidentId } from '../../domain/ids.js';
import type { AlertGroup, StoredAlert } from '../../domain/external-report.js';
import { lockAlerts } from './external-intake.js';
import { readLastEpisode } from './incident-store.js';

/** The end of a firing alert: the one that was named, or the time limit after it was last heard of. */
const endSql = `greatest(ends_at, heard_at + $2 * interval '1 millisecond')`;

/**
 * What there is to do: whether anything is to be told, and how long until the next alert runs out, ms (0: one has; null:
 * none fires).
 */
export async function lookAtAlerts(
  pool: Pool,
  environment: string,
  resolveTimeoutMs: number,
): Promise<{ isUntold: boolean; nextInMs: number | null }> {
  const { rows } = await pool.query<{ is_untold: boolean; next_in_ms: number | null }>({
    name: 'look-at-external-alerts',
    text: `select
             exists (select from external_alert where environment = $1 and change > told) as is_untold,
             (select extract(epoch from min(${endSql}) - clock_timestamp())::float8 * 1000
              from external_alert where environment = $1 and state = 'firing') as next_in_ms`,
    values: [environment, resolveTimeoutMs],
  });
  const { is_untold: isUntold = false, next_in_ms: inMs = null } = rows[0] ?? {};
  return { isUntold, nextInMs: inMs === null ? null : Math.max(0, Math.ceil(inMs)) };
}

/** Marks alerts as over that the source did not put off in time. */
export async function expireAlerts(pool: Pool, environment: string, resolveTimeoutMs: number): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await lockAlerts(client, environment);
    await client.query(
      `update external_alert set state = 'expired', change = nextval('external_alert_change')
       where environment = $1 and state = 'firing' and ${endSql} <= clock_timestamp()`,
      [environment, resolveTimeoutMs],
    );
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

interface AlertRow {
  type: string;
  target: string;
  severity: StoredAlert['severity'];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  generator_url: string;
  source: StoredAlert['source'];
  state: StoredAlert['state'];
  starts_at: Date;
  updated_at: Date;
  change: string;
  fired: string;
  told: string;
  last_change: string;
  firing: number;
}

/** Alerts of one incident that are read: the untold, the firing and the worst ones first. */
const mostOfGroup = 100;

/** Groups with something to tell, the one that waits longest first. */
export async function readUntoldGroups(
  pool: Pool,
  environment: string,
  limit: number,
): Promise<AlertGroup[]> {
  const { rows } = await pool.query<AlertRow>(
    `with waiting as (
       select type, target, min(change) as since from external_alert
       where environment = $1 and change > told group by type, target order by since limit $2
     )
     select waiting.*, whole.*, alert.* from waiting
     cross join lateral (
       select max(change) as last_change, count(*) filter (where state = 'firing')::int as firing
       from external_alert where environment = $1 and type = waiting.type and target = waiting.target
     ) whole
     cross join lateral (
       select severity, labels, annotations, generator_url, source, state, starts_at, updated_at, change, fired, told
       from external_alert where environment = $1 and type = waiting.type and target = waiting.target
       order by (change > told) desc, (state = 'firing') desc,
                array_position(array['critical', 'high', 'medium', 'low'], severity), change desc
       limit $3
     ) alert
     order by waiting.since, alert.change`,
    [environment, limit, mostOfGroup],
  );
  const groups = new Map<string, AlertGroup>();
  for (const row of rows) {
    const { type, target } = row;
    const id = incidentId({ environment, loop: 'external', type, target });
    const group = groups.get(JSON.stringify([type, target])) ?? {
      environment,
      type,
      target,
      lastEpisode: await readLastEpisode(pool, environment, id),
      lastChange: Number(row.last_change),
      firing: row.firing,
      alerts: [],
    };
    group.alerts.push(storedOf(row));
    groups.set(JSON.stringify([type, target]), group);
  }
  return [...groups.values()];
}

const storedOf = (row: AlertRow): StoredAlert => ({
  severity: row.severity,
  labels: row.labels,
  annotations: row.annotations,
  generatorUrl: row.generator_url,
  source: row.source,
  state: row.state,
  startsAt: row.starts_at.getTime(),
  updatedAt: row.updated_at.getTime(),
  change: Number(row.change),
  fired: Number(row.fired),
  told: Number(row.told),
});

/** Notes that the incident knows everything up to `change`. What came after it is still to be told. */
export async function markTold(
  pool: Pool,
  { environment, type, target }: Pick<AlertGroup, 'environment' | 'type' | 'target'>,
  change: number,
): Promise<void> {
  await pool.query(
    'update external_alert set told = $4 where environment = $1 and type = $2 and target = $3 and told < $4',
    [environment, type, target, change],
  );
}

/** Removes what has been over for a day and was told. */
export async function pruneAlerts(pool: Pool, environment: string): Promise<void> {
  await pool.query(
    `delete from external_alert
     where environment = $1 and state <> 'firing' and told >= change and updated_at < now() - interval '24 hours'`,
    [environment],
  );
}
