/** Applies a configuration to wherever its servers are: for the command `apply` and for `up`. */
import type { Config } from '../config/config.js';
import { applyConfiguration, type ApplyResult } from './apply.js';
import { findEndpoints, type Endpoints, type Environment } from './endpoints.js';
import { openDatabase } from './stack.js';
import { connectTemporal, preloadTemporal, type Temporal } from './temporal.js';

export interface ApplyToStackRequest {
  config: Config;
  env: Environment;
  by: string;
  isDryRun: boolean;
  /** Default: the running stack, the environment, the configuration. */
  endpoints?: Endpoints;
}

/** Connects, applies, disconnects. Throws OpsError `unavailable` when a server cannot be reached; then nothing was done. */
export async function applyToStack(request: ApplyToStackRequest): Promise<ApplyResult> {
  const { config, env, by, isDryRun } = request;
  const endpoints = request.endpoints ?? (await findEndpoints(config, env));
  await preloadTemporal();
  const { pool, url } = await openDatabase(endpoints, 'opsloop-apply');
  const { asDatabaseError } = await import('../adapters/postgres/pool.js');
  let temporal: Temporal | null = null;
  try {
    // Both servers first: a plan that can only be half done is not begun.
    await pool.query('select 1');
    temporal = await connectTemporal(endpoints, env);
    return await applyConfiguration({ configuration: config.applied, pool, temporal, by, isDryRun });
  } catch (error) {
    throw asDatabaseError(error, url);
  } finally {
    await Promise.all([pool.end(), temporal?.close()]);
  }
}
