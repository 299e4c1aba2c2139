/** Temporal, PostgreSQL and Redis for `opsloop up`: given ones are checked, missing ones started and supervised. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveReferences } from '../config/secrets.js';
import type { Endpoints } from './endpoints.js';
import {
  parseServerUrl,
  parseTemporalAddress,
  addressText,
  requireReachable,
  type ExternalServer,
} from './external-server.js';
import type { ManagedProcess } from './managed-process.js';
import { startPostgres } from './postgres-server.js';
import { findRedisServer, startRedis } from './redis-server.js';
import type { ServerOptions } from './server-start.js';
import { supervise } from './supervision.js';
import { findTemporalCli } from './temporal-cli.js';
import { startTemporalServer } from './temporal-server.js';
import type { UpContext } from './up-context.js';

/** All three at once. When one fails the others are not waited for longer than their start needs to break off. */
export async function startServers(context: UpContext): Promise<Omit<Endpoints, 'api'>> {
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const failTogether = async <T>(start: Promise<T>): Promise<T> =>
    start.catch((error: unknown) => {
      failed.abort(error);
      throw error;
    });
  const within = { ...context, signal };
  const [temporal, database, redis] = await Promise.allSettled([
    failTogether(provideTemporal(within)),
    failTogether(provideDatabase(within)),
    failTogether(provideRedis(within)),
  ]);
  context.signal.throwIfAborted();
  // The first failure made the others break off: it is the one to tell.
  if (failed.signal.aborted) throw failed.signal.reason;
  return { temporal: valueOf(temporal), database: valueOf(database), redis: valueOf(redis) };
}

function valueOf<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

async function provideTemporal(context: UpContext): Promise<Endpoints['temporal']> {
  const { config, env } = context;
  const namespace = env['TEMPORAL_NAMESPACE'] || config.temporal.namespace;
  const given = await findGiven(context, 'TEMPORAL_ADDRESS', 'temporal.address', config.temporal.address);
  if (given) {
    const server = parseTemporalAddress(given.value, given.setting);
    await useGiven(context, server);
    return { address: addressText(server), namespace, webUi: null };
  }
  const { report, signal } = context;
  const cli = await findTemporalCli({ explicitPath: config.temporal.cli, env, report, signal });
  const startedAtMs = performance.now();
  const server = await superviseServer(context, 'temporal', async (options) => {
    const webUiPort = context.ports.preferred('webUi');
    const started = await startTemporalServer({ ...options, cli, namespace, webUiPort });
    context.ports.remember('webUi', started.webUiPort);
    return started;
  });
  const version = cli.serverVersion ?? cli.version;
  sayStarted(context, `Temporal ${version}`, `${server.address}, Web UI ${server.webUi}`, startedAtMs);
  return { address: server.address, namespace, webUi: server.webUi };
}

async function provideDatabase(context: UpContext): Promise<Endpoints['database']> {
  const { config, env } = context;
  const given = await findGiven(context, 'DATABASE_URL', 'database.url', config.database?.url ?? null);
  if (given) {
    await useGiven(context, parseServerUrl('PostgreSQL', given.value, given.setting, 5432));
    return { url: given.value };
  }
  const startedAtMs = performance.now();
  const server = await superviseServer(context, 'postgres', (options) => startPostgres({ ...options, env }));
  sayStarted(context, `PostgreSQL ${server.version}`, `127.0.0.1:${server.port}`, startedAtMs);
  return { url: server.url };
}

async function provideRedis(context: UpContext): Promise<Endpoints['redis']> {
  const { config, env, report } = context;
  const given = await findGiven(context, 'REDIS_URL', 'redis.url', config.redis?.url ?? null);
  if (given) {
    await useGiven(context, parseServerUrl('Redis', given.value, given.setting, 6379));
    return { url: given.value };
  }
  const binary = await findRedisServer(env);
  if (binary === null) {
    report.line(
      "Redis is off: no redis-server or valkey-server on PATH. Without it there are no guard flags and no swarm's Redis " +
        'driver; everything else works. To have it: apt-get install redis-server, or brew install redis, or set REDIS_URL.',
    );
    return null;
  }
  const startedAtMs = performance.now();
  const server = await superviseServer(context, 'redis', (options) => startRedis({ ...options, binary }));
  sayStarted(context, binary.version, `127.0.0.1:${server.port}`, startedAtMs);
  return { url: server.url };
}

interface Given {
  value: string;
  setting: string;
}

/** The environment comes before the configuration. References in the configuration are resolved here. */
async function findGiven(
  { config, env }: UpContext,
  variable: string,
  key: string,
  configured: string | null,
): Promise<Given | null> {
  const fromEnvironment = env[variable];
  if (fromEnvironment) return { value: fromEnvironment, setting: variable };
  if (configured === null) return null;
  const readText = (path: string): Promise<string> => readFile(path, 'utf8');
  const value = await resolveReferences(configured, { env, readFile: readText, directory: config.directory });
  return { value, setting: key };
}

async function useGiven({ report }: UpContext, server: ExternalServer | null): Promise<void> {
  if (server === null) return;
  await requireReachable(server);
  report.line(`${server.name} … ${addressText(server)} (from ${server.setting})`);
}

interface StartedServer {
  port: number;
  process: ManagedProcess;
}

/** The first start may move to a free port; later ones must come back on the same. */
async function superviseServer<Server extends StartedServer>(
  { state, ports, ledger, report, signal, parts }: UpContext,
  name: 'temporal' | 'postgres' | 'redis',
  start: (options: ServerOptions) => Promise<Server>,
): Promise<Server> {
  const common = {
    directory: join(state.path, name),
    logPath: join(state.logs, `${name}.log`),
    ledger,
    report,
  };
  let first: Server | null = null;
  const supervised = await supervise({
    name,
    report,
    logPath: common.logPath,
    start: async (stopping) => {
      const port = first?.port ?? ports.preferred(name);
      const within = first === null ? AbortSignal.any([signal, stopping]) : stopping;
      const server = await start({ ...common, port, isPortFixed: first !== null, signal: within });
      first ??= server;
      return server.process;
    },
  });
  parts.add('server', supervised);
  if (first === null) throw new Error(`${name} was started without a server`);
  const started: Server = first;
  ports.remember(name, started.port);
  return started;
}

function sayStarted({ report }: UpContext, name: string, where: string, startedAtMs: number): void {
  report.line(`${name} … ${where} (${((performance.now() - startedAtMs) / 1000).toFixed(1)} s)`);
}
