/** Restores an archive into a folder: all of it, byte for byte, or nothing. */
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readdir, realpath, rename, rm, rmdir, statfs } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { formatByteSize } from '../../domain/byte-size.js';
import type { RunArchive } from '../../domain/run.js';
import { ArchiveDamage } from './archive-damage.js';
import type { ArchiveProgress, SkippedFile } from './archive.js';
import { isForeignPath } from './entry-names.js';
import { zipName } from './manifest.js';
import { openArchive, type OpenArchive } from './open-archive.js';
import { readEntries } from './read-entries.js';
import { createRestoredTree } from './restored-tree.js';
import { verifyOpenArchive } from './verify-archive.js';

export interface RestoreOptions {
  /** Absolute path of the archive. */
  path: string;
  /** What is on record; null: nothing is, and names that mean something elsewhere and modes of rank are refused or left out. */
  expected: Pick<RunArchive, 'bytes' | 'sha256'> | null;
  /** The folder: absent or empty. */
  to: string;
  signal: AbortSignal;
  onProgress?(progress: ArchiveProgress): void;
}

export type RestoreOutcome =
  | {
      kind: 'restored';
      files: number;
      folders: number;
      bytes: number;
      /** What the archive left out when it was made, and is not there now. */
      skipped: SkippedFile[];
    }
  /** There is no archive. */
  | { kind: 'missing' }
  | { kind: 'damaged'; entry: string | null; detail: string }
  /** Nothing is wrong with the archive. `detail` is for people, one line, and says what to do. */
  | { kind: 'refused'; reason: RestoreRefusal; detail: string };

/** `occupied`: there is something in the folder, or it is none. */
export type RestoreRefusal = 'occupied' | 'noSpace' | 'denied' | 'broken';

/** Expected, on the way to its outcome. */
class Refused extends Error {
  constructor(
    readonly reason: RestoreRefusal,
    detail: string,
  ) {
    super(detail);
  }
}

/**
 * Verifies first, writes beside the folder under another name, and renames at the end. Whatever goes wrong, nothing is left
 * behind, and the folder is as it was. Rejects with the signal's reason when it is aborted, after tidying up.
 */
export async function restoreArchive(options: RestoreOptions): Promise<RestoreOutcome> {
  try {
    await requireFreeTarget(resolve(options.to));
    const archive = await openArchive(options.path, options.signal);
    if (archive === null) return { kind: 'missing' };
    try {
      return await restoreOpen(archive, options);
    } finally {
      await archive.file.close();
    }
  } catch (error) {
    options.signal.throwIfAborted();
    return asOutcome(error, options);
  }
}

async function restoreOpen(archive: OpenArchive, options: RestoreOptions): Promise<RestoreOutcome> {
  const { expected, signal } = options;
  if (expected === null) refuseForeignPaths(archive);
  const verified = await verifyOpenArchive(archive, options);
  const to = resolve(options.to);
  const madeParent = await mkdir(dirname(to), { recursive: true });
  const parent = await realpath(dirname(to));
  const target = join(parent, basename(to));
  const temporary = join(
    parent,
    `${basename(to).slice(0, 60)}.opsloop-${randomBytes(4).toString('hex')}.tmp`,
  );
  let isDone = false;
  try {
    await requireRoom(parent, archive);
    const mode = (await requireFreeTarget(target)) ?? 0o777 & ~process.umask();
    await mkdir(temporary, { mode: 0o700 });
    const tree = createRestoredTree({ root: temporary, mode, keepsRank: expected !== null });
    try {
      const sha256 = await readEntries(archive, { ...options, phase: 'writing', sink: tree });
      if (sha256 !== verified.sha256) throw new ArchiveDamage(null, 'it changed while it was restored');
    } finally {
      await tree.close();
    }
    await tree.finish(signal);
    signal.throwIfAborted();
    // Over a folder that is empty, and over nothing else: the file system refuses the rest.
    await rename(temporary, target);
    isDone = true;
    await syncFolder(parent);
  } finally {
    if (!isDone) await removeTraces(temporary, { parent, madeParent });
  }
  return outcomeOf(archive);
}

function outcomeOf({ manifest }: OpenArchive): RestoreOutcome {
  const files = manifest.entries.filter(({ kind }) => kind === 'file');
  return {
    kind: 'restored',
    files: files.length,
    folders: manifest.entries.length - files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    skipped: manifest.skipped,
  };
}

/** Here `\` is a letter, and a file that was archived comes back under its name; of what nobody recorded it is refused. */
function refuseForeignPaths({ manifest }: OpenArchive): void {
  const foreign = manifest.entries.find((entry) => isForeignPath(zipName(entry)));
  if (foreign !== undefined)
    throw new ArchiveDamage(foreign.path, 'its name would lead out of the folder on other systems');
}

/** The mode of the folder when it is there and empty; null: it is absent. */
async function requireFreeTarget(to: string): Promise<number | null> {
  const found = await lstat(to).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return null;
  if (!found.isDirectory())
    throw new Refused('occupied', `${to} is no folder; name one that is not there yet, or is empty`);
  if ((await readdir(to)).length > 0)
    throw new Refused('occupied', `${to} is not empty; name a folder that is not there yet, or is empty`);
  return found.mode & 0o7777;
}

/** Each file takes whole blocks. */
async function requireRoom(parent: string, { manifest }: OpenArchive): Promise<void> {
  const { bavail, bsize, ffree, files } = await statfs(parent);
  const needed = manifest.entries.reduce((sum, { bytes }) => sum + Math.ceil(bytes / bsize) * bsize, 0);
  const free = bavail * bsize;
  if (needed > free)
    throw new Refused(
      'noSpace',
      `${formatByteSize(needed)} are needed and ${formatByteSize(free)} are free on the file system of ${parent}; ` +
        'free some, or name a folder elsewhere',
    );
  // Some file systems count no inodes.
  if (files > 0 && ffree < manifest.entries.length)
    throw new Refused(
      'noSpace',
      `the file system of ${parent} has room for ${ffree} more files, and there are ${manifest.entries.length}`,
    );
}

/** Folders that were made on the way go, too, unless somebody put something there. */
async function removeTraces(
  temporary: string,
  { parent, madeParent }: { parent: string; madeParent: string | undefined },
): Promise<void> {
  await rm(temporary, { recursive: true, force: true });
  if (madeParent === undefined) return;
  const first = await realpath(madeParent);
  for (let folder = parent; folder.startsWith(first); folder = dirname(folder)) {
    try {
      await rmdir(folder);
    } catch {
      return;
    }
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

function asOutcome(error: unknown, { to }: RestoreOptions): RestoreOutcome {
  if (error instanceof ArchiveDamage) return { kind: 'damaged', entry: error.entry, detail: error.message };
  const refused = (reason: RestoreRefusal, detail: string): RestoreOutcome => ({
    kind: 'refused',
    reason,
    detail,
  });
  if (error instanceof Refused) return refused(error.reason, error.message);
  const text = error instanceof Error ? error.message : String(error);
  switch (codeOf(error)) {
    case '':
      throw error;
    case 'ENOSPC':
    case 'EDQUOT':
      return refused('noSpace', `the file system of ${to} ran full; nothing was left there`);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return refused('denied', `${text}; run it as somebody who may, or name a folder elsewhere`);
    case 'ENOTEMPTY':
    case 'EEXIST':
      return refused(
        'occupied',
        `something was put into ${to} meanwhile, or two names are one there (${text})`,
      );
    case 'EBUSY':
    case 'EXDEV':
      return refused('occupied', `${to} is a mount point; name a folder inside of it`);
    default:
      return refused('broken', text);
  }
}
