/** PostgreSQL refuses to run as root: the account that it runs as then, and which folders that account can enter. */

import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { OpsError } from '../domain/errors.js';

export interface Account {
  uid: number;
  gid: number;
}

/**
 * null unless this process is root's. As root: the owner of the data when there is some, else `postgres`, else
 * `nobody`.
 */
export function choosePostgresAccount(dataFolder: string): Account | null {
  if (process.getuid?.() !== 0) return null;
  const owner = statSync(dataFolder, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const account = findAccount('postgres') ?? findAccount('nobody');
  if (account) return account;
  const advice = 'Run opsloop as another user, make a user `postgres`, or set DATABASE_URL.';
  throw new OpsError(
    'invalidInput',
    `PostgreSQL does not run as root, and there is no other account. ${advice}`,
  );
}

function findAccount(name: string): Account | null {
  const ask = (flag: string): number => {
    const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' });
    return status === 0 ? Number(stdout) : 0;
  };
  const account = { uid: ask('-u'), gid: ask('-g') };
  return account.uid > 0 && account.gid > 0 ? account : null;
}

/**
 * The first folder on the way to `path` that the account cannot enter; null when it gets there. Parts of the path that
 * do not exist yet count as open.
 */
export function findClosedFolder(path: string, account: Account | null): string | null {
  if (account === null) return null;
  let existing = resolve(path);
  while (!existsSync(existing)) existing = dirname(existing);
  const folders: string[] = [];
  for (let folder = realpathSync(existing); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  return folders.find((folder) => !canEnter(folder, account)) ?? null;
}

function canEnter(folder: string, { uid, gid }: Account): boolean {
  const { mode, uid: ownerUid, gid: ownerGid } = statSync(folder);
  if (ownerUid === uid) return (mode & 0o100) !== 0;
  if (ownerGid === gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}
