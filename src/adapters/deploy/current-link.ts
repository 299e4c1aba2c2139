/** `<root>/current`, the link to the live release: reading it, and replacing it in one operation. */
import { lstat, readlink, realpath, rename, symlink, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { OpsError } from '../../domain/errors.js';
import { nullIfMissing } from '../file-failure.js';
import { syncFolder } from '../sync-folder.js';
import { requireReleaseName } from './version-name.js';

/** One fixed name: what a kill leaves is replaced by the next call. */
const newLinkName = '.current.opsloop-new';

export const currentLink = (root: string) => {
  const path = join(root, 'current');
  const releases = join(root, 'releases');
  const newPath = join(root, newLinkName);

  /** The name of the live release, there or not; null: no link. Throws `invalidInput` for what is no link to a release. */
  const read = async (): Promise<string | null> => {
    const found = await lstat(path).catch(nullIfMissing);
    if (found === null) return null;
    if (!found.isSymbolicLink()) {
      const what = found.isDirectory() ? 'a directory' : 'a file';
      throw notOurs(
        `${path} is ${what}, not a link: move it to ${join(releases, 'v1')}, then ln -s releases/v1 ${path}`,
      );
    }
    const target = await readlink(path);
    const place = resolve(root, target);
    if (!(await isSameFolder(dirname(place), releases)))
      throw notOurs(
        `${path} leads to ${target}, not to a directory in ${releases}: ln -sfn releases/v1 ${path}`,
      );
    return requireReleaseName(basename(place));
  };

  /** Atomic: whoever looks sees the old one or the new one. */
  const set = async (name: string): Promise<void> => {
    await removeLeftover();
    await symlink(`releases/${name}`, newPath);
    await rename(newPath, path);
    await syncFolder(root);
  };

  const remove = async (): Promise<void> => {
    await unlink(path).catch(nullIfMissing);
    await syncFolder(root);
  };

  const hasLeftover = async (): Promise<boolean> => (await lstat(newPath).catch(nullIfMissing)) !== null;

  const removeLeftover = async (): Promise<void> => {
    const found = await lstat(newPath).catch(nullIfMissing);
    if (found === null) return;
    if (!found.isSymbolicLink())
      throw new OpsError('conflict', `${newPath} is in the way and not a link of opsloop: move it away`);
    await unlink(newPath);
  };

  return { path, newLinkName, read, set, remove, hasLeftover, removeLeftover };
};

const notOurs = (message: string): OpsError => new OpsError('invalidInput', message);

/** Written alike, or the same in the end: roots are often reached through links. */
const isSameFolder = async (one: string, other: string): Promise<boolean> => {
  if (one === other) return true;
  const [realOne, realOther] = await Promise.all(
    [one, other].map((path) => realpath(path).catch(nullIfMissing)),
  );
  return realOne !== null && realOne === realOther;
};
