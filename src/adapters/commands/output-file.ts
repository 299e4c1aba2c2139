/**
 * The output of a program as a file. Not a pipe: a service that the program leaves running would die at its next line when the reader
 * of the pipe ends or is killed. The file is opened for appending, and what was read of it is given back, so that a flood fills no disk.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, rmSync } from 'node:fs';
import { outputEnd, type OutputEnd } from '../output-end.js';
import { openOutputHole } from './output-hole.js';
import type { OutputLog } from './output-log.js';

export interface OutputFile {
  readonly path: string;
  /** For the program. */
  readonly writer: number;
  readonly end: OutputEnd;
  /** The beginning, when something is left out between it and the end; null: nothing is. */
  head(): string | null;
  /** Reads what has come, and gives its space back when that is much. Returns how many bytes came. To be called every few milliseconds. */
  readOn(): number;
  /** Nobody finds it any more; what still writes to it may go on. */
  unlink(): void;
}

/**
 * Space is given back when so much was read. At 1 GB/s and a look every 20 ms the file takes less than 64 MiB; on a machine so busy that
 * the looks come late, it grows by what comes meanwhile. Where a hole cannot be made, the file is emptied: what a program writes between
 * our last read and that is lost, a few milliseconds of a flood on a busy machine, with its last line perhaps.
 */
const freedAtBytes = 8 * 1024 * 1024;
const chunkBytes = 256 * 1024;

export interface OutputSettings {
  /** How much of its end is kept. */
  maxBytes: number;
  /** How much of its beginning. */
  headBytes: number;
  /** Gets all of it; null: none. */
  log: OutputLog | null;
}

/** Throws when it cannot be made. */
export const openOutputFile = (path: string, { maxBytes, headBytes, log }: OutputSettings): OutputFile => {
  const writer = openSync(path, 'a', 0o600);
  const reader = openSync(path, 'r+');
  const end = outputEnd(maxBytes);
  const hole = openOutputHole(reader);
  const chunk = Buffer.allocUnsafe(chunkBytes);
  // What a log holds nothing of is not worth reading, however far behind we are.
  const mostBehind = Math.max(maxBytes, log?.maxBytes ?? 0);
  const head: Buffer[] = [];
  let headLength = 0;
  let offset = 0;

  const take = (bytes: Buffer): void => {
    end.add(bytes);
    log?.write(bytes);
    if (headLength >= headBytes) return;
    const part = bytes.subarray(0, headBytes - headLength);
    head.push(part);
    headLength += part.length;
  };

  const readUntil = (size: number): void => {
    while (offset < size) {
      const bytes = readSync(reader, chunk, 0, Math.min(chunkBytes, size - offset), offset);
      if (bytes === 0) return;
      take(Buffer.from(chunk.subarray(0, bytes)));
      offset += bytes;
    }
  };

  const restart = (): void => {
    offset = 0;
    hole.reset();
  };

  const readNew = (): void => {
    const { size } = fstatSync(reader);
    // Emptied by somebody else: in a script, `echo … > /dev/stderr` does that.
    if (size < offset) restart();
    if (headLength < headBytes) readUntil(Math.min(size, offset + headBytes - headLength));
    if (size - offset > mostBehind) {
      end.skip(size - offset - mostBehind);
      log?.skip(size - offset - mostBehind);
      offset = size - mostBehind;
    }
    readUntil(size);
    if (offset - hole.freedBytes() < freedAtBytes) return;
    if (hole.isPossible()) return hole.free(offset);
    readUntil(fstatSync(reader).size);
    ftruncateSync(reader, 0);
    restart();
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
    head: () => {
      const leftOut = end.receivedBytes() - maxBytes;
      if (headBytes === 0 || leftOut <= 0) return null;
      return wholeCharacters(Buffer.concat(head).subarray(0, leftOut));
    },
    readOn,
    unlink: () => {
      closeSync(writer);
      rmSync(path, { force: true });
    },
  };
};

/** Without the half character at its end. */
const wholeCharacters = (bytes: Buffer): string => {
  let end = bytes.length;
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    if (needs > back) end = bytes.length - back;
    break;
  }
  return bytes.subarray(0, end).toString('utf8');
};
