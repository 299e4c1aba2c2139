/** Deployments in PostgreSQL: their numbers, what is known of each, and which ones go on. */
import type { Pool } from 'pg';
import type { DeploymentRecord } from '../../domain/deployment.js';
import { inTransaction } from './transaction.js';

const at = (epochMs: number | null): Date | null => (epochMs === null ? null : new Date(epochMs));

const columns =
  'environment, target, number, started_at, state, phase, version_requested, version_before, version_after, started_by, ' +
  'services, finished_at, revision, record';
const values = '$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14';

const valuesOf = (record: DeploymentRecord): unknown[] => [
  record.environment,
  record.target,
  record.number,
  at(record.startedAt),
  record.state,
  record.phase,
  record.versionRequested,
  record.versionBefore,
  record.versionAfter,
  record.startedBy,
  record.services,
  at(record.finishedAt),
  record.revision,
  JSON.stringify(record),
];

/**
 * Gives a deployment its number, 1, 2, … per target, and its row. Its identity is environment, target and `startedAt`: asked again, it
 * has the same number. Two at once take turns.
 */
export async function beginDeployment(pool: Pool, record: DeploymentRecord): Promise<number> {
  const { environment, target, startedAt } = record;
  return inTransaction(pool, async (client) => {
    await client.query(
      `select pg_advisory_xact_lock(hashtextextended('opsloop deployment ' || $1 || ' ' || $2, 0))`,
      [environment, target],
    );
    const { rows } = await client.query<{ own: number | null; last: number | null }>(
      `select max(number) filter (where started_at = $3) as own, max(number) as last
       from deployment where environment = $1 and target = $2`,
      [environment, target, at(startedAt)],
    );
    const own = rows[0]?.own ?? null;
    if (own !== null) return own;
    const number = (rows[0]?.last ?? 0) + 1;
    await client.query(
      `insert into deployment (${columns}) values (${values})`,
      valuesOf({ ...record, number }),
    );
    return number;
  });
}

/** Writes what is known of a deployment; only a higher `revision` replaces what is there. One without a number is not written. */
export async function writeDeployment(pool: Pool, record: DeploymentRecord): Promise<void> {
  if (record.number === 0) return;
  await pool.query(
    `insert into deployment as known (${columns}) values (${values})
     on conflict (environment, target, number) do update set
       state = excluded.state, phase = excluded.phase, version_requested = excluded.version_requested,
       version_before = excluded.version_before, version_after = excluded.version_after, started_by = excluded.started_by,
       services = excluded.services, finished_at = excluded.finished_at, revision = excluded.revision, record = excluded.record
     where known.revision < excluded.revision`,
    valuesOf(record),
  );
}

export interface OpenDeployment {
  target: string;
  number: number;
  services: string[];
  /** Epoch ms. */
  startedAt: number;
}

/** Deployments that change, or have changed, something and are not over, oldest first. Cheap: an index holds nothing but open ones. */
export async function readOpenDeployments(pool: Pool, environment: string): Promise<OpenDeployment[]> {
  const { rows } = await pool.query<{ target: string; number: number; services: string[]; started_at: Date }>(
    `select target, number, services, started_at from deployment
     where environment = $1 and finished_at is null
       and phase in ('deploy', 'verify', 'watch', 'rollBack', 'verifyRollBack') order by started_at, target, number`,
    [environment],
  );
  return rows.map(({ started_at, ...row }) => ({ ...row, startedAt: started_at.getTime() }));
}

export interface OpenCriticalIncident {
  /** Workflow id. */
  id: string;
  target: string;
  reason: string;
}

/**
 * Critical incidents of these services that nobody and nothing has resolved, oldest first. Not those of deployments: the next
 * deployment is what ends them.
 */
export async function readOpenCriticalIncidents(
  pool: Pool,
  environment: string,
  services: string[],
): Promise<OpenCriticalIncident[]> {
  const { rows } = await pool.query<OpenCriticalIncident>(
    `select id, target, reason from incident
     where environment = $1 and state <> 'resolved' and severity = 'critical' and loop <> 'deployment' and target = any($2::text[])
     order by opened_at, id, episode`,
    [environment, services],
  );
  return rows;
}
