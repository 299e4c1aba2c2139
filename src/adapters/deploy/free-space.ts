/** Free space where something is going to be written. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { OpsError } from '../../domain/errors.js';
import { probeDisk } from '../probes/disk-probe.js';

export interface FreeSpace {
  /** What programs other than root may still use. */
  bytes: number;
  /** Of the whole file system, 0 to 100. */
  percent: number;
  /** The path that was asked about, or its nearest parent that is there. */
  path: string;
}

/** Asks the file system that holds `path` (absolute), or will hold it. `unavailable` when it does not answer in time. */
export async function freeSpaceAt(
  path: string,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<FreeSpace> {
  const there = await nearestExisting(path);
  const { diskFreeBytes, diskTotalBytes, error } = await probeDisk(
    { kind: 'disk', path: there, conditions: [] },
    { timeoutMs, supervisor: null, ...(signal === undefined ? {} : { signal }) },
  );
  if (diskFreeBytes === undefined || diskTotalBytes === undefined)
    throw new OpsError('unavailable', `the free space cannot be told: ${error ?? there}`);
  return {
    bytes: diskFreeBytes,
    // File systems that tell no size (proc) have no space either.
    percent: diskTotalBytes === 0 ? 0 : (100 * diskFreeBytes) / diskTotalBytes,
    path: there,
  };
}

async function nearestExisting(path: string): Promise<string> {
  for (let there = path; ; there = dirname(there)) {
    try {
      await stat(there);
      return there;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(there) === there) return there;
    }
  }
}
