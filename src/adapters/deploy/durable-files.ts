/** Small files that are whole or not there, also after a power cut. */
import { randomUUID } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** A hidden name beside `path`, of this call alone. A process that is killed leaves it behind: `isTemporary` knows it. */
export const temporaryPath = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomUUID().slice(0, 8)}.tmp`);

export const isTemporary = (name: string): boolean => /^\..*\.[0-9a-f]{8}\.tmp$/.test(name);

/** Writes `text` under a temporary name, forces it to disk and gives it its name; mode 600. What is there is replaced. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = temporaryPath(path);
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** New names in the folder survive a power cut. */
export const syncFolder = (path: string): Promise<void> => syncFile(path, 'r');

/** Forces what was written to disk. */
export async function syncFile(path: string, flags = 'r+'): Promise<void> {
  const file = await open(path, flags);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
