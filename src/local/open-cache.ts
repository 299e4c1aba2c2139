/** The cache as an account that is not ours can use it: the person's own one, or the machine's when that one is closed. */

import { chmodSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { OpsError } from '../domain/errors.js';
import { cacheDirectory } from './cache-directory.js';
import { findClosedFolder, type Account } from './postgres-account.js';

const machineCache = '/var/cache/opsloop';

/** A folder that `account` can enter. Throws OpsError `invalidInput` when there is none. */
export function openCacheDirectory(env: NodeJS.ProcessEnv, account: Account | null): string {
  const own = cacheDirectory(env);
  const found = [own, machineCache].find((folder) => findClosedFolder(folder, account) === null);
  if (found !== undefined) {
    makeOpenFolder(found);
    return found;
  }
  throw new OpsError(
    'invalidInput',
    `PostgreSQL does not run as root, and its account can enter neither ${own} nor ${machineCache}. ` +
      'Set XDG_CACHE_HOME to a folder that others may enter, or DATABASE_URL to a server that runs already.',
  );
}

/** Like `mkdir -p`, but others can enter the folder, and those made on the way, whatever the umask says. */
export function makeOpenFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true }) ?? folder;
  for (let made = folder; ; made = dirname(made)) {
    chmodSync(made, 0o755);
    if (made === first) return;
  }
}

/** Every cache that may hold something of ours, whatever account it was made for. */
export const allCacheDirectories = (env: NodeJS.ProcessEnv): string[] => [cacheDirectory(env), machineCache];
