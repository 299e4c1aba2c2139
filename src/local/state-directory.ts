/** The state directory: made, checked for version and usability, and locked for one `opsloop up` at a time. */

import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { OpsError } from '../domain/errors.js';
import { tryLock } from './lock-file.js';
import { readProcess } from '../adapters/process-identity.js';
import { writeFileWhole } from './secret-file.js';

export const stateVersion = 1;

/** New embedded servers take some 130 MB; with less than this they would stop half-way. */
const neededForNewStateBytes = 300e6;
const neededBytes = 20e6;

const privateFolders = ['run', 'logs', 'reports'];

export interface StateDirectory {
  /** Absolute, without links. */
  path: string;
  /** Sockets of the moment: lock, endpoints, ports, processes. */
  run: string;
  logs: string;
}

/** Throws OpsError `invalidInput` when it is no folder, cannot be written, is full, or belongs to a newer opsloop. */
export function openStateDirectory(path: string): StateDirectory {
  try {
    makeFolder(path);
    // On a read-only disk the recursive mkdir below would say that the parent is missing.
    accessSync(path, constants.W_OK);
    requireKnownVersion(path);
    requireSpace(path);
    for (const name of privateFolders) mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
    const probe = join(path, 'run', `probe-${process.pid}`);
    writeFileSync(probe, Buffer.alloc(64 * 1024));
    rmSync(probe);
    if (!existsSync(join(path, 'version.json'))) {
      writeFileWhole(join(path, 'version.json'), `${JSON.stringify({ version: stateVersion })}\n`);
    }
  } catch (error) {
    throw error instanceof OpsError ? error : unusable(path, error as NodeJS.ErrnoException);
  }
  const real = realpathSync(path);
  return { path: real, run: join(real, 'run'), logs: join(real, 'logs') };
}

/** One by one: `mkdirSync` with `recursive` never returns where a folder cannot be made although its parent exists (/proc). */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (!existsSync(dirname(path))) makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another start may just have made it.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
  // As root the database runs as another account, which must get through; what is private in it is closed itself.
  chmodSync(path, process.getuid?.() === 0 ? 0o711 : 0o700);
}

function requireKnownVersion(path: string): void {
  const file = join(path, 'version.json');
  if (!existsSync(file)) return;
  let version: unknown;
  try {
    version = (JSON.parse(readFileSync(file, 'utf8')) as { version?: unknown }).version;
  } catch {
    version = undefined;
  }
  if (typeof version !== 'number') {
    throw new OpsError(
      'invalidInput',
      `${file} is damaged; expected {"version":${stateVersion}}. Correct it by hand.`,
    );
  }
  if (version > stateVersion) {
    throw new OpsError(
      'invalidInput',
      `The state directory ${path} has version ${version}; this opsloop knows ${stateVersion}. It was written by a newer ` +
        'opsloop: use that one, or set `stateDir` to another folder.',
    );
  }
}

function requireSpace(path: string): void {
  const { bavail, bsize, blocks } = statfsSync(path);
  if (blocks === 0) return; // a file system that does not tell
  const free = bavail * bsize;
  const needed = existsSync(join(path, 'version.json')) ? neededBytes : neededForNewStateBytes;
  if (free >= needed) return;
  const megabytes = (bytes: number): string => `${Math.floor(bytes / 1e6)} MB`;
  throw new OpsError(
    'invalidInput',
    `The disk of the state directory ${path} is full: ${megabytes(free)} are free, ${megabytes(needed)} are needed. ` +
      'Make room, or set `stateDir` to a folder on another disk.',
  );
}

const whatIsWrong: Record<string, string> = {
  EEXIST: 'it is a file, a folder is expected',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: `its parent cannot be made`,
};

function unusable(path: string, error: NodeJS.ErrnoException): OpsError {
  const reason = whatIsWrong[error.code ?? ''] ?? error.message;
  return new OpsError(
    'invalidInput',
    `The state directory ${path} cannot be used: ${reason} (${error.code}). Correct that, or set \`stateDir\` to a ` +
      'folder that opsloop can write, for example stateDir: /var/lib/opsloop',
    { field: 'stateDir', cause: error },
  );
}

/** Throws OpsError `invalidInput` that says who has it. A lock whose holder was killed is taken over. */
export async function lockStateDirectory(state: StateDirectory): Promise<{ release(): void }> {
  const attempt = await tryLock(join(state.run, 'up.lock'));
  if (attempt.isHeld) return attempt;
  const { pid, since } = attempt.holder;
  const command = readProcess(pid)?.command ?? '';
  throw new OpsError(
    'invalidInput',
    `opsloop runs already on ${state.path}: process ${pid} since ${since} (${command}). ` +
      `Use that one, stop it with: kill ${pid}, or give this one a \`stateDir\` of its own (now ${dirname(state.path)}).`,
  );
}
