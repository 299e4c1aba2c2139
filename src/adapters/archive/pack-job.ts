/** The work that an archive hands to other threads: reading, hashing and deflating, without a word to anybody. */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { ChangedFile } from './changed-file.js';
import { codeOf, pathOf } from './archive-failure.js';
import { blockBytes, deflateBlock, deflateWhole, type Block } from './deflate.js';
import { readSmall, type ListedFile } from './read-file.js';

export type PackJob = { kind: 'files'; files: ListedFile[] } | ({ kind: 'block' } & Block);

/** A file as it goes into the archive; its data is a part of the answer's. */
export interface PackedFile {
  method: 0 | 8;
  crc: number;
  /** Hex. */
  sha256: string;
  compressedBytes: number;
}

export type PackAnswer =
  | { kind: 'packed'; files: PackedFile[]; data: Uint8Array<ArrayBuffer> }
  | { kind: 'changed'; file: string }
  /** What the file system said. */
  | { kind: 'failed'; message: string; code: string; path: string | null };

/** Small files are read into it one after the other. */
const readBuffer = Buffer.allocUnsafeSlow(blockBytes);

export function doPackJob(job: PackJob): PackAnswer {
  try {
    if (job.kind === 'block') return { kind: 'packed', files: [], data: ownBytes([deflateBlock(job)]) };
    const parts: Uint8Array[] = [];
    const files = job.files.map((file) => packFile(file, parts));
    return { kind: 'packed', files, data: ownBytes(parts) };
  } catch (error) {
    if (error instanceof ChangedFile) return { kind: 'changed', file: error.file };
    const { message } = error instanceof Error ? error : new Error(String(error));
    return { kind: 'failed', message, code: codeOf(error), path: pathOf(error) };
  }
}

function packFile(file: ListedFile, parts: Uint8Array[]): PackedFile {
  const raw = readBuffer.subarray(0, file.bytes);
  readSmall(file, raw);
  const deflated = deflateWhole(raw);
  // The buffer is used again for the next file.
  const data = deflated ?? Uint8Array.from(raw);
  parts.push(data);
  return {
    method: deflated === null ? 0 : 8,
    crc: raw.length === 0 ? 0 : crc32(raw),
    sha256: hash('sha256', raw, 'hex'),
    compressedBytes: data.length,
  };
}

/** One piece of memory that may be handed over: what zlib gives can be a part of one that is shared. */
function ownBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
