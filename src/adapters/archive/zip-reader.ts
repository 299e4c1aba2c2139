/** Reads the directory of an archive that `zip-writer` wrote, strictly: every byte of it has one meaning, and one place. */
import { readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import {
  centralHeader,
  centralHeaderBytes,
  endBytes,
  endRecords,
  signatures,
  zip64EndBytes,
  zip64LocatorBytes,
  type CentralDirectory,
  type ZipEntry,
} from './zip-format.js';

/** What is wrong with an archive. `entry` is the number of the entry in the directory; null: the archive as a whole. */
export class DamagedArchive extends Error {
  constructor(
    readonly detail: string,
    readonly entry: number | null = null,
  ) {
    super(detail);
  }
}

/** A directory larger than this is none of ours: a million files make some 100 MB. */
const mostDirectoryBytes = 1024 ** 3;

/** So many bytes of a file, by its descriptor. Throws `DamagedArchive` when it ends before. */
export function readAt(file: number, position: number, bytes: number): Buffer {
  const data = Buffer.allocUnsafe(bytes);
  for (let done = 0; done < bytes;) {
    const read = readSync(file, data, done, bytes - done, position + done);
    if (read === 0) throw new DamagedArchive('the file is cut off');
    done += read;
  }
  return data;
}

/** Where the directory is. Throws `DamagedArchive` when the end of the file is not one that belongs to it. */
function readEnd(file: number, size: number): CentralDirectory {
  const longest = zip64EndBytes + zip64LocatorBytes + endBytes;
  const tail = readAt(file, Math.max(0, size - longest), Math.min(size, longest));
  const end = tail.subarray(Math.max(0, tail.length - endBytes));
  if (end.length < endBytes || end.readUInt32LE(0) !== signatures.end)
    throw new DamagedArchive('its end is missing: the file is cut off, or its last bytes are damaged');
  const record = tail.length < longest ? null : tail.subarray(0, zip64EndBytes);
  const isLarge = record !== null && record.readUInt32LE(0) === signatures.zip64End;
  const directory = isLarge
    ? {
        entries: Number(record.readBigUInt64LE(32)),
        bytes: Number(record.readBigUInt64LE(40)),
        offset: Number(record.readBigUInt64LE(48)),
      }
    : { entries: end.readUInt16LE(10), bytes: end.readUInt32LE(12), offset: end.readUInt32LE(16) };
  const written = endRecords(directory);
  const found = tail.subarray(tail.length - Math.min(tail.length, written.length));
  if (!found.equals(written) || directory.offset + directory.bytes + written.length !== size)
    throw new DamagedArchive('its end does not fit the file: it is damaged, cut off, or something was added');
  if (directory.bytes > mostDirectoryBytes || directory.entries * centralHeaderBytes > directory.bytes)
    throw new DamagedArchive('its directory cannot be as large as its end says');
  return directory;
}

/** The directory as it stands there. Throws `DamagedArchive` as `readDirectory` does. */
export function readDirectoryBytes(
  file: number,
  size: number,
): { data: Buffer; directory: CentralDirectory } {
  const directory = readEnd(file, size);
  return { data: readAt(file, directory.offset, directory.bytes), directory };
}

/** Entries read before others get their turn. */
const entriesAtOnce = 2_000;

/** All entries in the order of the directory, which is the order of the file. Throws `DamagedArchive`. */
export async function readDirectory(
  file: number,
  size: number,
): Promise<{ entries: ZipEntry[]; directory: CentralDirectory }> {
  const { data, directory } = readDirectoryBytes(file, size);
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let number = 0; number < directory.entries; number += 1) {
    const { entry, length } = readCentral(data, at, number);
    entries.push(entry);
    at += length;
    if (number % entriesAtOnce === entriesAtOnce - 1) await setImmediate();
  }
  if (at !== data.length) throw new DamagedArchive('its directory holds more than its entries');
  return { entries, directory };
}

/** The entry whose record begins at `at`. Throws `DamagedArchive`. */
export function readCentral(data: Buffer, at: number, number: number): { entry: ZipEntry; length: number } {
  const damaged = (): DamagedArchive => new DamagedArchive('its record in the directory is damaged', number);
  if (at + centralHeaderBytes > data.length || data.readUInt32LE(at) !== signatures.central) throw damaged();
  const nameBytes = data.readUInt16LE(at + 28);
  const extraBytes = data.readUInt16LE(at + 30);
  const length = centralHeaderBytes + nameBytes + extraBytes;
  if (at + length > data.length) throw damaged();
  const method = data.readUInt16LE(at + 10);
  if (method !== 0 && method !== 8) throw damaged();
  const name = Buffer.from(data.subarray(at + centralHeaderBytes, at + centralHeaderBytes + nameBytes));
  const extra = data.subarray(at + centralHeaderBytes + nameBytes, at + length);
  const fields = readExtra(extra);
  const short = { compressedBytes: data.readUInt32LE(at + 20), bytes: data.readUInt32LE(at + 24) };
  const isLarge = short.compressedBytes === 0xffffffff && short.bytes === 0xffffffff;
  const isFar = data.readUInt32LE(at + 42) === 0xffffffff;
  const numbers = fields.large;
  if (numbers.length !== (isLarge ? 2 : 0) + (isFar ? 1 : 0)) throw damaged();
  const entry: ZipEntry = {
    name,
    isUtf8: (data.readUInt16LE(at + 8) & 0x0800) !== 0,
    method,
    crc: data.readUInt32LE(at + 16),
    bytes: isLarge ? (numbers[0] ?? 0) : short.bytes,
    compressedBytes: isLarge ? (numbers[1] ?? 0) : short.compressedBytes,
    mode: data.readUInt32LE(at + 38) >>> 16,
    mtimeNs: fields.mtimeNs ?? mtimeOfDos(data.readUInt16LE(at + 14), data.readUInt16LE(at + 12)),
    offset: isFar ? (numbers.at(-1) ?? 0) : data.readUInt32LE(at + 42),
    isLarge,
  };
  // What reads as this entry must be written like this: any other byte is damage.
  if (!centralHeader(entry).equals(data.subarray(at, at + length))) throw damaged();
  return { entry, length };
}

function readExtra(extra: Buffer): { large: number[]; mtimeNs: bigint | null } {
  const large: number[] = [];
  let mtimeNs: bigint | null = null;
  for (let at = 0; at + 4 <= extra.length;) {
    const id = extra.readUInt16LE(at);
    const length = extra.readUInt16LE(at + 2);
    const field = extra.subarray(at + 4, at + 4 + length);
    if (id === 0x0001)
      for (let place = 0; place + 8 <= field.length; place += 8)
        large.push(Number(field.readBigUInt64LE(place)));
    if (id === 0x5455 && field.length === 5) mtimeNs = BigInt(field.readInt32LE(1)) * 1_000_000_000n;
    at += 4 + length;
  }
  return { large, mtimeNs };
}

/** Only times that the extra field cannot hold are taken from here; they are the ends of what MS-DOS can say, or near. */
function mtimeOfDos(date: number, time: number): bigint {
  const year = 1980 + (date >> 9);
  const at = Date.UTC(year, ((date >> 5) & 15) - 1, date & 31, time >> 11, (time >> 5) & 63, (time & 31) * 2);
  // Before 1970 the field is left out and 1980 is written; after 2038 the date itself is right.
  return year === 1980 ? -1n : BigInt(at) * 1_000_000n;
}
