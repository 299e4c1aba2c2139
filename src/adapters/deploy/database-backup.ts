/** Dumps of databases: whole and verified, or not there. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatByteSize } from '../../domain/byte-size.js';
import { OpsError } from '../../domain/errors.js';
import type { DriverContext } from './deployment-driver.js';
import { syncFile, syncFolder, writeWhole } from './durable-files.js';
import {
  connectTo,
  databaseNameOf,
  isMissingDatabase,
  programConnection,
  withSession,
  type Connect,
  type SqlSession,
} from './postgres-address.js';
import {
  describeProgramFailure,
  findPostgresPrograms,
  type PostgresPrograms,
  type ProgramPlaces,
} from './postgres-programs.js';

export interface DatabaseWork extends Pick<DriverContext, 'run' | 'signal'> {
  /** Of the configuration; part of the names of runs: one call may have several databases. */
  name: string;
  /** Of the database; its password is only handed on in the environment of programs. */
  url: string;
  /** Absolute path of the dump. */
  path: string;
  /** Of one program, ms; default: the limit that `run` has. */
  timeoutMs?: number;
  /** Default: PATH and the folders of the distribution. */
  places?: ProgramPlaces;
  connect?: Connect;
}

export interface DatabaseDump {
  path: string;
  bytes: number;
  sha256: string;
}

/**
 * Dumps a database with `pg_dump -Fc`. The dump gets its name when `pg_restore` has read all of it, and it is on disk; size and checksum
 * are beside it. Safe to repeat: a dump that is there and is what was verified is kept.
 */
export async function dumpDatabase(work: DatabaseWork): Promise<DatabaseDump> {
  const kept = await readDump(work);
  if (kept !== null) return kept;
  await mkdir(dirname(work.path), { recursive: true, mode: 0o700 });
  const programs = await withSession(work.connect ?? connectTo, work.url, (session) =>
    programsFor(session, work.places),
  ).catch((error: unknown) => {
    throw isMissingDatabase(error) ? new OpsError('notFound', noDatabaseText(work)) : error;
  });
  const partial = `${work.path}.partial`;
  await writePartial(work, programs, partial);
  const dump = { path: work.path, ...(await measure(partial, work.signal)) };
  await verify({ work, programs, partial, sha256: dump.sha256 });
  await chmod(partial, 0o600);
  await syncFile(partial);
  // First: a dump with its name has its figures.
  await writeWhole(figuresPath(work.path), `${JSON.stringify({ bytes: dump.bytes, sha256: dump.sha256 })}\n`);
  await rename(partial, work.path);
  await syncFolder(dirname(work.path));
  return dump;
}

/** The dump at `path` when it is what was verified once; null otherwise. */
export async function readDump({
  path,
  signal,
}: Pick<DatabaseWork, 'path' | 'signal'>): Promise<DatabaseDump | null> {
  const known = await readFigures(path);
  const size = await stat(path).then(
    (found) => found.size,
    () => null,
  );
  if (known === null || size !== known.bytes) return null;
  const { sha256 } = await measure(path, signal);
  return sha256 === known.sha256 ? { path, ...known } : null;
}

/** Size and checksum that were written down when the dump was made; null: none, or unreadable. */
export async function readFigures(path: string): Promise<{ bytes: number; sha256: string } | null> {
  try {
    const known = JSON.parse(await readFile(figuresPath(path), 'utf8')) as Record<string, unknown>;
    const { bytes, sha256 } = known;
    return typeof bytes === 'number' && typeof sha256 === 'string' ? { bytes, sha256 } : null;
  } catch {
    return null;
  }
}

const figuresPath = (path: string): string => `${path}.json`;

export const noDatabaseText = ({ name, url }: Pick<DatabaseWork, 'name' | 'url'>): string =>
  `there is no database ${databaseNameOf(url)} (${name})`;

/** The programs that fit the server of a session. */
export async function programsFor(session: SqlSession, places?: ProgramPlaces): Promise<PostgresPrograms> {
  return findPostgresPrograms(await serverVersionOf(session), places);
}

/** Major version. */
export async function serverVersionOf(session: SqlSession): Promise<number> {
  const { rows } = await session.query<{ version: string }>(
    `select current_setting('server_version_num') as version`,
  );
  return Math.floor(Number(rows[0]?.version ?? 0) / 10_000);
}

/** A run that is known by its name to have worked, whose file is gone, is made once more. */
async function writePartial(work: DatabaseWork, { dump }: PostgresPrograms, partial: string): Promise<void> {
  const { argument, env } = programConnection(work.url);
  const command = [dump, '--format=custom', '--no-password', `--file=${partial}`, argument];
  for (const name of [`dump-${work.name}`, `dump-again-${work.name}`]) {
    // Closed to others from its first byte on.
    await open(partial, 'a', 0o600).then((file) => file.close());
    const result = await work.run(name, command, { env, ...limitOf(work) });
    work.signal.throwIfAborted();
    if (result.exitCode !== 0) {
      await rm(partial, { force: true });
      throw new OpsError(
        'unavailable',
        `database ${work.name} could not be dumped: ${describeProgramFailure(result)}`,
      );
    }
    if ((await stat(partial)).size > 0) return;
  }
  throw new OpsError(
    'unavailable',
    `database ${work.name} could not be dumped: pg_dump wrote nothing to ${partial}`,
  );
}

interface Verification {
  work: DatabaseWork;
  programs: PostgresPrograms;
  partial: string;
  sha256: string;
}

/** `--list` reads the table of contents only; the script that is thrown away takes all data. Throws when it is not whole. */
async function verify({ work, programs, partial, sha256 }: Verification): Promise<void> {
  const checks = [
    {
      name: `list-${work.name}-${sha256}`,
      command: [programs.restore, '--list', '--file=/dev/null', partial],
    },
    { name: `read-${work.name}-${sha256}`, command: [programs.restore, '--file=/dev/null', partial] },
  ];
  for (const { name, command } of checks) {
    const result = await work.run(name, command, limitOf(work));
    work.signal.throwIfAborted();
    if (result.exitCode === 0) continue;
    const { size } = await stat(partial);
    await rm(partial, { force: true });
    throw new OpsError(
      'unavailable',
      `the dump of database ${work.name} (${formatByteSize(size)}) cannot be read, and was removed: ${describeProgramFailure(result)}`,
    );
  }
}

export const limitOf = ({ timeoutMs }: Pick<DatabaseWork, 'timeoutMs'>): { timeoutMs?: number } =>
  timeoutMs === undefined ? {} : { timeoutMs };

/** Size and checksum of a file. */
export async function measure(path: string, signal: AbortSignal): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) {
    bytes += (chunk as Buffer).length;
    hash.update(chunk as Buffer);
  }
  return { bytes, sha256: hash.digest('hex') };
}
