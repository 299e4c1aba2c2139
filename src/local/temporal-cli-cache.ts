/** The cached Temporal CLI: one folder for each version and platform, checked against its recorded checksum at each use. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cacheDirectory } from './cache-directory.js';
import { temporalCliVersion } from './temporal-cli-release.js';

/** `<cache>/temporal-cli/<version>-<platform>-<arch>`. */
export const temporalCliFolder = (env: NodeJS.ProcessEnv): string =>
  join(cacheDirectory(env), 'temporal-cli', `${temporalCliVersion}-${platform()}-${arch()}`);

export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest('hex');
}

export type CacheState = { state: 'good'; path: string } | { state: 'missing' } | { state: 'damaged' };

/** Looks at what is cached. A damaged one stays where it is; storing a new one replaces it. */
export async function lookInCache(folder: string): Promise<CacheState> {
  const path = join(folder, 'temporal');
  try {
    const recorded = (await readFile(`${path}.sha256`, 'utf8')).split(/\s/)[0];
    return recorded === (await sha256OfFile(path)) ? { state: 'good', path } : { state: 'damaged' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return { state: 'damaged' };
    return (await isEmptyOrMissing(folder)) ? { state: 'missing' } : { state: 'damaged' };
  }
}

async function isEmptyOrMissing(folder: string): Promise<boolean> {
  return readdir(folder).then(
    (entries) => entries.length === 0,
    () => true,
  );
}

/** A folder beside the final one to work in; on the same disk, so that the last step is a rename. The caller removes it. */
export async function makeWorkFolder(folder: string): Promise<string> {
  await mkdir(dirname(folder), { recursive: true, mode: 0o755 });
  await removeLeftovers(folder);
  return mkdtemp(join(dirname(folder), `.${basename(folder)}-`));
}

/** What a killed fetch left behind. Only called while holding the fetch lock. */
async function removeLeftovers(folder: string): Promise<void> {
  const prefix = `.${basename(folder)}-`;
  const entries = await readdir(dirname(folder));
  const leftovers = entries.filter((entry) => entry.startsWith(prefix));
  await Promise.all(
    leftovers.map((entry) => rm(join(dirname(folder), entry), { recursive: true, force: true })),
  );
}

/** Puts a binary into the cache with its checksum, in one step. Returns its final path. */
export async function storeInCache(folder: string, binary: string, workFolder: string): Promise<string> {
  const ready = join(workFolder, 'ready');
  await mkdir(ready, { mode: 0o755 });
  await chmod(ready, 0o755);
  await rename(binary, join(ready, 'temporal')).catch(() => copyFile(binary, join(ready, 'temporal')));
  await chmod(join(ready, 'temporal'), 0o755);
  await writeFile(
    join(ready, 'temporal.sha256'),
    `${await sha256OfFile(join(ready, 'temporal'))}  temporal\n`,
  );
  await rm(folder, { recursive: true, force: true });
  await rename(ready, folder);
  return join(folder, 'temporal');
}
