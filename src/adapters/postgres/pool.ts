/** Connections to opsloop's database: one way to make a pool, and one way to say why it cannot be reached. */
import pg from 'pg';
import type { Pool } from 'pg';
import { OpsError } from '../../domain/errors.js';

/** Schema that holds everything of opsloop, so that it can share a database with the product it watches. */
export const schemaName = 'opsloop';

export interface PoolOptions {
  url: string;
  /** Most connections at once; default 5. */
  max?: number;
  /** Shown in pg_stat_activity; default `opsloop`. */
  applicationName?: string;
  /** Time limit of one query, in ms; default none. */
  queryTimeoutMs?: number;
}

const connectionTimeoutMs = 3_000;

/**
 * Makes a pool whose connections look into the schema `opsloop` first. Connecting is limited to 3 s.
 * A connection that breaks while idle is dropped quietly: the next query opens a new one or says why it cannot.
 */
export function createPool({ url, max = 5, applicationName = 'opsloop', queryTimeoutMs }: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    application_name: applicationName,
    connectionTimeoutMillis: connectionTimeoutMs,
    keepAlive: true,
    ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
    // As a query and not as a start-up option: connection poolers in between refuse unknown options.
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool waits for it; its types do not say so
    onConnect: async (client) => {
      await client.query(`set search_path to ${schemaName}, public`);
    },
  });
  // Without a listener, an idle connection cut by the server would end the process.
  pool.on('error', () => undefined);
  return pool;
}

/** `host:port/database` of a connection URL, without user and password; safe to print. */
export function databaseAddress(url: string): string {
  try {
    const { hostname, port, pathname, searchParams } = new URL(url);
    const host = searchParams.get('host') ?? (hostname === '' ? 'localhost' : hostname);
    return `${host}:${port === '' ? '5432' : port}${pathname === '/' ? '' : decodeURIComponent(pathname)}`;
  } catch {
    return 'the configured database';
  }
}

const connectionErrorCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EPIPE',
  '28000',
  '28P01',
  '3D000',
  '53300',
  '57P01',
  '57P02',
  '57P03',
]);

const connectionErrorTexts = [
  'timeout exceeded when trying to connect',
  'Connection terminated',
  'Query read timeout',
  'Client has encountered a connection error',
];

/** True when the database could not be reached or used at all, rather than refused one statement. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isConnectionError);
  if ('code' in error && typeof error.code === 'string' && connectionErrorCodes.has(error.code)) return true;
  return connectionErrorTexts.some((text) => error.message.includes(text));
}

/** What the driver said, in one line; connecting to a name with several addresses gives several errors. */
function driverMessage(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(driverMessage).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/**
 * The error for people when `error` means that the database at `url` cannot be reached; anything else unchanged.
 * The URL's password is never part of it.
 */
export function asDatabaseError(error: unknown, url: string): unknown {
  if (error instanceof OpsError || !isConnectionError(error)) return error;
  return new OpsError(
    'unavailable',
    `PostgreSQL at ${databaseAddress(url)} cannot be used: ${driverMessage(error)}. ` +
      'Is `opsloop up` running? Otherwise check DATABASE_URL or `database.url` in opsloop.yaml.',
    { cause: error },
  );
}
