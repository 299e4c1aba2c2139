/** Removes releases that are older than those that stay. */
import { lstat, readdir, realpath, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { OpsError } from '../../domain/errors.js';
import { nullIfMissing } from '../file-failure.js';
import { firstMountIn, removeTree } from '../remove-tree.js';
import { requireReleaseName } from './version-name.js';

/** A release is renamed to this before it is removed: a half of one is never taken for a release. */
export const leavingName = '.opsloop-removing';

interface Options {
  /** Absolute path of the folder of releases. */
  releases: string;
  /** Releases that are left, `stay` among them. */
  keep: number;
  /** Names that are never removed. */
  stay: readonly string[];
  signal: AbortSignal;
}

/**
 * Old is by the time at which the directory itself was last changed (its modification time), then by name. Links, files, hidden
 * names and mount points are left alone, and count for nothing. What cannot be removed does not hold up the others; it is named
 * in the error at the end.
 */
export const removeOldReleases = async ({ releases, keep, stay, signal }: Options): Promise<void> => {
  const base = await realpath(releases);
  const leaving = join(base, leavingName);
  const device = (await lstat(base)).dev;
  const kept = new Set([...stay, ...(await namesBehind(base, stay))]);
  const found = await releasesIn(base);
  const staying = found.filter(({ name }) => kept.has(name)).length;
  const others = found.filter(({ name }) => !kept.has(name));
  const failures: string[] = [];
  await removeUnmounted(leaving, device);
  for (const { name } of others.slice(Math.max(0, keep - staying))) {
    signal.throwIfAborted();
    try {
      await leave(join(base, name), leaving, device);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      failures.push(`${name} (${error.message})`);
    }
  }
  if (failures.length > 0)
    throw new OpsError('unavailable', `old releases could not be removed: ${failures.join('; ')}`);
};

/** `current` may lead to a link: what that leads to stays as well. */
const namesBehind = async (base: string, names: readonly string[]): Promise<string[]> => {
  const paths = await Promise.all(names.map((name) => realpath(join(base, name)).catch(nullIfMissing)));
  return paths.flatMap((path) => (path === null ? [] : [basename(path)]));
};

/** Newest first. */
const releasesIn = async (base: string): Promise<{ name: string; changedAt: bigint }[]> => {
  const found: { name: string; changedAt: bigint }[] = [];
  for (const name of await readdir(base)) {
    if (!isReleaseName(name)) continue;
    const about = await lstat(join(base, name), { bigint: true }).catch(nullIfMissing);
    if (about?.isDirectory() === true) found.push({ name, changedAt: about.mtimeNs });
  }
  return found.sort((one, other) =>
    one.changedAt === other.changedAt
      ? one.name < other.name
        ? 1
        : -1
      : one.changedAt < other.changedAt
        ? 1
        : -1,
  );
};

const leave = async (path: string, leaving: string, device: number): Promise<void> => {
  // Looked at again: it may have become a link meanwhile, and a rename moves that link, never what it leads to.
  if (!(await lstat(path)).isDirectory()) return;
  const mount = await firstMountIn(path);
  if (mount !== null) throw new Error(`${mount} is a mount point`);
  await rename(path, leaving);
  await removeUnmounted(leaving, device);
};

const removeUnmounted = async (path: string, device: number): Promise<void> => {
  const mount = await firstMountIn(path);
  if (mount !== null) throw new OpsError('unavailable', `${mount} is a mount point: unmount it`);
  await removeTree(path, device);
};

const isReleaseName = (name: string): boolean => {
  try {
    return requireReleaseName(name) === name;
  } catch {
    return false;
  }
};
