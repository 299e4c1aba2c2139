/** The contents of one entry: inflated within bounds, and checked against size, CRC-32 and SHA-256. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ChunkReader } from './chunk-reader.js';
import { TrailingData, inflatePieces, inflateWhole } from './inflate.js';
import type { ZipEntry } from './zip-format.js';

/** Up to this, an entry is inflated in one piece. */
const wholeBytes = 1024 * 1024;

export interface ContentOptions {
  reader: ChunkReader;
  record: ZipEntry;
  /** Hex; null: nobody knows it. */
  sha256: string | null;
  /** Given each part in order; awaited before the next. */
  take(part: Buffer): Promise<void> | void;
}

/** What is wrong with data; told apart from what the file system or a signal says. */
class ContentProblem extends Error {}

/** Reads the data of an entry from where `reader` stands. Returns what is wrong with it, or null. */
export async function readContent({ reader, record, sha256, take }: ContentOptions): Promise<string | null> {
  const hash = sha256 === null ? null : createHash('sha256');
  let crc = 0;
  let bytes = 0;
  const accept = async (part: Buffer): Promise<void> => {
    bytes += part.length;
    if (bytes > record.bytes) throw new ContentProblem('it holds more than it says');
    // Of nothing, it would be 0 whatever came before.
    if (part.length > 0) crc = crc32(part, crc);
    hash?.update(part);
    await take(part);
  };
  try {
    if (record.method === 0) for await (const part of partsOf(reader, record)) await accept(part);
    else if (record.bytes <= wholeBytes && record.compressedBytes <= wholeBytes)
      await accept(await inflateSmall(reader, record));
    else await inflatePieces(partsOf(reader, record), accept);
  } catch (error) {
    if (error instanceof ContentProblem) return error.message;
    if (isInflateError(error)) return `its data cannot be inflated: ${error.message}`;
    throw error;
  }
  if (bytes !== record.bytes) return `it holds ${bytes} bytes instead of ${record.bytes}`;
  if (crc !== record.crc) return 'its content is damaged (CRC-32)';
  if (hash !== null && hash.digest('hex') !== sha256)
    return 'its content is not what the manifest says (SHA-256)';
  return null;
}

async function* partsOf(reader: ChunkReader, { compressedBytes }: ZipEntry): AsyncGenerator<Buffer> {
  for (let left = compressedBytes; left > 0;) {
    const part = await reader.takeSome(left);
    if (part.length === 0) throw new ContentProblem('the file ends in its data');
    left -= part.length;
    yield part;
  }
}

async function inflateSmall(reader: ChunkReader, { bytes, compressedBytes }: ZipEntry): Promise<Buffer> {
  const data = await reader.take(compressedBytes);
  if (data.length < compressedBytes) throw new ContentProblem('the file ends in its data');
  return inflateWhole(data, bytes);
}

/** Of zlib, or of `inflate` itself. */
const isInflateError = (error: unknown): error is Error =>
  error instanceof TrailingData ||
  (error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    (error.code.startsWith('Z_') || error.code === 'ERR_BUFFER_TOO_LARGE'));
