/** Makes the archive of a work directory: listed, checked for room, written beside its place, read back, and only then named. */
import { randomBytes } from 'node:crypto';
import { closeSync, fsync, openSync } from 'node:fs';
import { mkdir, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { ArchiveManifest, ArchiveOutcome, MakeArchiveOptions } from './archive.js';
import { asFailure, codeOf, failed, findShortage, NoFolder, pathOf } from './archive-failure.js';
import { ChangedFile, isGone } from './changed-file.js';
import { listTree, requireSameTree } from './list-tree.js';
import { verifyArchive } from './verify-archive.js';
import { writeArchive } from './write-archive.js';

/** A directory that changed is read once more at once. */
const passes = 2;

/**
 * Runs in a thread of its own (`archiver`): it waits for disks. `packThread` is the compiled `pack-thread`. Expected failures are
 * outcomes, and leave nothing behind. Rejects with the signal's reason when it is aborted, after tidying up. Safe to do again at
 * any moment: files of an earlier try that was killed are removed, an archive of the same completion that is whole is taken as
 * it is.
 */
export async function makeArchive(options: MakeArchiveOptions, packThread: URL): Promise<ArchiveOutcome> {
  try {
    const { target, signal } = options;
    signal.throwIfAborted();
    await mkdir(dirname(target), { recursive: true });
    await removeLeftovers(target);
    const root = await workDirectoryOf(options);
    if (options.isAnew !== true || root === null) {
      const adopted = await adopt(options);
      if (adopted !== null) return adopted;
    }
    if (root === null) return { kind: 'noDirectory' };
    for (let pass = 1; ; pass += 1) {
      try {
        return await makeOnce({ root, ownFolder: await realpath(dirname(target)), options, packThread });
      } catch (error) {
        if (!(error instanceof ChangedFile) || pass === passes) throw error;
      }
    }
  } catch (error) {
    options.signal.throwIfAborted();
    return asFailure(error, options);
  }
}

/** The real path of the work directory; null: there is none. */
async function workDirectoryOf({ workDirectory }: MakeArchiveOptions): Promise<string | null> {
  try {
    const path = await realpath(workDirectory);
    if ((await stat(path)).isDirectory()) return path;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
  throw new NoFolder(workDirectory);
}

const temporaryEnding = /^\.[0-9a-f]{8}\.tmp$/;

const temporaryName = (target: string): string => `${target}.${randomBytes(4).toString('hex')}.tmp`;

/** Of tries that were killed: one archive is made by one worker at a time. */
async function removeLeftovers(target: string): Promise<void> {
  const own = basename(target);
  for (const name of await readdir(dirname(target)))
    if (name.startsWith(own) && temporaryEnding.test(name.slice(own.length)))
      await rm(join(dirname(target), name), { force: true });
}

/** The archive of the same completion, when it is there and whole. */
async function adopt(options: MakeArchiveOptions): Promise<ArchiveOutcome | null> {
  const found = await verifyArchive(options.target, verifying(options));
  if (found.kind !== 'whole') return null;
  const { environment, run, completion } = found.manifest.identity;
  const { identity } = options;
  if (environment !== identity.environment || run !== identity.run || completion !== identity.completion)
    return null;
  return outcomeOf(options.target, found, true);
}

const verifying = ({ onProgress, signal }: MakeArchiveOptions) => ({ onProgress, signal });

function outcomeOf(
  path: string,
  found: { manifest: ArchiveManifest; bytes: number; sha256: string; entries: number },
  isAdopted: boolean,
): ArchiveOutcome {
  const { manifest, bytes, sha256, entries } = found;
  const files = manifest.entries.filter(({ kind }) => kind === 'file');
  return {
    kind: 'archived',
    archive: { path, bytes, sha256, entries, verifiedAt: Date.now() },
    contentBytes: files.reduce((sum, file) => sum + file.bytes, 0),
    files: files.length,
    skipped: manifest.skipped,
    isAdopted,
  };
}

interface Making {
  /** Real path of the work directory. */
  root: string;
  /** Real path of the folder of the archive. */
  ownFolder: string;
  options: MakeArchiveOptions;
  packThread: URL;
}

async function makeOnce(making: Making): Promise<ArchiveOutcome> {
  const { root, ownFolder, options, packThread } = making;
  const { target, signal, onProgress } = options;
  const listed = ({ entries, bytes }: { entries: number; bytes: number }): void =>
    onProgress({ phase: 'listing', bytes, totalBytes: 0, entries, totalEntries: 0 });
  listed({ entries: 0, bytes: 0 });
  const tree = await unlessGone(() => listTree({ ...whatToList(making), onProgress: listed }));
  const shortage = await findShortage(dirname(target), tree.contentBytes);
  if (shortage !== null) return failed('noSpace', shortage);
  const temporary = temporaryName(target);
  try {
    await writeArchive({ root, tree, temporary, options, packThread });
    await unlessGone(() => requireSameTree(tree, whatToList(making), Buffer.from(relative(root, ownFolder))));
    const found = await verifyArchive(temporary, verifying(options));
    if (found.kind !== 'whole') {
      const where = found.kind === 'damaged' ? `${found.entry ?? 'the file'}: ${found.detail}` : 'it is gone';
      return failed(
        'damaged',
        `what was written is not what is read back (${where}); check the disk of ${dirname(target)}`,
      );
    }
    signal.throwIfAborted();
    await rename(temporary, target);
    await syncFolder(dirname(target));
    return outcomeOf(target, found, false);
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

const whatToList = ({ root, ownFolder, options: { target, signal } }: Making) => {
  const own = Buffer.from(join(ownFolder, basename(target)));
  // The archive, and what is being written of it, inside of the work directory.
  const isLeftOut = (path: Buffer): boolean =>
    path.length >= own.length &&
    own.compare(path, 0, own.length) === 0 &&
    (path.length === own.length || temporaryEnding.test(path.subarray(own.length).toString('latin1')));
  return { root, isLeftOut, signal };
};

/** What was named a moment ago and is not there any more has changed. */
async function unlessGone<Result>(look: () => Promise<Result>): Promise<Result> {
  try {
    return await look();
  } catch (error) {
    throw isGone(error) ? new ChangedFile(pathOf(error) ?? 'something') : error;
  }
}

/** The name is safe only when the folder is written, too. */
async function syncFolder(directory: string): Promise<void> {
  const folder = openSync(directory, 'r');
  try {
    await promisify(fsync)(folder);
  } finally {
    closeSync(folder);
  }
}
