/**
 * Writes a ZIP archive to a file that may be sought: entries one after the other, their true sizes in front of their data. It
 * waits for the disk itself: it has a thread of its own, where a call costs a fraction of a promise.
 */
import { writeSync } from 'node:fs';
import { centralHeader, endRecords, localHeader, type ZipEntry } from './zip-format.js';

/** What is known of an entry before its data. */
export type ZipEntryHead = Omit<ZipEntry, 'offset' | 'crc' | 'compressedBytes' | 'bytes'>;

export interface WrittenSizes {
  crc: number;
  compressedBytes: number;
  bytes: number;
}

export interface ZipWriter {
  /** An entry whose data is here. */
  add(head: ZipEntryHead, sizes: WrittenSizes, data: Buffer): void;
  /** An entry whose data comes in pieces; `write` is given a function that takes them, and gives the sizes in the end. */
  stream(head: ZipEntryHead, write: (piece: (data: Buffer) => void) => Promise<WrittenSizes>): Promise<void>;
  /** Writes the directory; gives how many entries there are. */
  end(): number;
}

/** Small writes are put together up to this size. */
const bufferBytes = 1024 * 1024;

/** `file` is a descriptor. */
export function createZipWriter(file: number): ZipWriter {
  const directory = createDirectory();
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  /** Where what waits will be written. */
  let flushed = 0;

  const flush = (): void => {
    const data = waiting.length === 1 ? (waiting[0] ?? Buffer.alloc(0)) : Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    writeAt(file, data, flushed);
    flushed += data.length;
  };
  const append = (data: Buffer): void => {
    waiting.push(data);
    waitingBytes += data.length;
    if (waitingBytes >= bufferBytes) flush();
  };
  const position = (): number => flushed + waitingBytes;

  return {
    add: (head, sizes, data) => {
      const entry: ZipEntry = { ...head, ...sizes, offset: position() };
      directory.add(centralHeader(entry));
      append(localHeader(entry));
      append(data);
    },
    stream: async (head, write) => {
      const offset = position();
      const entry: ZipEntry = { ...head, crc: 0, compressedBytes: 0, bytes: 0, offset };
      append(localHeader(entry));
      Object.assign(entry, await write(append));
      directory.add(centralHeader(entry));
      flush();
      writeAt(file, localHeader(entry), offset);
    },
    end: () => {
      const offset = position();
      const { entries, parts } = directory.end();
      for (const part of parts) append(part);
      append(endRecords({ entries, bytes: position() - offset, offset }));
      flush();
      return entries;
    },
  };
}

/** Headers in large pieces: a hundred thousand small ones would be moved about by the garbage collector again and again. */
function createDirectory(): { add(header: Buffer): void; end(): { entries: number; parts: Buffer[] } } {
  const parts: Buffer[] = [];
  let entries = 0;
  let part: Buffer = Buffer.alloc(0);
  let used = 0;
  const endPart = (): void => {
    parts.push(part.subarray(0, used));
    used = 0;
  };
  return {
    add: (header) => {
      if (used + header.length > part.length) {
        endPart();
        part = Buffer.allocUnsafeSlow(bufferBytes);
      }
      used += header.copy(part, used);
      entries += 1;
    },
    end: () => {
      endPart();
      return { entries, parts };
    },
  };
}

/** A file system may take less than it was given at once. */
function writeAt(file: number, data: Buffer, position: number): void {
  for (let done = 0; done < data.length;)
    done += writeSync(file, data, done, data.length - done, position + done);
}
