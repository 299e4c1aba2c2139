/** Puts the files of a tree into an archive: small ones many at a time, large ones in blocks; other threads do the work. */
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ManifestEntry } from './archive.js';
import { blockBytes, dictionaryBytes, doesShrink, sampleBytes, samplePlaces } from './deflate.js';
import { joined, type TreeEntry } from './list-tree.js';
import { writtenName, type ManifestWriter } from './manifest.js';
import type { PackedFile } from './pack-job.js';
import type { Packers } from './packers.js';
import { readInto, withFile, type ListedFile } from './read-file.js';
import { createOrder } from './work-order.js';
import { largeFrom } from './zip-format.js';
import type { WrittenSizes, ZipEntryHead, ZipWriter } from './zip-writer.js';

export interface PackOptions {
  root: Buffer;
  writer: ZipWriter;
  manifest: ManifestWriter;
  packers: Packers;
  /** Told of bytes read and of entries written since the last time. */
  onPacked(packed: { bytes: number; entries: number }): void;
  signal: AbortSignal;
}

/** Small files that one thread takes at once: few enough that the threads end together. */
const mostFilesOfBatch = 200;
const mostBytesOfBatch = 512 * 1024;

/** Rejects with `ChangedFile`, the file system's error, or the signal's reason. */
export async function packFiles(entries: readonly TreeEntry[], options: PackOptions): Promise<void> {
  const order = createOrder(options.packers.atOnce);
  try {
    for (const batch of batchesOf(entries)) {
      options.signal.throwIfAborted();
      const [first] = batch;
      if (first !== undefined && isLarge(first)) {
        await order.drain();
        options.manifest.add(manifestEntry(first, await packLarge(first, options)));
        options.onPacked({ bytes: 0, entries: 1 });
      } else await order.add(packBatch(batch, options), (write) => write());
    }
    await order.drain();
  } finally {
    await order.settle();
  }
}

const isLarge = ({ kind, bytes }: TreeEntry): boolean => kind === 'file' && bytes > blockBytes;

/** A large file is a batch of its own. */
function* batchesOf(entries: readonly TreeEntry[]): Generator<TreeEntry[]> {
  let batch: TreeEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const isFull = batch.length >= mostFilesOfBatch || bytes + entry.bytes > mostBytesOfBatch;
    if (batch.length > 0 && (isFull || isLarge(entry))) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(entry);
    bytes += entry.bytes;
    if (!isLarge(entry)) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Gives a function that writes the entries. */
async function packBatch(
  batch: readonly TreeEntry[],
  { packers, root, writer, manifest, onPacked }: PackOptions,
): Promise<() => void> {
  const files = batch.filter(({ kind }) => kind === 'file').map((entry) => listedFile(entry, root));
  const packed = files.length === 0 ? { files: [], data: Buffer.alloc(0) } : await packers.files(files);
  return () => {
    const results = packed.files.values();
    let at = 0;
    for (const entry of batch) {
      const result: PackedFile | undefined = entry.kind === 'file' ? results.next().value : undefined;
      const { method, crc, sha256, compressedBytes } = result ?? emptyOfFolder;
      const data = packed.data.subarray(at, at + compressedBytes);
      at += compressedBytes;
      writer.add(
        { ...headOf(entry), method, isLarge: false },
        { crc, compressedBytes, bytes: entry.bytes },
        data,
      );
      manifest.add(manifestEntry(entry, sha256));
    }
    onPacked({ bytes: batch.reduce((sum, { bytes }) => sum + bytes, 0), entries: batch.length });
  };
}

const emptyOfFolder = { method: 0 as const, crc: 0, sha256: null, compressedBytes: 0 };

const listedFile = ({ path, bytes, inode, mtimeNs, ctimeNs }: TreeEntry, root: Buffer): ListedFile => ({
  path: joined(root, path).toString('latin1'),
  bytes,
  inode,
  mtimeNs,
  ctimeNs,
});

/** In the ZIP, a folder ends with a slash. */
const nameOf = ({ path, kind }: TreeEntry): Buffer =>
  kind === 'folder' ? Buffer.concat([path, Buffer.from('/')]) : path;

/** What both headers and the manifest say of an entry before it is read. */
const headOf = (entry: TreeEntry): Omit<ZipEntryHead, 'method' | 'isLarge'> => ({
  name: nameOf(entry),
  isUtf8: isUtf8(entry.path),
  mode: entry.mode,
  mtimeNs: entry.mtimeNs,
});

function manifestEntry(entry: TreeEntry, sha256: string | null): ManifestEntry {
  const { isUtf8: _, ...name } = writtenName(nameOf(entry));
  return {
    ...name,
    kind: entry.kind,
    mode: `0${(entry.mode & 0o7777).toString(8).padStart(3, '0')}`,
    mtimeNs: entry.mtimeNs.toString(),
    bytes: entry.bytes,
    sha256,
  };
}

/** Gives the SHA-256. */
function packLarge(entry: TreeEntry, options: PackOptions): Promise<string> {
  const file = listedFile(entry, options.root);
  return withFile(file, async (descriptor) => {
    const samples = samplePlaces(entry.bytes).map((at) => {
      const sample = Buffer.allocUnsafe(sampleBytes);
      readInto(sample, { descriptor, file, at });
      return sample;
    });
    const isDeflated = doesShrink(samples);
    const head = { ...headOf(entry), method: isDeflated ? (8 as const) : (0 as const) };
    const hash = createHash('sha256');
    await options.writer.stream({ ...head, isLarge: entry.bytes >= largeFrom }, (piece) =>
      writeBlocks({ file, descriptor, piece, isDeflated, hash, options }),
    );
    return hash.digest('hex');
  });
}

interface BlockWriting {
  file: ListedFile;
  descriptor: number;
  piece(data: Buffer): void;
  isDeflated: boolean;
  hash: ReturnType<typeof createHash>;
  options: PackOptions;
}

/** Reads block after block; they are deflated side by side and written in their order. */
async function writeBlocks(writing: BlockWriting): Promise<WrittenSizes> {
  const { file, descriptor, piece, isDeflated, hash, options } = writing;
  const sizes: WrittenSizes = { crc: 0, compressedBytes: 0, bytes: file.bytes };
  const write = (data: Buffer): void => {
    sizes.compressedBytes += data.length;
    piece(data);
  };
  const order = createOrder(options.packers.atOnce);
  let before: Uint8Array | null = null;
  try {
    for (let at = 0; at < file.bytes; at += blockBytes) {
      options.signal.throwIfAborted();
      const data = new Uint8Array(Math.min(blockBytes, file.bytes - at));
      readInto(data, { descriptor, file, at });
      hash.update(data);
      sizes.crc = crc32(data, sizes.crc);
      options.onPacked({ bytes: data.length, entries: 0 });
      const isLast = at + blockBytes >= file.bytes;
      const next = isDeflated ? data.slice(-dictionaryBytes) : null;
      const packed = isDeflated ? options.packers.block({ data, before, isLast }) : stored(data);
      before = next;
      await order.add(packed, write);
    }
    await order.drain();
    return sizes;
  } finally {
    await order.settle();
  }
}

/** Gives others their turn: of stored data nothing else would. */
const stored = (data: Uint8Array<ArrayBuffer>): Promise<Buffer> =>
  new Promise((resolve) => {
    setImmediate(() => resolve(Buffer.from(data.buffer)));
  });
