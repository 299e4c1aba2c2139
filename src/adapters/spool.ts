/** A folder of small files that holds what could not be written to the database yet, in order, within a bound. */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Spool<Entry> {
  /** Keeps one entry. Beyond the bound the oldest goes, and is counted as dropped. */
  add(entry: Entry): Promise<void>;
  /** Number of entries that wait. */
  size(): number;
  /** Entries dropped because the spool was full, since the start of the process. */
  dropped(): number;
  /** Hands the entries to `take`, oldest first; stops at the first one that fails with what it threw. */
  drain(take: (entry: Entry) => Promise<void>): Promise<void>;
}

/** Opens the spool in `directory`; entries that an earlier process left are there again. */
export async function openSpool<Entry>({
  directory,
  maxEntries,
}: {
  directory: string;
  maxEntries: number;
}): Promise<Spool<Entry>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const found = (await readdir(directory)).sort();
  const names = found.filter((name) => name.endsWith('.json'));
  await removeHalves(
    directory,
    found.filter((name) => name.endsWith('.json.tmp')),
  );
  // Behind what is there already, also when the clock was set back since.
  let lastAt = (Number.parseInt(names.at(-1) ?? '0', 10) || 0) + 1;
  let dropped = 0;
  let counter = 0;
  let draining: Promise<void> = Promise.resolve();

  const add = async (entry: Entry): Promise<void> => {
    counter += 1;
    lastAt = Math.max(lastAt, Date.now());
    const name = `${String(lastAt).padStart(15, '0')}-${String(counter).padStart(9, '0')}-${randomUUID().slice(0, 8)}.json`;
    const temporary = join(directory, `${name}.tmp`);
    await writeFile(temporary, JSON.stringify(entry), { mode: 0o600 });
    await rename(temporary, join(directory, name));
    names.push(name);
    while (names.length > maxEntries) {
      const oldest = names.shift();
      if (oldest === undefined) break;
      dropped += 1;
      await rm(join(directory, oldest), { force: true });
    }
  };

  const drainOnce = async (take: (entry: Entry) => Promise<void>): Promise<void> => {
    for (let name = names[0]; name !== undefined; name = names[0]) {
      const path = join(directory, name);
      const entry = await readEntry<Entry>(path);
      if (entry !== null) await take(entry);
      await rm(path, { force: true });
      if (names[0] === name) names.shift();
    }
  };

  return {
    add,
    size: () => names.length,
    dropped: () => dropped,
    // One at a time: two drains would hand out the same entry.
    drain: (take) => {
      draining = draining.catch(() => undefined).then(() => drainOnce(take));
      return draining;
    },
  };
}

/** A process that was killed while it wrote leaves its file under the temporary name; a younger one may be in the making. */
async function removeHalves(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const path = join(directory, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > 60_000) await rm(path, { force: true });
  }
}

/** Null when the file is gone (another process took it) or was cut off by a crash of the machine. Rejects when it cannot be read now. */
async function readEntry<Entry>(path: string): Promise<Entry | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Entry;
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isGone || error instanceof SyntaxError) return null;
    throw error;
  }
}
