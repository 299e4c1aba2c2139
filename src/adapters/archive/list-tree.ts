/** What is in a folder: files and folders in a fixed order, and what is left out. Links are never followed. */
import { constants, lstatSync, readdirSync, readlinkSync, type BigIntStats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { SkippedFile } from './archive.js';
import { ChangedFile } from './changed-file.js';

/** A file or folder, as it was when the tree was listed. */
export interface TreeEntry {
  /** Bytes of the path from the root, `/` between folders, none at the end. */
  path: Buffer;
  kind: 'file' | 'folder';
  /** Unix mode with the type. */
  mode: number;
  mtimeNs: bigint;
  /** Of the last change of content, mode or owner: no program sets it back. */
  ctimeNs: bigint;
  bytes: number;
  inode: bigint;
}

export interface Tree {
  /** A folder comes before what is in it; by the bytes of their names. */
  entries: TreeEntry[];
  skipped: SkippedFile[];
  contentBytes: number;
}

export interface ListTreeOptions {
  /** Absolute. */
  root: string;
  /** Absolute paths that are left out without a word: the archive itself, when it is inside. */
  isLeftOut(path: Buffer): boolean;
  onProgress(found: { entries: number; bytes: number }): void;
  signal: AbortSignal;
}

/** Looked at before others get their turn. */
const entriesAtOnce = 500;
const slash = Buffer.from('/');

export const joined = (folder: Buffer, name: Buffer): Buffer =>
  folder.length === 0 ? name : Buffer.concat([folder, slash, name]);

/** Rejects with the file system's error, whose `path` says where, or with the signal's reason. */
export async function listTree({ onProgress, ...options }: ListTreeOptions): Promise<Tree> {
  const tree: Tree = { entries: [], skipped: [], contentBytes: 0 };
  await walkTree(options, {
    entry: (entry) => {
      tree.entries.push(entry);
      tree.contentBytes += entry.bytes;
    },
    skipped: (file) => tree.skipped.push(file),
    turn: () => onProgress({ entries: tree.entries.length, bytes: tree.contentBytes }),
  });
  return tree;
}

interface Visitor {
  entry(entry: TreeEntry): void;
  skipped(file: SkippedFile): void;
  /** Now and then. */
  turn(): void;
}

async function walkTree(
  { root, isLeftOut, signal }: Omit<ListTreeOptions, 'onProgress'>,
  visitor: Visitor,
): Promise<void> {
  const rootPath = Buffer.from(root);
  let sinceTurn = 0;
  const visit = async (folder: Buffer): Promise<void> => {
    const here = folder.length === 0 ? rootPath : joined(rootPath, folder);
    const names = readdirSync(here, { encoding: 'buffer' });
    names.sort(Buffer.compare);
    for (const name of names) {
      const full = joined(here, name);
      if (isLeftOut(full)) continue;
      const path = joined(folder, name);
      const stats = lstatSync(full, { bigint: true });
      if (stats.isDirectory()) {
        visitor.entry(treeEntry(path, 'folder', stats));
        await visit(path);
      } else if (stats.isFile()) visitor.entry(treeEntry(path, 'file', stats));
      else visitor.skipped(skippedFile(full, path, stats));
      sinceTurn += 1;
      if (sinceTurn < entriesAtOnce) continue;
      sinceTurn = 0;
      await setImmediate();
      signal.throwIfAborted();
      visitor.turn();
    }
  };
  await visit(Buffer.alloc(0));
}

const treeEntry = (path: Buffer, kind: TreeEntry['kind'], stats: BigIntStats): TreeEntry => ({
  path,
  kind,
  mode: Number(stats.mode),
  mtimeNs: stats.mtimeNs,
  ctimeNs: stats.ctimeNs,
  bytes: kind === 'file' ? Number(stats.size) : 0,
  inode: stats.ino,
});

function skippedFile(full: Buffer, path: Buffer, stats: BigIntStats): SkippedFile {
  const shown = path.toString('utf8');
  switch (Number(stats.mode) & constants.S_IFMT) {
    case constants.S_IFLNK:
      return { path: shown, kind: 'link', target: readlinkSync(full, 'utf8') };
    case constants.S_IFSOCK:
      return { path: shown, kind: 'socket' };
    case constants.S_IFIFO:
      return { path: shown, kind: 'fifo' };
    default:
      return { path: shown, kind: 'device' };
  }
}

/**
 * Rejects with `ChangedFile` unless the tree is still as it was listed, or as `listTree` does. Times of `ownFolder` do not
 * count: the archive itself is being written there.
 */
export async function requireSameTree(
  { entries, skipped }: Tree,
  options: Omit<ListTreeOptions, 'onProgress'>,
  ownFolder: Buffer,
): Promise<void> {
  let at = 0;
  let skippedAt = 0;
  await walkTree(options, {
    entry: (found) => {
      const listed = entries[at];
      at += 1;
      const order = listed === undefined ? 1 : Buffer.compare(listed.path, found.path);
      const isSame = order === 0 && listed !== undefined && isSameEntry(listed, found, ownFolder);
      if (!isSame) throw changed(order < 0 && listed !== undefined ? listed.path : found.path);
    },
    skipped: (found) => {
      const listed = skipped[skippedAt];
      skippedAt += 1;
      const isSame =
        listed?.path === found.path && listed.kind === found.kind && listed.target === found.target;
      if (!isSame) throw new ChangedFile((listed ?? found).path);
    },
    turn: () => undefined,
  });
  const gone = entries[at];
  if (gone !== undefined) throw changed(gone.path);
  const goneSkipped = skipped[skippedAt];
  if (goneSkipped !== undefined) throw new ChangedFile(goneSkipped.path);
}

const changed = (path: Buffer): ChangedFile => new ChangedFile(path.toString('utf8'));

function isSameEntry(a: TreeEntry, b: TreeEntry, ownFolder: Buffer): boolean {
  if (a.kind !== b.kind || a.inode !== b.inode || a.mode !== b.mode || a.bytes !== b.bytes) return false;
  return (a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs) || ownFolder.equals(a.path);
}
