/** What people ask about deployments, read from the database; the workflows write it, nothing here does. */
import type { Pool } from 'pg';
import type { DeploymentWayKind } from '../../domain/deployment-settings.js';
import type { DeploymentRecord } from '../../domain/deployment.js';

/** Deployments of an environment, or of one target of it; newest first. */
export async function readDeployments(
  pool: Pool,
  environment: string,
  { target = null, limit = 1000 }: { target?: string | null; limit?: number } = {},
): Promise<DeploymentRecord[]> {
  const { rows } = await pool.query<RecordRow>(
    `select record, number from deployment where environment = $1 and ($2::text is null or target = $2)
     order by started_at desc, target, number desc limit $3`,
    [environment, target, limit],
  );
  return rows.map(recordOf);
}

/** One deployment of a target, or its newest when `number` is null; null: there is none. */
export async function readDeployment(
  pool: Pool,
  environment: string,
  target: string,
  number: number | null,
): Promise<DeploymentRecord | null> {
  const { rows } = await pool.query<RecordRow>(
    `select record, number from deployment
     where environment = $1 and target = $2 and ($3::integer is null or number = $3) order by number desc limit 1`,
    [environment, target, number],
  );
  return rows[0] === undefined ? null : recordOf(rows[0]);
}

export interface DeploymentTarget {
  name: string;
  via: DeploymentWayKind;
  services: string[];
}

/** What can be deployed by the applied configuration, in its order. */
export async function readDeploymentTargets(pool: Pool, environment: string): Promise<DeploymentTarget[]> {
  // A configuration applied by an earlier version has no deployments.
  const { rows } = await pool.query<DeploymentTarget>(
    `select item.value->>'name' as name, item.value->'via'->>'kind' as via, item.value->'services' as services
     from (select document from configuration where environment = $1 order by revision desc limit 1) applied,
       jsonb_array_elements(coalesce(document->'deployments', '[]')) with ordinality as item
     order by item.ordinality`,
    [environment],
  );
  return rows;
}

interface RecordRow {
  record: DeploymentRecord;
  number: number;
}

// The number of the row counts: what is known of a deployment may have been put together before it had one.
const recordOf = ({ record, number }: RecordRow): DeploymentRecord => ({ ...record, number });
