/** Finds the `pg_dump` and `pg_restore` that fit a server, and says what to install where there are none. */
import { access, constants, readdir, realpath } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { OpsError } from '../../domain/errors.js';
import { describeEnding, runCommand, type CommandResult } from '../child-process.js';

/** Both from one folder: they read what the other writes. Absolute paths. */
export interface PostgresPrograms {
  dump: string;
  restore: string;
  /** Major version. */
  version: number;
}

export interface ProgramPlaces {
  /** As in PATH. */
  path: string;
  /** Folders that hold a folder per version: `/usr/lib/postgresql/15/bin`. */
  distribution: readonly string[];
}

export const usualPlaces = (): ProgramPlaces => ({
  path: process.env['PATH'] ?? '',
  distribution: ['/usr/lib/postgresql'],
});

const versionTimeoutMs = 10_000;

/**
 * The programs of the server's own version, otherwise of the next higher one: a newer `pg_restore` may use settings that an older
 * server does not know. `notFound` when all are older than the server (they refuse to work) or there are none.
 */
export async function findPostgresPrograms(
  serverVersion: number,
  places: ProgramPlaces = usualPlaces(),
): Promise<PostgresPrograms> {
  const found = (await Promise.all((await foldersOf(places)).map(programsIn))).filter(
    (programs) => programs !== null,
  );
  const fitting = found
    .filter(({ version }) => version >= serverVersion)
    .sort((one, other) => one.version - other.version);
  const best = fitting[0];
  if (best !== undefined) return best;
  const what = `pg_dump and pg_restore of PostgreSQL ${serverVersion} or newer are needed, as the server has version ${serverVersion}`;
  const there =
    found.length === 0
      ? 'there are none'
      : `there is only ${found.map(({ version, dump }) => `version ${version} (${dump})`).join(', ')}`;
  throw new OpsError(
    'notFound',
    `${what}, and ${there}. Install them on this host, for example with \`apt-get install postgresql-client-${serverVersion}\`, ` +
      'or put their folder into PATH of the worker.',
  );
}

async function foldersOf({ path, distribution }: ProgramPlaces): Promise<string[]> {
  const versions = await Promise.all(
    distribution.map(async (folder) =>
      (await readdir(folder).catch(() => [])).map((version) => join(folder, version, 'bin')),
    ),
  );
  // An empty part of PATH means the current folder: no program of ours is taken from there.
  return [
    ...new Set([...path.split(delimiter).filter((folder) => folder.startsWith('/')), ...versions.flat()]),
  ];
}

/** Null where one of the two is missing, or does not tell its version. */
async function programsIn(folder: string): Promise<PostgresPrograms | null> {
  const [dump, restore] = [join(folder, 'pg_dump'), join(folder, 'pg_restore')];
  if (!(await isProgram(dump)) || !(await isProgram(restore))) return null;
  const result = await runCommand({
    command: [dump, '--version'],
    timeoutMs: versionTimeoutMs,
    killAfterMs: 1_000,
    maxOutputBytes: 1_000,
  });
  const version = Number(/\(PostgreSQL\) (\d+)/.exec(result.stdout)?.[1] ?? Number.NaN);
  return Number.isNaN(version) ? null : { dump, restore, version };
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    // Debian's script chooses among the folders of versions by rules of its own: they are looked into directly.
    return basename(await realpath(path)) !== 'pg_wrapper';
  } catch {
    return false;
  }
}

/** Why one of them failed. What was executed is left out: it may hold what nobody should read in a message. */
export function describeProgramFailure(result: CommandResult): string {
  const own = result.stderr
    .split('\n')
    .filter((line) => /^pg_(dump|restore): /.test(line) && !/Command was/.test(line));
  return describeEnding({ ...result, stdout: '', stderr: own.join('\n') });
}
