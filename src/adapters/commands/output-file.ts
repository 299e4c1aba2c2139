/**
 * The output of a program as a file. Not a pipe: a service that the program leaves running would die at its next line when the reader
 * of the pipe ends or is killed. The file is opened for appending and emptied whenever it has grown, so that a flood fills no disk.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, rmSync } from 'node:fs';
import { outputEnd, type OutputEnd } from '../output-end.js';

export interface OutputFile {
  readonly path: string;
  /** For the program. */
  readonly writer: number;
  readonly end: OutputEnd;
  /** Reads what has come, and empties the file when it is large. Returns how many bytes came. To be called every few milliseconds. */
  readOn(): number;
  /** Nobody finds it any more; what still writes to it may go on. */
  unlink(): void;
}

/**
 * Only a file of this size is emptied. What a program writes in the microseconds between our last read and the emptying is lost: that
 * may only ever happen to one that has written so much. At 1 GB/s and a look every 20 ms the file stays below 64 MiB; on a machine so
 * busy that the looks come late, it grows by what comes meanwhile.
 */
const emptiedAtBytes = 8 * 1024 * 1024;
const chunkBytes = 256 * 1024;

/** Throws when it cannot be made. */
export const openOutputFile = (path: string, maxBytes: number): OutputFile => {
  const writer = openSync(path, 'a', 0o600);
  const reader = openSync(path, 'r+');
  const end = outputEnd(maxBytes);
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let offset = 0;

  const readUntil = (size: number): void => {
    while (offset < size) {
      const bytes = readSync(reader, chunk, 0, Math.min(chunkBytes, size - offset), offset);
      if (bytes === 0) return;
      end.add(Buffer.from(chunk.subarray(0, bytes)));
      offset += bytes;
    }
  };

  const readNew = (): void => {
    const { size } = fstatSync(reader);
    // Emptied by somebody else: in a script, `echo … > /dev/stderr` does that.
    if (size < offset) offset = 0;
    if (size - offset > maxBytes) {
      end.skip(size - offset - maxBytes);
      offset = size - maxBytes;
    }
    readUntil(size);
    if (size >= emptiedAtBytes) {
      readUntil(fstatSync(reader).size);
      ftruncateSync(reader, 0);
      offset = 0;
    }
  };

  const readOn = (): number => {
    const before = end.receivedBytes();
    try {
      readNew();
    } catch {
      // A disk that fails now and then costs output: the program is still watched.
    }
    return end.receivedBytes() - before;
  };

  return {
    path,
    writer,
    end,
    readOn,
    unlink: () => {
      closeSync(writer);
      rmSync(path, { force: true });
    },
  };
};
