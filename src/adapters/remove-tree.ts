/** Removes a folder with everything in it, and nothing else. */
import { lstat, readFile, readdir, rmdir, unlink } from 'node:fs/promises';
import { nullIfMissing } from './file-failure.js';

/** What is mounted there or below, where the system tells; a folder of the same file system may be mounted, too. */
export async function firstMountIn(path: string): Promise<string | null> {
  const text = await readFile('/proc/self/mountinfo', 'latin1').catch(nullIfMissing);
  const key = Buffer.from(path).toString('latin1');
  for (const line of text?.split('\n') ?? []) {
    const place = (line.split(' ')[4] ?? '').replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    if (place === key || place.startsWith(`${key}/`)) return Buffer.from(place, 'latin1').toString('utf8');
  }
  return null;
}

/** Never follows links, and never goes into another file system, where somebody mounted one meanwhile. */
export async function removeTree(path: string, device: number): Promise<void> {
  const found = await lstat(path).catch(nullIfMissing);
  if (found === null) return;
  if (!found.isDirectory()) await unlink(path);
  else await removeFolder(Buffer.from(path), device);
}

async function removeFolder(path: Buffer, device: number): Promise<void> {
  if ((await lstat(path)).dev !== device) return;
  for (const entry of await readdir(path, { encoding: 'buffer', withFileTypes: true })) {
    const child = Buffer.concat([path, Buffer.from('/'), entry.name]);
    if (entry.isDirectory()) await removeFolder(child, device);
    else await unlink(child);
  }
  // Of a folder that holds another file system, the file system refuses it.
  await rmdir(path);
}
