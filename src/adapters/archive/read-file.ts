/** Reads files of a tree, and notices when they are not what was listed. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { ChangedFile, isGone } from './changed-file.js';

/** What a file must still be; its path is absolute, one character for each byte. */
export interface ListedFile {
  path: string;
  bytes: number;
  inode: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
}

const bytesOf = ({ path }: ListedFile): Buffer => Buffer.from(path, 'latin1');

const changed = (file: ListedFile): ChangedFile => new ChangedFile(bytesOf(file).toString('utf8'));

/**
 * Reads a small file into `data`. Throws `ChangedFile` unless it is what was listed; that it stayed so shows the second listing.
 */
export function readSmall(file: ListedFile, data: Uint8Array): void {
  const descriptor = openListed(file);
  try {
    readInto(data, { descriptor, file, at: 0 });
  } finally {
    closeSync(descriptor);
  }
}

/** Hands a descriptor of the file to `read`. Throws `ChangedFile` unless the file is, before and after, what was listed. */
export async function withFile<T>(file: ListedFile, read: (descriptor: number) => Promise<T>): Promise<T> {
  const descriptor = openListed(file);
  try {
    const result = await read(descriptor);
    requireSame(descriptor, file);
    return result;
  } finally {
    closeSync(descriptor);
  }
}

/** A pipe or a link in its place is neither waited for nor followed. */
function openListed(file: ListedFile): number {
  let descriptor: number;
  try {
    descriptor = openSync(bytesOf(file), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw isGone(error) ? changed(file) : error;
  }
  try {
    requireSame(descriptor, file);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function requireSame(descriptor: number, file: ListedFile): void {
  const { size, mtimeNs, ctimeNs, ino } = fstatSync(descriptor, { bigint: true });
  const isSame =
    Number(size) === file.bytes && mtimeNs === file.mtimeNs && ctimeNs === file.ctimeNs && ino === file.inode;
  if (!isSame) throw changed(file);
}

export interface Reading {
  descriptor: number;
  file: ListedFile;
  at: number;
}

/** Fills `data` from `at` on. Throws `ChangedFile` when the file ends before, and the file system's error with the path. */
export function readInto(data: Uint8Array, { descriptor, file, at }: Reading): void {
  for (let done = 0; done < data.length;) {
    const read = readOnce(data, done, { descriptor, file, at: at + done });
    if (read === 0) throw changed(file);
    done += read;
  }
}

/** Errors of a descriptor do not know the path. */
function readOnce(data: Uint8Array, done: number, { descriptor, file, at }: Reading): number {
  try {
    return readSync(descriptor, data, done, data.length - done, at);
  } catch (error) {
    if (error instanceof Error) Object.assign(error, { path: bytesOf(file).toString('utf8') });
    throw error;
  }
}
