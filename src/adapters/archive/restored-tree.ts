/** Files and folders as they are restored below a new folder that nobody else can enter. */
import { constants, chmod, mkdir, open, utimes, type FileHandle } from 'node:fs/promises';
import type { ManifestEntry } from './archive.js';
import { plainName } from './entry-names.js';
import { zipName } from './manifest.js';
import type { EntrySink } from './read-entries.js';

export interface RestoredTreeOptions {
  /** Absolute; new and empty. */
  root: string;
  /** Of the root, in the end. */
  mode: number;
  /** Whether the bits that give the rights of an owner to everybody (setuid, setgid) come back. */
  keepsRank: boolean;
}

export interface RestoredTree extends EntrySink {
  /** Waits for what is under way and closes it; also when something failed. */
  close(): Promise<void>;
  /** Gives folders their modes and times, those inside first: each file in them would have changed them. */
  finish(signal: AbortSignal): Promise<void>;
}

/** Files that are written to disk at the same time: each waits for the disk, and together they wait once. */
const mostOpen = 32;
const isRank = 0o6000;
const slash = Buffer.from('/');

/** Node.js hands on whole microseconds, cut off: half of one more keeps the fraction of a double from losing one. */
function timeOf(mtimeNs: string): number | Date {
  const ns = BigInt(mtimeNs);
  // It takes a negative number for now, but not a date.
  return ns < 0n ? new Date(Number(ns / 1_000_000n)) : (Number(ns / 1000n) + 0.5) / 1e6;
}

export function createRestoredTree({ root, mode, keepsRank }: RestoredTreeOptions): RestoredTree {
  const folders: ManifestEntry[] = [];
  const known = new Set<string>();
  const closing = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let current: { file: FileHandle; entry: ManifestEntry } | null = null;

  const pathOf = (name: Buffer): Buffer => Buffer.concat([Buffer.from(root), slash, name]);
  const modeOf = (entry: ManifestEntry): number =>
    Number.parseInt(entry.mode, 8) & (keepsRank ? 0o7777 : 0o7777 & ~isRank);

  const makeParents = async (name: Buffer): Promise<void> => {
    for (let at = name.indexOf(slash); at >= 0; at = name.indexOf(slash, at + 1)) {
      const parent = name.subarray(0, at);
      const key = parent.toString('latin1');
      if (known.has(key)) continue;
      known.add(key);
      await mkdir(pathOf(parent), { mode: 0o700 });
    }
  };

  const complete = async (file: FileHandle, entry: ManifestEntry): Promise<void> => {
    try {
      await file.chmod(modeOf(entry));
      await file.utimes(timeOf(entry.mtimeNs), timeOf(entry.mtimeNs));
      await file.sync();
    } finally {
      await file.close();
    }
  };

  return {
    begin: async (entry) => {
      if (failures.length > 0) throw failures[0];
      const name = plainName(zipName(entry));
      await makeParents(name);
      if (entry.kind === 'folder') {
        folders.push(entry);
        // Listed after what is in it: the way there has made it.
        if (known.has(name.toString('latin1'))) return;
        known.add(name.toString('latin1'));
        await mkdir(pathOf(name), { mode: 0o700 });
        return;
      }
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      current = { file: await open(pathOf(name), flags, 0o600), entry };
    },
    take: async (part) => {
      for (let done = 0; done < part.length;)
        done += (await current?.file.write(part, done))?.bytesWritten ?? part.length;
    },
    end: async () => {
      if (current === null) return;
      const { file, entry } = current;
      current = null;
      const work: Promise<void> = complete(file, entry)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => closing.delete(work));
      closing.add(work);
      if (closing.size >= mostOpen) await Promise.race(closing);
    },
    close: async () => {
      await current?.file.close();
      current = null;
      await Promise.all(closing);
    },
    finish: async (signal) => {
      if (failures.length > 0) throw failures[0];
      const depth = (entry: ManifestEntry): number => entry.path.split('/').length;
      for (const folder of folders.toSorted((a, b) => depth(b) - depth(a))) {
        signal.throwIfAborted();
        const path = pathOf(plainName(zipName(folder)));
        await sync(path);
        await chmod(path, modeOf(folder));
        await utimes(path, timeOf(folder.mtimeNs), timeOf(folder.mtimeNs));
      }
      await sync(root);
      await chmod(root, mode);
    },
  };
}

async function sync(path: string | Buffer): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
