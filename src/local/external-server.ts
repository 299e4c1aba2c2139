/** Servers that exist already: their addresses, and whether they can be reached before anything is built on them. */

import { OpsError } from '../domain/errors.js';
import { tryConnect } from './port.js';

const reachTimeoutMs = 5_000;

export interface ExternalServer {
  /** `Temporal`, `PostgreSQL`, `Redis`. */
  name: string;
  /** Where the address was given: `DATABASE_URL` or `database.url`. */
  setting: string;
  host: string;
  port: number;
}

/** From `host:port`, the host possibly in brackets. Throws OpsError `invalidInput`. */
export function parseTemporalAddress(address: string, setting: string): ExternalServer {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(address.trim());
  const host = match?.[1] ?? match?.[2];
  if (host !== undefined) return { name: 'Temporal', setting, host, port: Number(match?.[3]) };
  throw new OpsError(
    'invalidInput',
    `${setting}: "${address}" is no address; expected host:port, for example 127.0.0.1:7233`,
    {
      field: setting,
    },
  );
}

/** From a URL; null when it names a socket file or several hosts, which its driver understands better. */
export function parseServerUrl(
  name: string,
  url: string,
  setting: string,
  defaultPort: number,
): ExternalServer | null {
  try {
    const parsed = new URL(url);
    if (parsed.hostname === '' || parsed.searchParams.has('host')) return null;
    const host = parsed.hostname.replace(/^\[|\]$/g, '');
    return { name, setting, host, port: parsed.port === '' ? defaultPort : Number(parsed.port) };
  } catch (cause) {
    if (/^\w+:\/\/[^/]*,/.test(url)) return null;
    // The text itself may hold a password.
    throw new OpsError('invalidInput', `${setting} is no URL; for example ${exampleOf(name)}`, {
      field: setting,
      cause,
    });
  }
}

const exampleOf = (name: string): string =>
  name === 'Redis' ? 'redis://127.0.0.1:6379' : 'postgres://user:password@127.0.0.1:5432/opsloop';

export const addressText = ({ host, port }: Pick<ExternalServer, 'host' | 'port'>): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Throws OpsError `unavailable` with the address tried and what to do. */
export async function requireReachable(server: ExternalServer): Promise<void> {
  const { error } = await tryConnect(server.host, server.port, reachTimeoutMs);
  if (error === null) return;
  throw new OpsError(
    'unavailable',
    `${server.name} at ${addressText(server)} (from ${server.setting}) cannot be reached: ${error}. ` +
      `Start it, correct ${server.setting}, or leave it out and opsloop ${
        server.name === 'Redis' ? 'looks for a redis-server' : 'brings its own'
      }.`,
  );
}
