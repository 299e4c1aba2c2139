/** What the file system says while an archive is made, in words that say what to do next. */
import { statfs } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import process from 'node:process';
import { formatByteSize } from '../../domain/byte-size.js';
import type { ArchiveFailure, ArchiveOutcome, MakeArchiveOptions } from './archive.js';
import { ChangedFile } from './changed-file.js';

/** The work directory is a file, or something else that is no folder. */
export class NoFolder extends Error {}

/** Room that the archive's file system must have, as a multiple of what goes in: nothing may shrink. */
const roomFactor = 1.5;

export const failed = (reason: ArchiveFailure, detail: string): ArchiveOutcome => ({
  kind: 'failed',
  reason,
  detail,
});

/** The outcome of an expected failure; throws the error when it is none. */
export async function asFailure(
  error: unknown,
  { workDirectory, target }: Pick<MakeArchiveOptions, 'workDirectory' | 'target'>,
): Promise<ArchiveOutcome> {
  if (error instanceof NoFolder)
    return failed(
      'broken',
      `${workDirectory} is no folder; runs.workDirectory or the run's work_directory must name one`,
    );
  if (error instanceof ChangedFile)
    return failed(
      'changed',
      `${error.file} changed while it was read, twice; let the run end before it says that it is over`,
    );
  // Reading the work directory names the file; what has no name came from the descriptor of the archive.
  const where = pathOf(error) ?? target;
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return failed('noSpace', await fullText(dirname(target)));
    case 'EACCES':
    case 'EPERM':
      return failed(
        'denied',
        `${where} may not be used by ${userName()}; change its owner or mode, it is tried again`,
      );
    case 'EROFS':
      return failed(
        'denied',
        `${where} is on a file system that may only be read; mount it for writing, it is tried again`,
      );
    default:
      // Codes of Node.js itself (`ERR_…`) are mistakes of ours.
      if (!/^E[A-Z0-9]+$/.test(codeOf(error))) throw error;
      return failed('broken', `${where}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Why there is not enough room for so much; null: there is. */
export async function findShortage(directory: string, contentBytes: number): Promise<string | null> {
  const free = await freeBytes(directory);
  const needed = contentBytes * roomFactor;
  if (free >= needed) return null;
  return (
    `${formatByteSize(needed)} are needed (${roomFactor} times what goes in) and ${formatByteSize(free)} are free on the file ` +
    `system of ${directory}; free some, it is tried again`
  );
}

async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/** With what is free once the half archive is gone: a quota shows itself by that. */
async function fullText(directory: string): Promise<string> {
  const free = await freeBytes(directory).catch(() => null);
  const note = free === null ? '' : ` (${formatByteSize(free)} are free without what was written of it)`;
  return `the file system of ${directory}, or the quota on it, was full before the archive was written${note}; free some, it is tried again`;
}

/** An account need not have a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `the user ${process.getuid?.() ?? ''}`.trimEnd();
  }
}

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

/** Of an error of the file system. */
export function pathOf(error: unknown): string | null {
  const path = error instanceof Error && 'path' in error ? error.path : null;
  if (typeof path === 'string') return path;
  return path instanceof Uint8Array ? Buffer.from(path).toString('utf8') : null;
}
