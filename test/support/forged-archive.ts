/** Archives made by hand, in which anything may be wrong. */
import { createHash } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';
import {
  manifestName,
  type ArchiveManifest,
  type ManifestEntry,
} from '../../src/adapters/archive/archive.js';
import { manifestText } from '../../src/adapters/archive/manifest.js';
import {
  centralHeader,
  endRecords,
  localHeader,
  type ZipEntry,
} from '../../src/adapters/archive/zip-format.js';

export interface ForgedEntry {
  /** With `/` at the end of a folder. */
  name: string;
  data?: string | Uint8Array;
  isStored?: boolean;
  /** What the ZIP says instead of the truth. */
  zip?: Partial<ZipEntry>;
  /** What the manifest says instead of the truth; null: it does not list it. */
  manifest?: Partial<ManifestEntry> | null;
  /** The manifest lists it, the ZIP does not have it. */
  isMissing?: boolean;
}

export interface ForgedArchive {
  /** Put before the entry of that number, or (as many as there are entries) before the manifest. */
  stray?: { before: number; data: Buffer };
  /** Changes the rows of the table of contents. */
  table?: (rows: ZipEntry[]) => ZipEntry[];
  manifest?: Partial<ArchiveManifest>;
}

const mtimeNs = 1_700_000_000_000_000_000n;

function listed({ name, data = '', manifest }: ForgedEntry): ManifestEntry {
  const bytes = Buffer.from(data);
  const isFolder = name.endsWith('/');
  return {
    path: name,
    kind: isFolder ? 'folder' : 'file',
    mode: isFolder ? '0755' : '0644',
    mtimeNs: String(mtimeNs),
    bytes: bytes.length,
    sha256: isFolder ? null : createHash('sha256').update(bytes).digest('hex'),
    ...manifest,
  };
}

/** The bytes of an archive with these entries; without anything wrong in them it is whole. */
export async function forgeArchive(entries: ForgedEntry[], forged: ForgedArchive = {}): Promise<Buffer> {
  const manifest: ArchiveManifest = {
    format: 'opsloop-archive',
    version: 1,
    identity: { environment: 'test', run: 'run-1', completion: 1 },
    createdAt: '2026-01-01T00:00:00.000Z',
    entries: entries.filter((entry) => entry.manifest !== null).map(listed),
    skipped: [],
    ...forged.manifest,
  };
  let text = '';
  for await (const piece of manifestText(manifest)) text += piece;
  const parts: Buffer[] = [];
  const rows: ZipEntry[] = [];
  let offset = 0;
  const append = (part: Buffer): void => {
    parts.push(part);
    offset += part.length;
  };
  const present = entries.filter(({ isMissing }) => isMissing !== true);
  for (const [number, entry] of [...present, { name: manifestName, data: text }].entries()) {
    if (forged.stray?.before === number) append(forged.stray.data);
    const { row, data } = pack(entry, offset);
    rows.push(row);
    append(localHeader(row));
    append(data);
  }
  const tableOffset = offset;
  const table = forged.table?.(rows) ?? rows;
  for (const row of table) append(centralHeader(row));
  append(endRecords({ entries: table.length, bytes: offset - tableOffset, offset: tableOffset }));
  return Buffer.concat(parts);
}

function pack(entry: ForgedEntry, offset: number): { row: ZipEntry; data: Buffer } {
  const { name, data: content = '', isStored = false, zip } = entry;
  const bytes = Buffer.from(content);
  const isFolder = name.endsWith('/');
  const data = isStored || isFolder ? bytes : deflateRawSync(bytes);
  const row: ZipEntry = {
    name: Buffer.from(name),
    isUtf8: true,
    method: isStored || isFolder ? 0 : 8,
    crc: bytes.length === 0 ? 0 : crc32(bytes),
    compressedBytes: data.length,
    bytes: bytes.length,
    mode: isFolder ? 0o040755 : 0o100644,
    mtimeNs,
    offset,
    isLarge: false,
    ...zip,
  };
  return { row, data };
}

/** A small tree with everything that an archive of ours has. */
export const smallTree: ForgedEntry[] = [
  { name: 'empty/' },
  { name: 'logs/' },
  { name: 'logs/app.log', data: 'line\n'.repeat(40) },
  { name: 'notes.txt', data: 'stored as it is', isStored: true },
  { name: 'nothing', data: '' },
];

/** Sizes of the parts, in the order of the file: headers, data, rows, end. For naming what a byte belongs to. */
export function ownerOf(archive: Buffer): (at: number) => string | null {
  const owners: (string | null)[] = [];
  const end = archive.length - 22;
  let at = archive.readUInt32LE(end + 16);
  while (at < end) {
    const nameEnd = at + 46 + archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, nameEnd);
    const next = nameEnd + archive.readUInt16LE(at + 30);
    const offset = archive.readUInt32LE(at + 42);
    const local = 30 + archive.readUInt16LE(offset + 26) + archive.readUInt16LE(offset + 28);
    for (let byte = offset; byte < offset + local + archive.readUInt32LE(at + 20); byte += 1)
      owners[byte] = name;
    for (let byte = at; byte < next; byte += 1) owners[byte] = name;
    at = next;
  }
  return (byte) => owners[byte] ?? null;
}
