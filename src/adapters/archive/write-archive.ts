/** Writes the archive of a listed tree under its temporary name, down to the disk. */
import { closeSync, fsync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import type { ArchiveProgress, MakeArchiveOptions } from './archive.js';
import { blockBytes, dictionaryBytes } from './deflate.js';
import type { Tree } from './list-tree.js';
import { createManifestWriter, freeManifestName } from './manifest.js';
import { packFiles } from './pack-files.js';
import { createPackers, packersInPlace, type Packers } from './packers.js';
import { createOrder } from './work-order.js';
import { createZipWriter, type WrittenSizes } from './zip-writer.js';

/** A tree that is packed faster than a thread starts. */
const littleBytes = 4 * 1024 * 1024;
const littleEntries = 1_000;

export interface Writing {
  /** Real path of the work directory. */
  root: string;
  tree: Tree;
  temporary: string;
  options: MakeArchiveOptions;
  /** The compiled `pack-thread`. */
  packThread: URL;
}

/** Throws `ChangedFile`, the file system's error, or the signal's reason; the temporary file is the caller's to remove. */
export async function writeArchive({ root, tree, temporary, options, packThread }: Writing): Promise<void> {
  const progress: ArchiveProgress = {
    phase: 'writing',
    bytes: 0,
    totalBytes: tree.contentBytes,
    entries: 0,
    totalEntries: tree.entries.length,
  };
  options.onProgress({ ...progress });
  const file = openSync(temporary, 'wx', 0o640);
  const isLittle = tree.contentBytes <= littleBytes && tree.entries.length <= littleEntries;
  const packers = isLittle ? packersInPlace() : createPackers(packThread);
  try {
    const writer = createZipWriter(file);
    const manifest = createManifestWriter();
    await packFiles(tree.entries, {
      root: Buffer.from(root),
      writer,
      manifest,
      packers,
      signal: options.signal,
      onPacked: (packed) => {
        progress.bytes += packed.bytes;
        progress.entries += packed.entries;
        options.onProgress({ ...progress });
      },
    });
    const createdAt = new Date();
    const { identity } = options;
    const pieces = manifest.pieces(
      { format: 'opsloop-archive', version: 1, identity, createdAt: createdAt.toISOString() },
      tree.skipped,
    );
    const head = {
      name: Buffer.from(freeManifestName(namesAtTop(tree))),
      isUtf8: true,
      method: 8 as const,
      mode: 0o100644,
      mtimeNs: BigInt(createdAt.getTime()) * 1_000_000n,
      isLarge: false,
    };
    await writer.stream(head, (piece) => deflatePieces(pieces, packers, piece));
    writer.end();
    // Not in this thread: it may take many seconds, and progress is told meanwhile.
    await promisify(fsync)(file);
  } finally {
    await packers.close();
    closeSync(file);
  }
}

/** What lies directly in the work directory: there the manifest needs a name of its own. */
const namesAtTop = ({ entries }: Tree): Set<string> =>
  new Set(entries.filter(({ path }) => !path.includes('/')).map(({ path }) => path.toString('latin1')));

async function deflatePieces(
  pieces: AsyncIterable<Buffer>,
  packers: Packers,
  write: (data: Buffer) => void,
): Promise<WrittenSizes> {
  const sizes = { crc: 0, compressedBytes: 0, bytes: 0 };
  const order = createOrder(packers.atOnce);
  let before: Uint8Array | null = null;
  const deflate = async (data: Uint8Array<ArrayBuffer>, isLast: boolean): Promise<void> => {
    if (data.length > 0) sizes.crc = crc32(data, sizes.crc);
    sizes.bytes += data.length;
    const next = data.slice(-dictionaryBytes);
    await order.add(packers.block({ data, before, isLast }), (packed) => {
      sizes.compressedBytes += packed.length;
      write(packed);
    });
    before = next;
  };
  try {
    for await (const data of blocksOf(pieces)) await deflate(data, false);
    await deflate(new Uint8Array(0), true);
    await order.drain();
    return sizes;
  } finally {
    await order.settle();
  }
}

/** Short pieces would each cost what ends a block. */
async function* blocksOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    bytes += piece.length;
    if (bytes < blockBytes) continue;
    yield new Uint8Array(Buffer.concat(waiting));
    waiting = [];
    bytes = 0;
  }
  if (bytes > 0) yield new Uint8Array(Buffer.concat(waiting));
}
