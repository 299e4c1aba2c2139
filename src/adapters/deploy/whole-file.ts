/** A file that people own, read and put back whole: another reader never sees half of it. */
import { chmod, chown, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface WholeFile {
  /** Where it really is: links are followed, and stay. */
  path: string;
  /** Null: there is none. */
  content: Buffer | null;
}

export const readWhole = async (path: string): Promise<WholeFile> => {
  try {
    const real = await realpath(path);
    return { path: real, content: await readFile(real) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { path, content: null };
  }
};

const draftOf = (path: string): string => join(dirname(path), `.${basename(path)}.opsloop-draft`);

/** Mode and owner stay. Null: removes it. What an earlier call left half-way goes, too. */
export const writeWhole = async (path: string, content: Buffer | null): Promise<void> => {
  const draft = draftOf(path);
  if (content === null) {
    await rm(path, { force: true });
    await rm(draft, { force: true });
    return;
  }
  const before = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  await rm(draft, { force: true });
  const handle = await open(draft, 'wx', before === null ? 0o644 : 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (before !== null) {
    // Who may not give files away keeps them.
    await chown(draft, before.uid, before.gid).catch(() => null);
    await chmod(draft, before.mode & 0o7777);
  }
  await rename(draft, path);
};

/** Removes what a call that was killed left beside the file. */
export const removeDraft = (path: string): Promise<void> => rm(draftOf(path), { force: true });
