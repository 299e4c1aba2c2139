/** Where the embedded PostgreSQL keeps its data: beside the state, or in the cache when its account cannot enter there. */

import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { OpsError } from '../domain/errors.js';
import { allCacheDirectories, makeOpenFolder, openCacheDirectory } from './open-cache.js';
import { findClosedFolder, choosePostgresAccount, type Account } from './postgres-account.js';
import { stopOrphanPostgres } from './postgres-orphan.js';
import type { Report } from './progress.js';
import { writeFileWhole } from './secret-file.js';

export interface PostgresHome {
  /** Belongs to the account; `data` in it is the cluster, made by initdb. */
  folder: string;
  data: string;
  /** null: this process's own. */
  account: Account | null;
}

/** In the state directory; the id ties it to its data, so that a new state directory at the same path has new data. */
interface Location {
  id: string;
  folder: string;
}

/** Beside data in the cache: whose it is. */
interface Owner {
  directory: string;
  /** Of the disk that `directory` is on. A disk that is merely not mounted must not cost anybody their data. */
  device: number;
}

const movedDataName = 'postgres-data';
const forgottenAfterMs = 30 * 24 * 3600_000;

/** `directory` is this server's own folder in the state directory; made when missing. */
export function choosePostgresHome(directory: string, env: NodeJS.ProcessEnv, report: Report): PostgresHome {
  const isMade = mkdirSync(directory, { recursive: true, mode: 0o711 }) !== undefined;
  if (isMade) chmodSync(directory, 0o711); // whatever the umask says
  const beside = join(directory, 'data');
  const location = readJson<Location>(join(directory, 'location.json'));
  if (location && existsSync(location.folder)) {
    rememberOwner(location.folder, directory);
    return homeIn(location.folder, choosePostgresAccount(join(location.folder, 'data')));
  }
  const account = choosePostgresAccount(beside);
  const closed = findClosedFolder(directory, account);
  if (closed === null) return homeIn(directory, account);
  if (existsSync(join(beside, 'PG_VERSION'))) throw closedData(beside, closed);
  return moveToCache(directory, closed, account, env, report);
}

const homeIn = (folder: string, account: Account | null): PostgresHome => ({
  folder,
  data: join(folder, 'data'),
  account,
});

function closedData(data: string, closed: string): OpsError {
  return new OpsError(
    'invalidInput',
    `The account that PostgreSQL runs as cannot enter ${closed} any more, and its data is in ${data}. ` +
      `Allow it with: chmod o+x ${closed}`,
  );
}

function moveToCache(
  directory: string,
  closed: string,
  account: Account | null,
  env: NodeJS.ProcessEnv,
  report: Report,
): PostgresHome {
  const id = randomUUID();
  const folder = join(openCacheDirectory(env, account), movedDataName, id);
  // In this order: a folder that names its owner is always named by its owner too, so nobody takes it for forgotten.
  writeFileWhole(join(directory, 'location.json'), JSON.stringify({ id, folder } satisfies Location));
  makeOpenFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
  chmodSync(folder, 0o711);
  rememberOwner(folder, directory);
  report.line(`PostgreSQL's data is kept in ${folder}: its account cannot enter ${closed}`);
  return homeIn(folder, account);
}

/** The data folder must belong to the account that runs the server. */
export function giveTo(path: string, account: Account | null): void {
  if (account) chownSync(path, account.uid, account.gid);
}

function rememberOwner(folder: string, directory: string): void {
  const owner: Owner = { directory, device: statSync(directory).dev };
  writeFileSync(join(folder, 'owner.json'), JSON.stringify(owner), { mode: 0o600 });
}

/** Removes data in the caches whose state directory was deleted, stopping a server that still runs on it. */
export async function removeForgottenData(env: NodeJS.ProcessEnv): Promise<void> {
  for (const cache of allCacheDirectories(env)) {
    const parent = join(cache, movedDataName);
    for (const id of listOrNothing(parent)) {
      const folder = join(parent, id);
      if (!isForgotten(folder, id)) continue;
      await stopOrphanPostgres(join(folder, 'data'));
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function isForgotten(folder: string, id: string): boolean {
  const record = join(folder, 'owner.json');
  const owner = readJson<Owner>(record);
  if (owner === null) return false; // just being made, or not ours
  if (readJson<Location>(join(owner.directory, 'location.json'))?.id === id) return false;
  let existing = owner.directory;
  while (!existsSync(existing)) existing = dirname(existing);
  const isSameDisk = statSync(existing).dev === owner.device;
  return isSameDisk || Date.now() - statSync(record).mtimeMs > forgottenAfterMs;
}

function listOrNothing(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readJson<T>(path: string): T | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return null;
  }
}
