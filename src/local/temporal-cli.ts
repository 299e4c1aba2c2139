/** Finds the Temporal CLI: a given path, PATH, the cache, the official download, a build from source, in this order. */

import { accessSync, constants } from 'node:fs';
import { rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { OpsError } from '../domain/errors.js';
import { waitForLock } from './lock-file.js';
import type { Report } from './progress.js';
import { buildTemporalCli } from './temporal-cli-build.js';
import { lookInCache, makeWorkFolder, storeInCache, temporalCliFolder } from './temporal-cli-cache.js';
import { downloadTemporalCli } from './temporal-cli-download.js';
import {
  askVersion,
  isRecentEnough,
  oldestTemporalCli,
  temporalCliVersion,
  type TemporalCliVersion,
} from './temporal-cli-release.js';

export interface TemporalCli {
  path: string;
  /** Of the CLI; 0.0.0-DEV for some that were built from source. */
  version: string;
  /** Of the server inside, when it says. */
  serverVersion: string | null;
  origin: 'setting' | 'path' | 'cache' | 'download' | 'build';
}

export interface FindTemporalCliOptions {
  /** From the configuration (`temporal.cli`); the variable OPSLOOP_TEMPORAL_CLI comes before it. */
  explicitPath: string | null;
  env: NodeJS.ProcessEnv;
  report: Report;
  signal?: AbortSignal | undefined;
}

/**
 * Fetches it when it is nowhere yet: seconds by download, minutes by building. Of two processes at once one fetches and
 * the other waits. Throws OpsError `invalidInput` for a given path that does not work, `unavailable` naming every way
 * that failed.
 */
export async function findTemporalCli(options: FindTemporalCliOptions): Promise<TemporalCli> {
  const given = options.env['OPSLOOP_TEMPORAL_CLI'] || options.explicitPath;
  if (given) return useGivenPath(given);
  const failures: string[] = [];
  return (await lookOnPath(options.env, failures)) ?? (await lookInCacheOrFetch(options, failures));
}

const describe = (path: string, version: TemporalCliVersion, origin: TemporalCli['origin']): TemporalCli => ({
  path,
  version: version.cli,
  serverVersion: version.server,
  origin,
});

async function useGivenPath(path: string): Promise<TemporalCli> {
  const version = await askVersion(path).catch((cause: Error) => {
    const advice =
      'Give the path of the `temporal` binary, or leave it out and opsloop looks for one itself.';
    throw new OpsError('invalidInput', `The Temporal CLI given as ${path} ${cause.message}. ${advice}`, {
      cause,
    });
  });
  if (isRecentEnough(version)) return describe(path, version, 'setting');
  throw new OpsError(
    'invalidInput',
    `The Temporal CLI given as ${path} is version ${version.cli}; opsloop needs ${oldestTemporalCli} or newer.`,
  );
}

async function lookOnPath(env: NodeJS.ProcessEnv, failures: string[]): Promise<TemporalCli | null> {
  // Temporal's own installation script puts it there, and leaves PATH to people.
  const wellKnown = join(env['HOME'] || homedir(), '.temporalio', 'bin');
  const folders = [...(env['PATH'] ?? '').split(delimiter).filter(isAbsolute), wellKnown];
  const found = [...new Set(folders)].map((folder) => join(folder, 'temporal')).filter(isExecutable);
  for (const path of found) {
    try {
      const version = await askVersion(path);
      if (isRecentEnough(version)) return describe(path, version, 'path');
      failures.push(`PATH: ${path} is version ${version.cli}; ${oldestTemporalCli} or newer is needed`);
    } catch (error) {
      failures.push(`PATH: ${path} ${(error as Error).message}`);
    }
  }
  if (found.length === 0) failures.push('PATH: no `temporal` there');
  return null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function lookInCacheOrFetch(options: FindTemporalCliOptions, failures: string[]): Promise<TemporalCli> {
  const folder = temporalCliFolder(options.env);
  const cached = await useCache(folder);
  if (cached) return cached;
  const lock = await lockFetch(folder, options).catch((error: unknown) => {
    if (options.signal?.aborted) throw error;
    failures.push(`cache: ${folder} cannot be written (${(error as Error).message})`);
    throw notFound(failures);
  });
  try {
    return (await useCache(folder, failures)) ?? (await fetchIntoCache(folder, options, failures));
  } finally {
    lock.release();
  }
}

async function useCache(folder: string, failures: string[] = []): Promise<TemporalCli | null> {
  const cached = await lookInCache(folder);
  if (cached.state === 'good') return describe(cached.path, await askVersion(cached.path), 'cache');
  failures.push(
    cached.state === 'damaged'
      ? `cache: what is in ${folder} does not fit its checksum and is replaced`
      : `cache: nothing in ${folder}`,
  );
  return null;
}

function lockFetch(folder: string, { report, signal }: FindTemporalCliOptions): Promise<{ release(): void }> {
  return waitForLock(`${folder}.lock`, {
    onWait: ({ pid }) => report.progress(`process ${pid} is fetching the Temporal CLI; waiting for it`),
    signal,
  });
}

async function fetchIntoCache(
  folder: string,
  options: FindTemporalCliOptions,
  failures: string[],
): Promise<TemporalCli> {
  const { env, report, signal } = options;
  const workFolder = await makeWorkFolder(folder);
  const ways = [
    {
      origin: 'download',
      fetch: () =>
        downloadTemporalCli({ base: env['OPSLOOP_DOWNLOAD_BASE'], workFolder, report, env, signal }),
    },
    { origin: 'build', fetch: () => buildTemporalCli({ workFolder, report, env, signal }) },
  ] as const;
  try {
    for (const { origin, fetch } of ways) {
      try {
        const path = await fetch();
        const version = await askVersion(path);
        const stored = await storeInCache(folder, path, workFolder);
        report.line(`Temporal CLI ${temporalCliVersion} is now in ${folder}`);
        return describe(stored, version, origin);
      } catch (error) {
        signal?.throwIfAborted();
        failures.push(`${origin}: ${(error as Error).message}`);
        if (origin === 'download') report.line(`Temporal CLI: no download (${(error as Error).message})`);
      }
    }
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
  throw notFound(failures);
}

function notFound(failures: readonly string[]): OpsError {
  const tried = failures.map((failure) => `  - ${failure}`).join('\n');
  const advice = [
    'Do one of these and start again:',
    '  - install the Temporal CLI so that `temporal` is on PATH (https://docs.temporal.io/cli)',
    '  - set OPSLOOP_TEMPORAL_CLI to the path of a `temporal` binary',
    '  - set TEMPORAL_ADDRESS to the host:port of a Temporal server that runs already',
    '  - give this machine access to github.com, or install Go from https://go.dev/dl/ for a build from source',
  ].join('\n');
  return new OpsError(
    'unavailable',
    `The Temporal CLI was not found and could not be fetched.\n${tried}\n${advice}`,
  );
}
