/** Applied configurations: numbered revisions per environment, a new one only when something changed. */
import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { canonicalJson } from '../../domain/canonical-json.js';
import type { AppliedConfiguration } from '../../domain/configuration.js';

export interface StoredConfiguration {
  revision: number;
  sha256: string;
  configuration: AppliedConfiguration;
  /** Epoch ms. */
  appliedAt: number;
  appliedBy: string;
}

interface ConfigurationRow {
  revision: number;
  sha256: string;
  document: AppliedConfiguration;
  applied_at: Date;
  applied_by: string;
}

const columns = 'revision, sha256, document, applied_at, applied_by';

const storedOf = (row: ConfigurationRow): StoredConfiguration => ({
  revision: row.revision,
  sha256: row.sha256,
  configuration: row.document,
  appliedAt: row.applied_at.getTime(),
  appliedBy: row.applied_by,
});

/** Checksum by which two configurations are the same. */
export const configurationSha256 = (configuration: AppliedConfiguration): string =>
  createHash('sha256').update(canonicalJson(configuration)).digest('hex');

/** The newest applied configuration of an environment; null when none was applied yet. */
export async function latestConfiguration(
  pool: Pool,
  environment: string,
): Promise<StoredConfiguration | null> {
  const { rows } = await pool.query<ConfigurationRow>(
    `select ${columns} from configuration where environment = $1 order by revision desc limit 1`,
    [environment],
  );
  return rows[0] === undefined ? null : storedOf(rows[0]);
}

/** The number of the newest revision; null when none was applied yet. */
export async function latestRevision(pool: Pool, environment: string): Promise<number | null> {
  const { rows } = await pool.query<{ revision: number | null }>({
    name: 'latest-revision',
    text: 'select max(revision) as revision from configuration where environment = $1',
    values: [environment],
  });
  return rows[0]?.revision ?? null;
}

/** One revision; null when there is no such revision. */
export async function configurationOf(
  pool: Pool,
  environment: string,
  revision: number,
): Promise<AppliedConfiguration | null> {
  const { rows } = await pool.query<{ document: AppliedConfiguration }>(
    'select document from configuration where environment = $1 and revision = $2',
    [environment, revision],
  );
  return rows[0]?.document ?? null;
}

/** Names of the environments that have an applied configuration. */
export async function appliedEnvironments(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ environment: string }>(
    'select distinct environment from configuration order by environment',
  );
  return rows.map(({ environment }) => environment);
}

export interface StoreConfigurationRequest {
  configuration: AppliedConfiguration;
  /** Who applies it. */
  by: string;
}

/**
 * Stores a configuration as the next revision of its environment, unless it equals the newest one.
 * Two at once for one environment take turns, so that revisions have no gaps.
 */
export async function storeConfiguration(
  pool: Pool,
  { configuration, by }: StoreConfigurationRequest,
): Promise<{ revision: number; isNew: boolean }> {
  const { environment } = configuration;
  const sha256 = configurationSha256(configuration);
  const client = await pool.connect();
  try {
    await client.query('begin');
    await client.query(`select pg_advisory_xact_lock(hashtextextended('opsloop configuration ' || $1, 0))`, [
      environment,
    ]);
    const { rows } = await client.query<{ revision: number; sha256: string }>(
      'select revision, sha256 from configuration where environment = $1 order by revision desc limit 1',
      [environment],
    );
    const latest = rows[0];
    const isNew = latest?.sha256 !== sha256;
    const revision = isNew ? (latest?.revision ?? 0) + 1 : latest.revision;
    if (isNew) {
      await client.query(
        'insert into configuration (environment, revision, sha256, document, applied_by) values ($1, $2, $3, $4, $5)',
        [environment, revision, sha256, JSON.stringify(configuration), by],
      );
    }
    await client.query('commit');
    return { revision, isNew };
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}
