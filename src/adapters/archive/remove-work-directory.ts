/** Removes the work directory of an archived run: only what is inside the configured folder, and only what was archived. */
import { lstat, realpath, rename } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { nullIfMissing } from '../file-failure.js';
import { firstMountIn, removeTree } from '../remove-tree.js';
import type { ArchiveManifest, ManifestEntry } from './archive.js';
import { listTree, type Tree } from './list-tree.js';
import { zipName } from './manifest.js';

export type RemovalOutcome =
  | { kind: 'removed' }
  /** `reason` is for people, one line. */
  | { kind: 'kept'; reason: string };

export interface RemovalOptions {
  /** Absolute. */
  workDirectory: string;
  /** Absolute: the folder in which work directories are. */
  root: string;
  manifest: ArchiveManifest;
  signal: AbortSignal;
}

const kept = (reason: string): RemovalOutcome => ({ kind: 'kept', reason });
const ending = '.opsloop-removing';

/**
 * Safe to do again: what an earlier try that was killed left behind is removed first. Rejects with the signal's reason when it
 * is aborted.
 */
export async function removeWorkDirectory(options: RemovalOptions): Promise<RemovalOutcome> {
  try {
    return await removeIfArchived(options);
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    return kept(`${error.message}; change that, it is tried again`);
  }
}

async function removeIfArchived(options: RemovalOptions): Promise<RemovalOutcome> {
  const { workDirectory, root, manifest, signal } = options;
  const place = await realPlace(workDirectory, root);
  if ('reason' in place) return kept(place.reason);
  const { path, rootPath } = place;
  const leaving = join(dirname(path), `.${basename(path)}${ending}`);
  const rootDevice = (await lstat(rootPath)).dev;
  const mountBefore = await firstMountIn(leaving);
  if (mountBefore !== null) return kept(`${mountBefore} is a mount point`);
  await removeTree(leaving, rootDevice);
  const found = await lstat(path).catch(nullIfMissing);
  if (found === null) return { kind: 'removed' };
  if (found.isSymbolicLink()) return kept('it is a link');
  if (!found.isDirectory()) return kept('it is no folder');
  if (found.dev !== rootDevice) return kept('it is a mount point');
  const mount = await firstMountIn(path);
  if (mount !== null) return kept(`${mount} is a mount point`);
  const tree = await listTree({ root: path, isLeftOut: () => false, onProgress: () => undefined, signal });
  const difference = await firstUnarchived(path, tree, manifest, rootDevice);
  if (difference !== null) return kept(difference);
  await rename(path, leaving);
  await removeTree(leaving, rootDevice);
  return { kind: 'removed' };
}

/** Where it really is; links on the way must not lead out of the root. */
async function realPlace(
  workDirectory: string,
  root: string,
): Promise<{ path: string; rootPath: string } | { reason: string }> {
  const rootPath = await realpath(root).catch(nullIfMissing);
  const parent = await realpath(dirname(workDirectory)).catch(nullIfMissing);
  if (rootPath === null || parent === null) return { reason: 'the folder it should be in is not there' };
  const path = join(parent, basename(workDirectory));
  const prefix = rootPath.endsWith(sep) ? rootPath : `${rootPath}${sep}`;
  if (!path.startsWith(prefix))
    return { reason: `it is outside of ${root}, the folder that runs.workDirectory names` };
  return { path, rootPath };
}

/** What is there and was not archived as it is; null: nothing. */
async function firstUnarchived(
  path: string,
  tree: Tree,
  manifest: ArchiveManifest,
  device: number,
): Promise<string | null> {
  const archived = new Map(manifest.entries.map((entry) => [pathOf(entry).toString('base64'), entry]));
  const leftOut = new Set(manifest.skipped.map((file) => file.path));
  for (const entry of tree.entries) {
    const name = entry.path.toString('utf8');
    const known = archived.get(entry.path.toString('base64'));
    if (known === undefined || known.kind !== entry.kind) return `${name} was added after it was archived`;
    const isSame = known.bytes === entry.bytes && known.mtimeNs === entry.mtimeNs.toString();
    if (entry.kind === 'file' && !isSame) return `${name} changed after it was archived`;
    if (
      entry.kind === 'folder' &&
      (await lstat(Buffer.concat([Buffer.from(`${path}/`), entry.path]))).dev !== device
    )
      return `${name} is a mount point`;
  }
  const added = tree.skipped.find((file) => !leftOut.has(file.path));
  return added === undefined ? null : `${added.path} was added after it was archived`;
}

/** Without the slash at the end of a folder. */
const pathOf = (entry: ManifestEntry): Buffer =>
  entry.kind === 'folder' ? zipName(entry).subarray(0, -1) : zipName(entry);
