/** Reads a part of a file once, one chunk ahead, and hashes it on the way. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** Large enough to read fast, small enough that hashing it holds up nothing else. */
const chunkBytes = 512 * 1024;

export interface ChunkReader {
  /** Where in the file the next byte is. */
  position(): number;
  /** Exactly so many bytes; fewer only where the file ends. */
  take(bytes: number): Promise<Buffer>;
  /** What is at hand, at least 1 and at most `most` bytes; none where the file ends. */
  takeSome(most: number): Promise<Buffer>;
  /** SHA-256 of what was taken, hex; once, after the last byte. */
  sha256(): string;
  /** Waits for the chunk that is being read, so that the file can be closed. */
  settle(): Promise<void>;
}

export interface ChunkReaderOptions {
  file: FileHandle;
  /** Where it begins and ends, in bytes. */
  from: number;
  to: number;
  signal: AbortSignal | undefined;
}

export function createChunkReader({ file, from, to, signal }: ChunkReaderOptions): ChunkReader {
  const hash = createHash('sha256');
  let chunk: Buffer = Buffer.alloc(0);
  let used = 0;
  let taken = from;
  let readAt = from;
  const readNext = async (): Promise<Buffer> => {
    const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, Math.max(0, to - readAt)));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, readAt);
    readAt += bytesRead;
    return buffer.subarray(0, bytesRead);
  };
  const guarded = (reading: Promise<Buffer>): Promise<Buffer> => {
    // Its error is told when the chunk is wanted.
    reading.catch(() => {});
    return reading;
  };
  let ahead: Promise<Buffer> | null = null;
  const takeSome = async (most: number): Promise<Buffer> => {
    if (used === chunk.length) {
      signal?.throwIfAborted();
      chunk = await (ahead ?? readNext());
      used = 0;
      ahead = chunk.length === 0 ? null : guarded(readNext());
      hash.update(chunk);
    }
    const part = chunk.subarray(used, Math.min(chunk.length, used + most));
    used += part.length;
    taken += part.length;
    return part;
  };
  return {
    position: () => taken,
    takeSome,
    take: async (bytes) => {
      const first = bytes === 0 ? Buffer.alloc(0) : await takeSome(bytes);
      if (first.length === bytes) return first;
      const parts = [first];
      for (let have = first.length; have < bytes;) {
        const part = await takeSome(bytes - have);
        if (part.length === 0) break;
        parts.push(part);
        have += part.length;
      }
      return Buffer.concat(parts);
    },
    sha256: () => hash.digest('hex'),
    settle: async () => {
      await ahead?.catch(() => {});
    },
  };
}
