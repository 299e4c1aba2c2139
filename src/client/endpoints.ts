/** Where the running stack is: told by the endpoints file of `opsloop up`, the environment, or the configuration. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.js';

/** `<stateDir>/run/endpoints.json`, written by `opsloop up` when everything is ready. */
export interface EndpointsFile {
  pid: number;
  startedAt: string;
  temporal: { address: string; namespace: string; webUi: string | null };
  database: { url: string };
  redis: { url: string } | null;
  api: { url: string } | null;
}

/** Where each server is; null where nothing says. URLs may hold passwords: never print them as they are. */
export interface Endpoints {
  /** `source: running` is the stack started by `opsloop up`; its address is taken as it is, without profiles. */
  temporal: {
    address: string;
    namespace: string | null;
    webUi: string | null;
    source: 'running' | 'given';
  } | null;
  databaseUrl: string | null;
  redisUrl: string | null;
  apiUrl: string | null;
}

export type Environment = Readonly<Partial<Record<string, string>>>;

/** A variable set to nothing is not set. */
const given = (value: string | undefined): string | null =>
  value === undefined || value === '' ? null : value;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process: it lives, it just takes no signals from us.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** The endpoints of the stack that runs on this state directory; null when none does. */
export function readEndpointsFile(stateDir: string): EndpointsFile | null {
  try {
    const file = JSON.parse(readFileSync(join(stateDir, 'run', 'endpoints.json'), 'utf8')) as EndpointsFile;
    return Number.isInteger(file.pid) && isAlive(file.pid) ? file : null;
  } catch {
    return null;
  }
}

/** A setting's value, its references to secrets resolved; throws OpsError `invalidInput` when one is not set. */
export async function resolveSetting(config: Config, text: string, env: Environment): Promise<string> {
  const { resolveReferences } = await import('../config/secrets.js');
  const { directory } = config;
  return resolveReferences(text, { env, directory, readFile: (path) => readFile(path, 'utf8') });
}

/** What standard settings and configuration say, without a running stack of our own. */
export async function givenEndpoints(config: Config | null, env: Environment): Promise<Endpoints> {
  const setting = async (name: string, text: string | null | undefined): Promise<string | null> => {
    const value = given(env[name]);
    if (value !== null || config === null || text === null || text === undefined) return value;
    return resolveSetting(config, text, env);
  };
  const address = await setting('TEMPORAL_ADDRESS', config?.temporal.address);
  const hasProfile = given(env['TEMPORAL_PROFILE']) !== null || given(env['TEMPORAL_CONFIG_FILE']) !== null;
  const namespace = given(env['TEMPORAL_NAMESPACE']) ?? config?.temporal.namespace ?? null;
  return {
    temporal:
      address === null && !hasProfile
        ? null
        : { address: address ?? '', namespace, webUi: null, source: 'given' },
    databaseUrl: await setting('DATABASE_URL', config?.database?.url),
    redisUrl: await setting('REDIS_URL', config?.redis?.url),
    apiUrl: given(env['OPSLOOP_API']),
  };
}

/**
 * The stack that runs on the configuration's state directory, else what the environment and the configuration give.
 * The running stack comes first: a DATABASE_URL that happens to be set is often the watched product's own.
 */
export async function findEndpoints(config: Config | null, env: Environment): Promise<Endpoints> {
  const running = config === null ? null : readEndpointsFile(config.stateDir);
  if (running === null) return givenEndpoints(config, env);
  return {
    temporal: { ...running.temporal, source: 'running' },
    databaseUrl: running.database.url,
    redisUrl: running.redis?.url ?? null,
    apiUrl: running.api?.url ?? null,
  };
}
