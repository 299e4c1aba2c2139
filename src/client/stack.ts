/** The running stack as a client sees it: the database at once, Temporal when something asks for it. */
import type { Pool } from 'pg';
import type { Config } from '../config/config.js';
import { OpsError } from '../domain/errors.js';
import { findEndpoints, type Endpoints, type Environment } from './endpoints.js';
import { connectTemporal, preloadTemporal, type Temporal } from './temporal.js';

export interface Stack {
  environment: string;
  endpoints: Endpoints;
  pool: Pool;
  /** Connects at the first call, within 3 s or the limit given; throws OpsError `unavailable` when it cannot. */
  temporal: (limitMs?: number) => Promise<Temporal>;
  /** Runs queries, with errors for people when the database is gone. */
  read: <T>(query: (pool: Pool, environment: string) => Promise<T>) => Promise<T>;
  close: () => Promise<void>;
}

export interface StackOptions {
  /** null: without a configuration the database must hold exactly one environment. */
  config: Config | null;
  env: Environment;
  endpoints?: Endpoints;
  /** Start connecting to Temporal at once, beside the first queries. */
  needsTemporal?: boolean;
}

async function findEnvironment(pool: Pool): Promise<string> {
  const { appliedEnvironments } = await import('../adapters/postgres/configuration-store.js');
  const environments = await appliedEnvironments(pool);
  const [only] = environments;
  if (only !== undefined && environments.length === 1) return only;
  const found = only === undefined ? 'none was applied yet' : `there are ${environments.join(', ')}`;
  throw new OpsError(
    'invalidInput',
    `no opsloop.yaml here or above says which environment is meant, and in the database ${found}. ` +
      'Run this in the folder of opsloop.yaml, or say --config FILE.',
    { field: 'config' },
  );
}

/** A pool on the endpoints' database; throws OpsError `unavailable` when nothing says where it is. */
export async function openDatabase(
  endpoints: Endpoints,
  applicationName: string,
): Promise<{ pool: Pool; url: string }> {
  const { databaseUrl } = endpoints;
  if (databaseUrl === null) {
    throw new OpsError(
      'unavailable',
      'nothing says where the database is. Is `opsloop up` running? Otherwise set DATABASE_URL or `database.url`.',
    );
  }
  const { createPool } = await import('../adapters/postgres/pool.js');
  return {
    pool: createPool({ url: databaseUrl, applicationName, queryTimeoutMs: 30_000 }),
    url: databaseUrl,
  };
}

export interface CreateStackOptions {
  environment: string;
  endpoints: Endpoints;
  env: Environment;
  pool: Pool;
  /** Where the pool connects to; for errors. */
  databaseUrl: string;
  asDatabaseError: (error: unknown, url: string) => unknown;
}

/** A stack on servers that need not be there yet: each call says so when they are not. Closing it ends the pool. */
export function createStack(options: CreateStackOptions): Stack {
  const { environment, endpoints, env, pool, databaseUrl, asDatabaseError } = options;
  let connecting: Promise<Temporal> | null = null;
  const temporal = (limitMs?: number): Promise<Temporal> => {
    connecting ??= connectTemporal(endpoints, env, limitMs).catch((error: unknown) => {
      // The next call tries again.
      connecting = null;
      throw error;
    });
    return connecting;
  };
  return {
    environment,
    endpoints,
    pool,
    temporal,
    read: async (query) => {
      try {
        return await query(pool, environment);
      } catch (error) {
        throw asDatabaseError(error, databaseUrl);
      }
    },
    close: async () => {
      const closed = connecting?.then((connection) => connection.close()).catch(() => undefined);
      await Promise.all([pool.end(), closed]);
    },
  };
}

/**
 * Finds the stack and connects to its database within 5 s. Throws OpsError `unavailable` (with the address tried)
 * when it cannot be reached, `conflict` when its schema does not fit this release.
 */
export async function openStack({
  config,
  env,
  endpoints: known,
  needsTemporal = false,
}: StackOptions): Promise<Stack> {
  const endpoints = known ?? (await findEndpoints(config, env));
  if (needsTemporal) await preloadTemporal();
  const { pool, url: databaseUrl } = await openDatabase(endpoints, 'opsloop-cli');
  const { asDatabaseError } = await import('../adapters/postgres/pool.js');
  const options = { endpoints, env, pool, databaseUrl, asDatabaseError };
  const stack = createStack({ ...options, environment: config?.environment ?? '' });
  try {
    const { requireCurrentSchema } = await import('../adapters/postgres/migrations.js');
    await requireCurrentSchema(pool);
    // Only now: a connection being tried would hold up the message that the database is gone. Its own failure is told by
    // whoever awaits it; until then it must not end the process.
    if (needsTemporal) stack.temporal().catch(() => undefined);
    if (config !== null) return stack;
    const environment = await findEnvironment(pool);
    return { ...stack, environment, read: (query) => stack.read((database) => query(database, environment)) };
  } catch (error) {
    await stack.close();
    throw asDatabaseError(error, databaseUrl);
  }
}
