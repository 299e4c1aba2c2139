/** Log files of the stack's processes: opened for appending, set aside by size at each start. */

import { closeSync, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const maxSizeBytes = 10 * 1024 * 1024;
const keptFiles = 3;

/** Opens a log for appending (mode 600, folder made when missing) and returns its descriptor; the caller closes it. */
export function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  setAsideWhenLarge(path);
  return openSync(path, 'a', 0o600);
}

function setAsideWhenLarge(path: string): void {
  if (logSizeBytes(path) < maxSizeBytes) return;
  for (let number = keptFiles - 1; number >= 1; number -= 1)
    renameWhenThere(`${path}.${number}`, `${path}.${number + 1}`);
  renameWhenThere(path, `${path}.1`);
}

function renameWhenThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Size in bytes, 0 when the log does not exist. */
export const logSizeBytes = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** What a log holds from `offsetBytes` on, at most the last `limitBytes` of it; empty when it does not exist. */
export function readLog(path: string, offsetBytes = 0, limitBytes = 64 * 1024): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(file);
    // A log that is shorter than the offset was set aside and begun anew meanwhile.
    const from = Math.max(size < offsetBytes ? 0 : offsetBytes, size - limitBytes);
    const buffer = Buffer.alloc(Math.max(0, size - from));
    return buffer.toString('utf8', 0, readSync(file, buffer, 0, buffer.length, from));
  } finally {
    closeSync(file);
  }
}

/** The last lines of a log, for error messages; empty when there is nothing. */
export const lastLogLines = (path: string, count = 5, offsetBytes = 0): string =>
  readLog(path, offsetBytes).trimEnd().split('\n').slice(-count).join('\n');
