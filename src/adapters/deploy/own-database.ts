/** Whether a database is the one that opsloop itself uses, however its address is written. */
import { OpsError } from '../../domain/errors.js';
import { databaseAddress } from '../postgres/pool.js';
import {
  databaseNameOf,
  isMissingDatabase,
  sqlStateOf,
  withSession,
  type Connect,
  type SqlSession,
} from './postgres-address.js';

/** Asks the servers who they are. Rejects when they cannot tell, and the addresses do not rule it out: `unavailable`. */
export async function isOwnDatabase(connect: Connect, url: string, ownUrl: string): Promise<boolean> {
  if (addressOf(url) === addressOf(ownUrl)) return true;
  const database = await identityOf(connect, url).catch((error: unknown) => {
    // It is gone: opsloop's own database is not.
    if (isMissingDatabase(error)) return null;
    throw error;
  });
  if (database === null) return false;
  try {
    return isSame(database, await identityOf(connect, ownUrl));
  } catch (error) {
    // A database has one name, but a server may have many.
    if (databaseNameOf(url) !== databaseNameOf(ownUrl)) return false;
    throw error;
  }
}

interface Identity {
  oid: number;
  startedAt: string;
  /** Of the cluster; null: this user may not ask for it. */
  system: string | null;
}

const isSame = (one: Identity, other: Identity): boolean =>
  one.oid === other.oid &&
  (one.startedAt === other.startedAt || (one.system !== null && one.system === other.system));

const identityOf = (connect: Connect, url: string): Promise<Identity> =>
  withSession(connect, url, async (session) => {
    const { rows } = await session.query<Omit<Identity, 'system'>>(
      `select oid::bigint::float8 as oid, extract(epoch from pg_postmaster_start_time())::text as "startedAt"
       from pg_database where datname = current_database()`,
    );
    const found = rows[0];
    if (found === undefined)
      throw new OpsError('unavailable', `${databaseAddress(url)} does not say which database it is`);
    return { ...found, system: await systemOf(session) };
  });

async function systemOf(session: SqlSession): Promise<string | null> {
  try {
    const { rows } = await session.query<{ system: string }>(
      'select system_identifier::text as system from pg_control_system()',
    );
    return rows[0]?.system ?? null;
  } catch (error) {
    if (sqlStateOf(error) === '42501') return null;
    throw error;
  }
}

const localHosts = new Set(['localhost', '127.0.0.1', '::1', '[::1]', '']);

function addressOf(url: string): string {
  const { hostname, port, searchParams } = new URL(url);
  const host = searchParams.get('host') ?? hostname.toLowerCase();
  return JSON.stringify([
    localHosts.has(host) ? 'localhost' : host,
    port === '' ? '5432' : port,
    databaseNameOf(url),
  ]);
}
