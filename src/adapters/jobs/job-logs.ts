/** Where the whole output of runs is: a file for each, rotated, and removed with the run's record. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionKey } from '../../domain/cron-execution.js';

/** Of each file; the newest and the one before are kept, so that the log of a run takes 16 MiB at most. */
export const logLimits = { maxBytes: 8 * 1024 * 1024, files: 2 } as const;

/** `2026-11-25T020000.000Z-1.log`: colons are no characters for names of files. */
const nameOf = ({ scheduledAt, attempt }: Pick<ExecutionKey, 'scheduledAt' | 'attempt'>): string =>
  `${new Date(scheduledAt).toISOString().replaceAll(':', '')}-${attempt}.log`;

/** `stateDir` is absolute; names of jobs are safe as names of files. */
export const jobLogPath = (stateDir: string, key: ExecutionKey): string =>
  join(stateDir, 'logs', 'cron', key.job, nameOf(key));

/** Removes the logs of a job's runs that are none of those on record. */
export async function pruneJobLogs(
  stateDir: string,
  job: string,
  kept: readonly Pick<ExecutionKey, 'scheduledAt' | 'attempt'>[],
): Promise<void> {
  const folder = join(stateDir, 'logs', 'cron', job);
  const names = new Set(kept.map(nameOf));
  for (const name of await namesIn(folder))
    if (!names.has(name.replace(/\.\d+$/, ''))) await rm(join(folder, name), { force: true });
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
