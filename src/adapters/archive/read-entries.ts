/** Reads all entries of an open archive from the first byte to the last, and leaves no byte unexplained. */
import { setImmediate } from 'node:timers/promises';
import { ArchiveDamage } from './archive-damage.js';
import type { ArchiveProgress, ManifestEntry } from './archive.js';
import { createChunkReader, type ChunkReader } from './chunk-reader.js';
import { readContent } from './entry-content.js';
import type { OpenArchive } from './open-archive.js';
import { localHeader, type ZipEntry } from './zip-format.js';

/** Is given the contents as they are read, each part before its sum is known: `end` comes only for a whole entry. */
export interface EntrySink {
  begin(entry: ManifestEntry): Promise<void>;
  take(part: Buffer): Promise<void>;
  end(): Promise<void>;
}

export interface ReadEntriesOptions {
  phase: ArchiveProgress['phase'];
  onProgress?: ((progress: ArchiveProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
  sink?: EntrySink;
}

/** Longer than this nothing else of the process waits for small entries. */
const turnMs = 5;
const progressEveryMs = 250;

/** Reads everything once and returns the SHA-256 of the whole file. Throws ArchiveDamage. */
export async function readEntries(archive: OpenArchive, options: ReadEntriesOptions): Promise<string> {
  const { file, fileBytes, tableOffset, records, manifest } = archive;
  const { signal, sink } = options;
  const tell = createTeller(archive, options);
  const reader = createChunkReader({ file, from: 0, to: fileBytes, signal });
  try {
    let turnEndsAt = performance.now() + turnMs;
    for (const [index, record] of records.entries()) {
      const entry = manifest.entries[index] ?? null;
      if (entry !== null) await sink?.begin(entry);
      await readEntry({ reader, record, entry, tell, options });
      if (entry !== null) await sink?.end();
      tell.entry();
      if (performance.now() < turnEndsAt) continue;
      await setImmediate();
      signal?.throwIfAborted();
      turnEndsAt = performance.now() + turnMs;
    }
    const gap = tableOffset - reader.position();
    if (gap !== 0) throw new ArchiveDamage(null, strayText(gap, 'its table of contents'));
    while ((await reader.takeSome(fileBytes)).length > 0);
    if (reader.position() !== fileBytes) throw new ArchiveDamage(null, 'it became shorter while it was read');
    tell.now();
    return reader.sha256();
  } finally {
    await reader.settle();
  }
}

const strayText = (gap: number, what: string): string =>
  gap > 0 ? `${gap} bytes before ${what} belong to no entry` : `${what} overlaps what stands before it`;

interface EntryReading {
  reader: ChunkReader;
  record: ZipEntry;
  /** Null: the manifest. */
  entry: ManifestEntry | null;
  tell: Teller;
  options: ReadEntriesOptions;
}

async function readEntry({ reader, record, entry, tell, options }: EntryReading): Promise<void> {
  const damaged = (detail: string): ArchiveDamage =>
    new ArchiveDamage(entry?.path ?? record.name.toString('utf8'), detail);
  const gap = record.offset - reader.position();
  if (gap !== 0) throw damaged(strayText(gap, 'its header'));
  const header = localHeader(record);
  if (!(await reader.take(header.length)).equals(header)) throw damaged('its header is damaged');
  const problem = await readContent({
    reader,
    record,
    sha256: entry?.sha256 ?? null,
    take: async (part) => {
      tell.bytes(part.length);
      if (entry !== null) await options.sink?.take(part);
    },
  });
  if (problem !== null) throw damaged(problem);
}

interface Teller {
  bytes(count: number): void;
  entry(): void;
  now(): void;
}

function createTeller({ records }: OpenArchive, { phase, onProgress }: ReadEntriesOptions): Teller {
  const progress: ArchiveProgress = {
    phase,
    bytes: 0,
    totalBytes: records.reduce((sum, { bytes }) => sum + bytes, 0),
    entries: 0,
    totalEntries: records.length,
  };
  let toldAt = -Infinity;
  const now = (): void => {
    toldAt = performance.now();
    onProgress?.({ ...progress });
  };
  const tell = (): void => {
    if (onProgress !== undefined && performance.now() - toldAt >= progressEveryMs) now();
  };
  return {
    bytes: (count) => {
      progress.bytes += count;
      tell();
    },
    entry: () => {
      progress.entries += 1;
      tell();
    },
    now,
  };
}
