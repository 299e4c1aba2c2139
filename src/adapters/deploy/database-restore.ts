/** Puts a database back from its dump: into a new database, which then takes the name of the live one. */
import { OpsError } from '../../domain/errors.js';
import { databaseAddress } from '../postgres/pool.js';
import {
  limitOf,
  measure,
  programsFor,
  readFigures,
  serverVersionOf,
  type DatabaseWork,
} from './database-backup.js';
import { carryProperties, createLike, listDatabases, type FoundDatabase } from './database-properties.js';
import { commentSql, swapDatabases } from './database-swap.js';
import { databaseNameWith, freeName } from './database-names.js';
import { keptDatabase, marksOf, type RestoreMarks } from './restore-marks.js';
import { isOwnDatabase } from './own-database.js';
import {
  connectTo,
  databaseNameOf,
  endedBy,
  messageOf,
  programConnection,
  urlOfDatabase,
  withMaintenance,
  withSession,
  type Connect,
  type SqlSession,
} from './postgres-address.js';
import { describeProgramFailure } from './postgres-programs.js';
import { quotedName } from '../../domain/sql-names.js';

export interface RestoreWork extends DatabaseWork {
  /** Of the deployment: part of the names of databases. */
  number: number;
  /** The database that opsloop itself uses: it is never restored. */
  ownUrl: string;
}

export interface RestoredDatabase {
  /** False: it was restored before, and nothing was done now. */
  isNew: boolean;
  /** What was live until then, kept under this name; null: there was none. */
  keptAs: string | null;
  /** What could not be carried over, one line each. */
  problems: string[];
  /** For people: what was done, and how to remove what was kept. */
  note: string;
}

/**
 * Restores the dump at `path`. Whatever happens, a whole database is under the live one's name: the old one until the names are swapped in
 * one transaction, the restored one from then on. Safe to repeat after a cut at any instant: comments on the databases, made of the
 * checksum of the dump, tell how far it came. The old database is kept.
 */
export async function restoreDatabase(work: RestoreWork): Promise<RestoredDatabase> {
  const connect = endedBy(work.connect ?? connectTo, work.signal);
  if (await isOwnDatabase(connect, work.url, work.ownUrl))
    throw new OpsError('invalidInput', ownDatabaseText(work), { field: 'backup.databases' });
  const live = databaseNameOf(work.url);
  const restore: Restore = { work, connect, live, marks: marksOf(work.number, await identityOf(work)) };
  return withMaintenance(connect, work.url, async (session) => {
    const kept = keptDatabase(await listDatabases(session), restore);
    if (kept !== undefined) return { isNew: false, keptAs: kept, problems: [], note: noteOf(live, kept) };
    await checkDump(work);
    const restored = await restoreAside(restore, session);
    work.signal.throwIfAborted();
    return putInPlace(restore, session, restored);
  });
}

export const ownDatabaseText = ({ name, url }: Pick<RestoreWork, 'name' | 'url'>): string =>
  `database ${name} (${databaseAddress(url)}) is the one that opsloop itself uses: it is not restored, as the record of ` +
  'this deployment is in it. Give the product a database of its own, or set restore to false.';

interface Restore {
  work: RestoreWork;
  connect: Connect;
  live: string;
  marks: RestoreMarks;
}

async function identityOf(work: RestoreWork): Promise<string> {
  const known = await readFigures(work.path);
  if (known !== null) return known.sha256;
  return (
    await measure(work.path, work.signal).catch((error: unknown) => Promise.reject(missingDump(work, error)))
  ).sha256;
}

async function checkDump(work: RestoreWork): Promise<void> {
  const known = await readFigures(work.path);
  const found = await measure(work.path, work.signal).catch((error: unknown) =>
    Promise.reject(missingDump(work, error)),
  );
  if (known === null || (known.sha256 === found.sha256 && known.bytes === found.bytes)) return;
  throw new OpsError(
    'conflict',
    `the dump ${work.path} of database ${work.name} is not what was written: it has ${found.bytes} bytes and SHA-256 ${found.sha256}, ` +
      `not ${known.bytes} and ${known.sha256}. The database was not touched.`,
  );
}

const missingDump = (work: RestoreWork, cause: unknown): unknown =>
  work.signal.aborted
    ? cause
    : new OpsError('notFound', `the dump of database ${work.name} cannot be read: ${messageOf(cause)}`, {
        cause,
      });

/** The restored database, under a name of its own. One that was begun before is finished, or made anew when it cannot be. */
async function restoreAside(restore: Restore, session: SqlSession): Promise<FoundDatabase> {
  const { marks } = restore;
  const databases = await listDatabases(session);
  const whole = databases.find(({ comment }) => comment === marks.restored);
  if (whole !== undefined) return whole;
  const begun = databases.find(({ comment }) => comment === marks.restoring);
  if (begun !== undefined) {
    // The program may still run, or have ended while nobody waited for it. Cut half-way, it fails at what is there already.
    const problem = await fill(restore, session, begun);
    if (problem === null) return begun;
  }
  const made = await createEmpty(restore, session);
  const problem = await fill(restore, session, made);
  if (problem === null) return made;
  throw new OpsError(
    'unavailable',
    `database ${restore.work.name} could not be restored from ${restore.work.path}, and is unchanged: ${problem}`,
  );
}

async function createEmpty(restore: Restore, session: SqlSession): Promise<FoundDatabase> {
  const { work, live, marks } = restore;
  const wanted = databaseNameWith(live, `_opsloop_${work.number}`);
  const there = await listDatabases(session);
  // Cut between its creation and its comment.
  if (
    there.some(({ name, comment }) => name === wanted && comment === null) &&
    (await isEmpty(restore, wanted))
  )
    await drop(session, wanted);
  const names = (await listDatabases(session)).map(({ name }) => name);
  const name = freeName(wanted, names);
  await createLike(session, name, names.includes(live) ? live : null).catch((error: unknown) => {
    work.signal.throwIfAborted();
    throw new OpsError(
      'unavailable',
      `no database could be made to restore ${work.name} into: ${messageOf(error)}. ` +
        'The user of its url has to own the database, and needs the right CREATEDB.',
      { cause: error },
    );
  });
  await session.query(commentSql(name, marks.restoring));
  const made = (await listDatabases(session)).find((database) => database.name === name);
  if (made === undefined) throw new OpsError('conflict', `database ${name} was removed while it was made`);
  return made;
}

const isEmpty = ({ work, connect }: Restore, name: string): Promise<boolean> =>
  withSession(connect, urlOfDatabase(work.url, name), async (session) => {
    const { rows } = await session.query<{ isEmpty: boolean }>(
      `select not exists (select from pg_class where oid >= 16384) and not exists (select from pg_largeobject_metadata)
         and not exists (select from pg_proc where oid >= 16384) as "isEmpty"`,
    );
    return rows[0]?.isEmpty === true;
  });

/** Null when the database holds the dump; otherwise why not, and it is removed. Its oid names the run: a new one has a new name. */
async function fill(
  { work, connect, marks }: Restore,
  session: SqlSession,
  database: FoundDatabase,
): Promise<string | null> {
  const { restore } = await programsFor(session, work.places);
  const url = urlOfDatabase(work.url, database.name);
  const { argument, env } = programConnection(url);
  const command = [restore, '--exit-on-error', '--no-password', argument, work.path];
  const result = await work.run(`restore-${work.name}-${database.oid}`, command, { env, ...limitOf(work) });
  work.signal.throwIfAborted();
  if (result.exitCode !== 0) {
    await drop(session, database.name);
    return describeProgramFailure(result);
  }
  // Plans without statistics would be slow until autovacuum comes by.
  await withSession(connect, url, (inside) => inside.query('analyze')).catch(() => undefined);
  await session.query(commentSql(database.name, marks.restored));
  return null;
}

async function drop(session: SqlSession, name: string): Promise<void> {
  const force = (await serverVersionOf(session)) >= 13 ? ' with (force)' : '';
  await session.query(`drop database if exists ${quotedName(name)}${force}`);
}

async function putInPlace(
  restore: Restore,
  session: SqlSession,
  restored: FoundDatabase,
): Promise<RestoredDatabase> {
  const { work, live: name, marks } = restore;
  const databases = await listDatabases(session);
  const live = databases.find((database) => database.name === name);
  if (live === undefined) {
    await session.query(`alter database ${quotedName(restored.name)} rename to ${quotedName(name)}`);
    return { isNew: true, keptAs: null, problems: [], note: noteOf(name, null) };
  }
  const problems = await carryProperties(session, name, restored.name);
  const keptAs = freeName(
    databaseNameWith(name, `_opsloop_before_${work.number}`),
    databases.map((database) => database.name),
  );
  const swap = {
    live,
    restored: { ...restored, comment: live.comment },
    before: { name: keptAs, comment: marks.before },
  };
  try {
    await withMaintenance(restore.connect, work.url, (cutter) => swapDatabases({ session, cutter, ...swap }));
  } catch (error) {
    // The answer to `commit` was lost, or a worker that was killed had sent it.
    const kept = await keptNow(restore).catch(() => undefined);
    if (kept === undefined) throw error;
    return { isNew: true, keptAs: kept, problems, note: noteOf(name, kept) };
  }
  return { isNew: true, keptAs, problems, note: noteOf(name, keptAs) };
}

const keptNow = (restore: Restore): Promise<string | null | undefined> =>
  withMaintenance(restore.connect, restore.work.url, async (session) =>
    keptDatabase(await listDatabases(session), restore),
  );

const noteOf = (live: string, keptAs: string | null): string =>
  keptAs === null
    ? `database ${live} was restored; there was none of that name before`
    : `database ${live} was restored; what it was before is kept as database ${keptAs}: when nobody needs it any more, remove it with ` +
      `DROP DATABASE ${quotedName(keptAs)}`;
