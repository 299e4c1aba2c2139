/** The bytes of a ZIP archive as opsloop writes it: headers of entries, the central directory and its end, Zip64 where needed. */

/** What is known of an entry once its data is written. */
export interface ZipEntry {
  /** Bytes of the name, `/` between folders and at the end of a folder. */
  name: Buffer;
  isUtf8: boolean;
  /** 0 stored, 8 deflated. */
  method: 0 | 8;
  crc: number;
  compressedBytes: number;
  bytes: number;
  /** Unix mode with the type of the file. */
  mode: number;
  /** Nanoseconds since 1970. */
  mtimeNs: bigint;
  /** Where its local header begins. */
  offset: number;
  /** Its local header has room for sizes of 64 bits. */
  isLarge: boolean;
}

const most32 = 0xffffffff;
const most16 = 0xffff;

export const localHeaderBytes = 30;
export const centralHeaderBytes = 46;
export const endBytes = 22;
export const zip64EndBytes = 56;
export const zip64LocatorBytes = 20;

export const signatures = {
  local: 0x04034b50,
  central: 0x02014b50,
  end: 0x06054b50,
  zip64End: 0x06064b50,
  zip64Locator: 0x07064b50,
} as const;

/** Names in UTF-8. */
const utf8Flag = 0x0800;
/** 4.5 for Zip64, 2.0 for folders and deflate. */
const versionOf = (isLarge: boolean): number => (isLarge ? 45 : 20);
/** Made by 4.5 on Unix, so that modes are read. */
const madeBy = (3 << 8) | 45;

/** Entries of this size get room for 64 bits: what deflate adds to data that does not shrink must fit, too. */
export const largeFrom = 0xf0000000;

/** Date and time of MS-DOS in UTC: local times would change with the machine. */
function dosTime(mtimeNs: bigint): { date: number; time: number } {
  const at = new Date(Number(mtimeNs / 1_000_000n));
  const year = at.getUTCFullYear();
  if (Number.isNaN(year) || year < 1980) return { date: (1 << 5) | 1, time: 0 };
  if (year > 2107) return { date: (127 << 9) | (12 << 5) | 31, time: (23 << 11) | (59 << 5) | 29 };
  return {
    date: ((year - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
  };
}

/** The extra field with the time in seconds; of times beyond 32 bits there is none. */
function timeField(mtimeNs: bigint): Buffer {
  const seconds = mtimeNs >= 0n ? mtimeNs / 1_000_000_000n : -1n;
  if (seconds < 0n || seconds > 0x7fffffffn) return Buffer.alloc(0);
  const field = Buffer.alloc(9);
  field.writeUInt16LE(0x5455, 0);
  field.writeUInt16LE(5, 2);
  field.writeUInt8(1, 4);
  field.writeInt32LE(Number(seconds), 5);
  return field;
}

function zip64Field(values: readonly number[]): Buffer {
  if (values.length === 0) return Buffer.alloc(0);
  const field = Buffer.alloc(4 + 8 * values.length);
  field.writeUInt16LE(0x0001, 0);
  field.writeUInt16LE(8 * values.length, 2);
  for (const [index, value] of values.entries()) field.writeBigUInt64LE(BigInt(value), 4 + 8 * index);
  return field;
}

/** What local and central header have in common, from `version needed` on. */
function writeCommon(header: Buffer, at: number, entry: ZipEntry, isLarge: boolean): void {
  const { date, time } = dosTime(entry.mtimeNs);
  header.writeUInt16LE(versionOf(isLarge), at);
  header.writeUInt16LE(entry.isUtf8 ? utf8Flag : 0, at + 2);
  header.writeUInt16LE(entry.method, at + 4);
  header.writeUInt16LE(time, at + 6);
  header.writeUInt16LE(date, at + 8);
  header.writeUInt32LE(entry.crc, at + 10);
}

/** The local header with name and extra fields. Its length is the same whatever the sizes are. */
export function localHeader(entry: ZipEntry): Buffer {
  const header = Buffer.alloc(localHeaderBytes);
  const extra = Buffer.concat([
    entry.isLarge ? zip64Field([entry.bytes, entry.compressedBytes]) : Buffer.alloc(0),
    timeField(entry.mtimeNs),
  ]);
  header.writeUInt32LE(signatures.local, 0);
  writeCommon(header, 4, entry, entry.isLarge);
  header.writeUInt32LE(entry.isLarge ? most32 : entry.compressedBytes, 18);
  header.writeUInt32LE(entry.isLarge ? most32 : entry.bytes, 22);
  header.writeUInt16LE(entry.name.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, entry.name, extra]);
}

export function centralHeader(entry: ZipEntry): Buffer {
  const isLargeSize = entry.isLarge;
  const isFar = entry.offset >= most32;
  const extra = Buffer.concat([
    zip64Field([
      ...(isLargeSize ? [entry.bytes, entry.compressedBytes] : []),
      ...(isFar ? [entry.offset] : []),
    ]),
    timeField(entry.mtimeNs),
  ]);
  const header = Buffer.alloc(centralHeaderBytes);
  header.writeUInt32LE(signatures.central, 0);
  header.writeUInt16LE(madeBy, 4);
  writeCommon(header, 6, entry, isLargeSize || isFar);
  header.writeUInt32LE(isLargeSize ? most32 : entry.compressedBytes, 20);
  header.writeUInt32LE(isLargeSize ? most32 : entry.bytes, 24);
  header.writeUInt16LE(entry.name.length, 28);
  header.writeUInt16LE(extra.length, 30);
  const isFolder = (entry.mode & 0o170000) === 0o040000;
  header.writeUInt32LE((((entry.mode & 0xffff) << 16) | (isFolder ? 0x10 : 0)) >>> 0, 38);
  header.writeUInt32LE(isFar ? most32 : entry.offset, 42);
  return Buffer.concat([header, entry.name, extra]);
}

export interface CentralDirectory {
  entries: number;
  bytes: number;
  offset: number;
}

export const needsZip64 = ({ entries, bytes, offset }: CentralDirectory): boolean =>
  entries >= most16 || bytes >= most32 || offset >= most32;

/** The end of the archive, with the Zip64 records where they are needed. */
export function endRecords(directory: CentralDirectory): Buffer {
  const { entries, bytes, offset } = directory;
  const end = Buffer.alloc(endBytes);
  end.writeUInt32LE(signatures.end, 0);
  end.writeUInt16LE(Math.min(entries, most16), 8);
  end.writeUInt16LE(Math.min(entries, most16), 10);
  end.writeUInt32LE(Math.min(bytes, most32), 12);
  end.writeUInt32LE(Math.min(offset, most32), 16);
  if (!needsZip64(directory)) return end;
  const record = Buffer.alloc(zip64EndBytes);
  record.writeUInt32LE(signatures.zip64End, 0);
  record.writeBigUInt64LE(BigInt(zip64EndBytes - 12), 4);
  record.writeUInt16LE(madeBy, 12);
  record.writeUInt16LE(45, 14);
  record.writeBigUInt64LE(BigInt(entries), 24);
  record.writeBigUInt64LE(BigInt(entries), 32);
  record.writeBigUInt64LE(BigInt(bytes), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(zip64LocatorBytes);
  locator.writeUInt32LE(signatures.zip64Locator, 0);
  locator.writeBigUInt64LE(BigInt(offset + bytes), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([record, locator, end]);
}
