/** Deployments on record, written as the worker writes them. */
import type { Pool } from 'pg';
import type { DeploymentRecord } from '../../src/domain/deployment.js';

/** Of `shop-api`, from v1 to v2, over and done. */
export const deploymentRecord = (changes: Partial<DeploymentRecord> = {}): DeploymentRecord => ({
  environment: 'shop',
  target: 'shop-api',
  number: 1,
  state: 'succeeded',
  phase: 'document',
  phases: [],
  versionRequested: 'v2',
  versionBefore: 'v1',
  versionAfter: 'v2',
  startedBy: 'alice',
  startedAt: Date.parse('2026-01-01T12:00:00Z'),
  finishedAt: Date.parse('2026-01-01T12:05:00Z'),
  via: 'directory',
  services: ['api'],
  reason: null,
  force: null,
  changes: [],
  backups: [],
  decisions: [],
  leftBehind: [],
  report: null,
  revision: 9,
  ...changes,
});

/** Writes it, or writes it over. */
export async function writeDeploymentRow(pool: Pool, changes: Partial<DeploymentRecord>): Promise<void> {
  const record = deploymentRecord(changes);
  await pool.query(
    `insert into deployment (environment, target, number, started_at, state, phase, version_requested, started_by,
       finished_at, revision, record)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     on conflict (environment, target, number) do update set state = excluded.state, phase = excluded.phase,
       finished_at = excluded.finished_at, revision = excluded.revision, record = excluded.record`,
    [
      record.environment,
      record.target,
      record.number,
      new Date(record.startedAt),
      record.state,
      record.phase,
      record.versionRequested,
      record.startedBy,
      record.finishedAt === null ? null : new Date(record.finishedAt),
      record.revision,
      JSON.stringify(record),
    ],
  );
}
