/** The API process: listens, serves, and ends cleanly. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Config } from '../config/config.js';
import { givenEndpoints, resolveSetting, type Environment } from '../client/endpoints.js';
import { openServerStack } from '../client/server-stack.js';
import { OpsError } from '../domain/errors.js';
import { isLoopback } from './access.js';
import { createApi } from './app.js';
import { createMetricsReader } from './metrics.js';

export interface ApiProcessOptions {
  config: Config;
  env: Environment;
}

interface Listen {
  host: string;
  port: number;
  /** True when somebody chose it: then a taken port is an error, otherwise the next free one is used. */
  isGiven: boolean;
}

/** `opsloop up` chooses the port and says so in the environment. */
function listenOf({ api }: Config, env: Environment): Listen {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<name>[^:]+)):(?<port>\d+)$/.exec(env['OPSLOOP_API_LISTEN'] ?? '');
  const host = match?.groups?.['six'] ?? match?.groups?.['name'];
  if (host !== undefined) return { host, port: Number(match?.groups?.['port']), isGiven: true };
  return { ...api.listen, isGiven: api.isListenGiven };
}

/** A secret setting; null when none is set. A reference to something that is not set counts as none, with a reason. */
async function readSecret(
  config: Config,
  env: Environment,
  name: 'token' | 'pingKey',
): Promise<{ value: string | null; why: string }> {
  const written = config.api[name];
  if (written === null) return { value: null, why: `api.${name} is not set` };
  try {
    const value = await resolveSetting(config, written, env);
    return value === '' ? { value: null, why: `api.${name} is empty` } : { value, why: '' };
  } catch (error) {
    return { value: null, why: `api.${name}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

const shownAddress = (host: string, port: number): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

const listenOnce = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });

const mostPortsTried = 20;

/** Listens and returns the port. Throws OpsError `invalidInput` when the port that was asked for cannot be had. */
async function listen(server: Server, { host, port, isGiven }: Listen): Promise<number> {
  for (let next = port; ; next += 1) {
    try {
      await listenOnce(server, host, next);
      return (server.address() as AddressInfo).port;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code === 'EADDRINUSE' && !isGiven && next < port + mostPortsTried) continue;
      const reasons: Record<string, string> = {
        EADDRINUSE: 'is taken by another process. End that one, or name another port',
        EACCES: 'needs rights that this user lacks. Name a port above 1023',
        EADDRNOTAVAIL: 'is no address of this machine. Name one that is, for example 127.0.0.1:7700',
      };
      const reason =
        reasons[code] ?? `cannot be used (${error instanceof Error ? error.message : String(error)})`;
      throw new OpsError('invalidInput', `api.listen: ${shownAddress(host, next)} ${reason}.`, {
        field: 'api.listen',
        cause: error,
      });
    }
  }
}

const graceMs = 2_000;

/** Takes no new requests, lets the ones at hand end for 2 s, then cuts them off. */
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

/** Resolves at SIGTERM, SIGINT, or when the process that started this one has gone. */
function waitForStop(): Promise<void> {
  const events = ['SIGTERM', 'SIGINT', 'disconnect'] as const;
  return new Promise((resolve) => {
    const stop = (): void => {
      for (const event of events) process.off(event, stop);
      resolve();
    };
    for (const event of events) process.on(event, stop);
  });
}

/**
 * Serves until it is told to stop; resolves with the exit code. Servers that cannot be reached do not end it: /readyz
 * says what is missing. Throws OpsError `invalidInput` when the address is taken, or is open to others without a token.
 */
export async function runApi({ config, env }: ApiProcessOptions): Promise<number> {
  const where = listenOf(config, env);
  const { value: token, why } = await readSecret(config, env, 'token');
  const { value: pingKey, why: noPings } = await readSecret(config, env, 'pingKey');
  if (config.api.pingKey !== null && pingKey === null) console.log(`! pings by key are off: ${noPings}`);
  if (!isLoopback(where.host) && token === null) {
    throw new OpsError(
      'invalidInput',
      `api.listen: ${shownAddress(where.host, where.port)} can be reached from other machines, and ${why}. ` +
        'Set api.token, for example token: "${env:OPSLOOP_TOKEN}", or listen on 127.0.0.1.',
      { field: 'api.token' },
    );
  }
  const stack = await openServerStack({ config, env, endpoints: await givenEndpoints(config, env) });
  const metrics = createMetricsReader(stack, env['OPSLOOP_WORKER_METRICS'] || null);
  const onUnexpected = (error: unknown): void => console.error('api:', error);
  const app = createApi({ stack, metrics, token, pingKey, isLoopback: isLoopback(where.host), onUnexpected });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  const stopped = waitForStop();
  try {
    const port = await listen(server, where);
    // Under `opsloop up` the address is known; alone, people have to be told.
    if (env['OPSLOOP_API_LISTEN'] === undefined) console.log(`API: http://${shownAddress(where.host, port)}`);
    await stopped;
    await closeServer(server);
    return 0;
  } finally {
    await stack.close();
    if (process.connected) process.disconnect();
  }
}
