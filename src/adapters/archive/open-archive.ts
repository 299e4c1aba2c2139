/** Opens an archive: its table of contents and its manifest, and that both list the same. */
import { constants, open, type FileHandle } from 'node:fs/promises';
import { ArchiveDamage } from './archive-damage.js';
import { manifestName, type ArchiveManifest } from './archive.js';
import { createChunkReader } from './chunk-reader.js';
import { readContent } from './entry-content.js';
import { isManifestName, readManifestText, zipName } from './manifest.js';
import { checkNames } from './entry-names.js';
import { localHeader, type ZipEntry } from './zip-format.js';
import { DamagedArchive, readCentral, readDirectory, readDirectoryBytes } from './zip-reader.js';

export interface OpenArchive {
  file: FileHandle;
  fileBytes: number;
  /** Where the entries end. */
  tableOffset: number;
  /** As many as entries of the manifest, in the same order, and that of the manifest itself. */
  records: ZipEntry[];
  manifest: ArchiveManifest;
}

/** Nothing else in the archive says it. */
const manifestMode = 0o100644;
/** What is read into memory at once; text cannot be longer. */
const mostManifestBytes = 512 * 1024 * 1024 - 1024;

/**
 * Opens it; the caller closes `file`. Null: there is none. Throws ArchiveDamage, and what the file system says (of
 * rights, for example).
 */
export async function openArchive(path: string, signal?: AbortSignal): Promise<OpenArchive | null> {
  // A pipe in its place would be waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (file === null) return null;
  try {
    return await readTables(file, signal);
  } catch (error) {
    await file.close();
    throw error;
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/** Of the manifest; where it stands in the table, its own name. */
const nameOf = ({ name }: ZipEntry): string => name.toString('utf8');

async function readTables(file: FileHandle, signal: AbortSignal | undefined): Promise<OpenArchive> {
  const stat = await file.stat();
  if (!stat.isFile()) throw new ArchiveDamage(null, 'it is no file');
  try {
    const { entries: records, directory } = await readDirectory(file.fd, stat.size);
    const last = records.at(-1);
    if (last === undefined || !isManifestName(nameOf(last)))
      throw new ArchiveDamage(manifestName, 'it has no manifest at its end: it was not made by opsloop');
    const manifest = await readManifest({ file, record: last, end: directory.offset, signal });
    compare(records, manifest);
    return { file, fileBytes: stat.size, tableOffset: directory.offset, records, manifest };
  } catch (error) {
    if (error instanceof DamagedArchive)
      throw new ArchiveDamage(await nameOfRow(file, { row: error.entry, size: stat.size }), error.detail);
    // Numbers in headers that no archive has.
    if (error instanceof RangeError) throw new ArchiveDamage(null, 'it holds impossible numbers');
    throw error;
  }
}

/** A damaged row cannot tell its name; the manifest, whose row is the last, lists them in the same order. */
async function nameOfRow(
  file: FileHandle,
  { row, size }: { row: number | null; size: number },
): Promise<string | null> {
  if (row === null) return null;
  const { data, directory } = readDirectoryBytes(file.fd, size);
  try {
    const at = data.lastIndexOf('.opsloop-manifest', undefined, 'latin1') - 46;
    const { entry } = readCentral(data, at, directory.entries - 1);
    const { entries } = await readManifest({ file, record: entry, end: directory.offset, signal: undefined });
    return entries[row]?.path ?? nameOf(entry);
  } catch (error) {
    const isDamage =
      error instanceof DamagedArchive || error instanceof ArchiveDamage || error instanceof RangeError;
    if (!isDamage) throw error;
    return row === directory.entries - 1 ? manifestName : null;
  }
}

interface ManifestReading {
  file: FileHandle;
  record: ZipEntry;
  /** Where entries end. */
  end: number;
  signal: AbortSignal | undefined;
}

async function readManifest({ file, record, end, signal }: ManifestReading): Promise<ArchiveManifest> {
  const damaged = (detail: string): ArchiveDamage => new ArchiveDamage(nameOf(record), detail);
  if (record.mode !== manifestMode) throw damaged('its mode is another one than the writer gives it');
  if (record.bytes > mostManifestBytes) throw damaged(`it is larger than ${mostManifestBytes} bytes`);
  const header = localHeader(record);
  const from = record.offset + header.length;
  if (from + record.compressedBytes > end) throw damaged('it is longer than the archive');
  const reader = createChunkReader({ file, from: record.offset, to: end, signal });
  try {
    if (!(await reader.take(header.length)).equals(header)) throw damaged('its header is damaged');
    const parts: Buffer[] = [];
    const take = (part: Buffer): void => void parts.push(part);
    const problem = await readContent({ reader, record, sha256: null, take });
    if (problem !== null) throw damaged(problem);
    return await readManifestText(Buffer.concat(parts).toString('utf8')).catch((error: unknown) => {
      throw damaged(error instanceof Error ? error.message : String(error));
    });
  } finally {
    await reader.settle();
  }
}

/** Same entries in the same order: what is in one of the two only is found, and so is what is there twice. */
function compare(records: readonly ZipEntry[], { entries }: ArchiveManifest): void {
  checkNames(entries);
  for (let index = 0; index < Math.max(records.length - 1, entries.length); index += 1) {
    const record = index < records.length - 1 ? records[index] : undefined;
    const entry = entries[index];
    if (entry === undefined)
      throw new ArchiveDamage(record?.name.toString('utf8') ?? null, 'the manifest does not list it');
    const damaged = (detail: string): ArchiveDamage => new ArchiveDamage(entry.path, detail);
    if (record === undefined) throw damaged('the manifest lists it, but it is not in the archive');
    if (!zipName(entry).equals(record.name))
      throw damaged(`in its place the archive has ${JSON.stringify(record.name.toString('utf8'))}`);
    const type = entry.kind === 'folder' ? 0o040000 : 0o100000;
    if ((record.mode & 0o170000) !== type)
      throw damaged((record.mode & 0o170000) === 0o120000 ? 'it is a link' : `it is no ${entry.kind}`);
    if (record.mode !== (type | Number.parseInt(entry.mode, 8)))
      throw damaged('its mode is another one in the manifest');
    if (record.bytes !== entry.bytes) throw damaged('its size is another one in the manifest');
    if (entry.kind === 'folder' && record.compressedBytes + record.bytes !== 0)
      throw damaged('it is a folder, and has data');
  }
}
