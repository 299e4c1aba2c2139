/** A database of somebody else as programs and sessions reach it: the password stays out of command lines and messages. */
import pg from 'pg';
import { OpsError } from '../../domain/errors.js';
import { databaseAddress } from '../postgres/pool.js';

/** What the pieces of a backup ask PostgreSQL by. */
export interface SqlSession {
  query<Row extends object>(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
  end(): Promise<void>;
}

export type Connect = (url: string) => Promise<SqlSession>;

const connectionTimeoutMs = 10_000;

/** Opens a session of its own. One that the server cuts says so at its next query. */
export const connectTo: Connect = async (url) => {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'opsloop deployment',
    connectionTimeoutMillis: connectionTimeoutMs,
    keepAlive: true,
  });
  client.on('error', () => undefined);
  await client.connect();
  return {
    query: async (text, values) => client.query(text, values),
    end: async () => client.end().catch(() => undefined),
  };
};

/** Sessions end with the signal: what waits for the server rejects. */
export const endedBy =
  (connect: Connect, signal: AbortSignal): Connect =>
  async (url) => {
    signal.throwIfAborted();
    const session = await connect(url);
    const end = (): void => void session.end();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    return {
      query: session.query,
      end: async () => {
        signal.removeEventListener('abort', end);
        await session.end();
      },
    };
  };

/** Runs `work` in a session, and ends that whatever happens. `unavailable` when the server cannot be reached. */
export async function withSession<T>(
  connect: Connect,
  url: string,
  work: (session: SqlSession) => Promise<T>,
): Promise<T> {
  let session: SqlSession;
  try {
    session = await connect(url);
  } catch (error) {
    if (error instanceof OpsError || isMissingDatabase(error)) throw error;
    throw new OpsError(
      'unavailable',
      `PostgreSQL at ${databaseAddress(url)} cannot be used: ${messageOf(error)}`,
      { cause: error },
    );
  }
  try {
    return await work(session);
  } finally {
    await session.end();
  }
}

/** A session on the same server, in a database that nobody deploys to and which is there everywhere. */
export async function withMaintenance<T>(
  connect: Connect,
  url: string,
  work: (session: SqlSession) => Promise<T>,
): Promise<T> {
  const names = ['postgres', 'template1'].filter((name) => name !== databaseNameOf(url));
  for (const name of names) {
    try {
      return await withSession(connect, urlOfDatabase(url, name), work);
    } catch (error) {
      if (!isMissingDatabase(error)) throw error;
    }
  }
  throw new OpsError(
    'notFound',
    `a database ${names.join(' or ')} is needed on ${databaseAddress(url)}: one that is not renamed, to work from`,
  );
}

/** SQLSTATE of an error of PostgreSQL; null for any other. */
export const sqlStateOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;

export const isMissingDatabase = (error: unknown): boolean => sqlStateOf(error) === '3D000';

export const messageOf = (error: unknown): string => {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
};

/** The same server and user, another database. */
export function urlOfDatabase(url: string, database: string): string {
  const changed = new URL(url);
  // As the driver reads it: of what `encodeURIComponent` makes it leaves some as it is.
  changed.pathname = `/${encodeURI(database)}`;
  return changed.href;
}

/** Name of the database that a URL means. */
export const databaseNameOf = (url: string): string =>
  new pg.Client({ connectionString: url }).database ?? '';

/** Parameters of connection URLs that programs of PostgreSQL understand as well. */
const sharedParameters = [
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslcrl',
  'channel_binding',
  'gssencmode',
  'options',
  'target_session_attrs',
] as const;

export interface ProgramConnection {
  /** `--dbname=host='…' …`, without the password. It wins over every variable of the environment. */
  argument: string;
  /** The password, where there is one. */
  env: Record<string, string>;
}

/** How `pg_dump` and `pg_restore` reach the database that `url` means for the driver. */
export function programConnection(url: string): ProgramConnection {
  const { host, port, database, user, password } = new pg.Client({ connectionString: url });
  const { searchParams } = new URL(url);
  const parts: [string, string | undefined][] = [
    ['host', host],
    ['port', String(port)],
    ['dbname', database],
    ['user', user],
    ['sslmode', sslModeOf(searchParams)],
    ['connect_timeout', String(connectionTimeoutMs / 1000)],
    ['application_name', 'opsloop deployment'],
    ...sharedParameters.map((name): [string, string | undefined] => [
      name,
      searchParams.get(name) ?? undefined,
    ]),
  ];
  const text = parts.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`${name}=${quoted(value)}`],
  );
  return {
    argument: `--dbname=${text.join(' ')}`,
    env: typeof password === 'string' && password !== '' ? { PGPASSWORD: password } : {},
  };
}

const quoted = (value: string): string => `'${value.replaceAll(/['\\]/g, String.raw`\$&`)}'`;

const sslModes = new Set(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']);

/** Words of the driver that the programs do not know mean encryption without a look at the certificate. */
function sslModeOf(parameters: URLSearchParams): string | undefined {
  const mode = parameters.get('sslmode');
  if (mode !== null) return sslModes.has(mode) ? mode : 'require';
  const ssl = parameters.get('ssl');
  return ssl === 'true' || ssl === '1' ? 'require' : undefined;
}
