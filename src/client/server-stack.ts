/** The stack for a process that serves for long: it starts although servers are missing, and finds them later. */
import { asDatabaseError, createPool } from '../adapters/postgres/pool.js';
import type { Config } from '../config/config.js';
import { OpsError } from '../domain/errors.js';
import { findEndpoints, type Endpoints, type Environment } from './endpoints.js';
import { preloadTemporal } from './temporal.js';
import { createStack, type Stack } from './stack.js';

export interface ServerStackOptions {
  config: Config;
  env: Environment;
  /** What the process was told; where it says nothing, the running stack is looked for. */
  endpoints: Endpoints;
}

/** Throws OpsError `unavailable` only when nothing says where the database is. */
export async function openServerStack({ config, env, endpoints: told }: ServerStackOptions): Promise<Stack> {
  const isTold = told.databaseUrl !== null && told.temporal !== null;
  const endpoints = isTold ? told : await findEndpoints(config, env);
  const { databaseUrl } = endpoints;
  if (databaseUrl === null) {
    const text =
      'nothing says where the database is: set DATABASE_URL or `database.url`, or start `opsloop up`.';
    throw new OpsError('unavailable', text);
  }
  await preloadTemporal();
  const pool = createPool({ url: databaseUrl, applicationName: 'opsloop-api', queryTimeoutMs: 10_000 });
  return createStack({ environment: config.environment, endpoints, env, pool, databaseUrl, asDatabaseError });
}
