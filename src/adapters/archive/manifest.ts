/** The manifest of an archive: JSON with a line for each entry, so that a hundred thousand are written and read piece by piece. */
import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';
import {
  manifestName,
  type ArchiveIdentity,
  type ArchiveManifest,
  type ManifestEntry,
  type SkippedFile,
} from './archive.js';

/** Lines dealt with before others get their turn. */
const linesAtOnce = 2_000;

const betweenLists = '],"skipped":[';
const afterLists = ']}';

type ManifestHead = Omit<ArchiveManifest, 'entries' | 'skipped'>;

export interface ManifestWriter {
  /** In the order of the archive. */
  add(entry: ManifestEntry): void;
  /** The whole text, in pieces. */
  pieces(head: ManifestHead, skipped: readonly SkippedFile[]): AsyncGenerator<Buffer>;
}

/** Keeps entries as the text that they become, in large pieces: it takes less memory than the entries. */
export function createManifestWriter(): ManifestWriter {
  const texts: Buffer[] = [];
  let lines: string[] = [];
  let count = 0;
  const endPiece = (): void => {
    texts.push(Buffer.from(lines.join('')));
    lines = [];
  };
  return {
    add: (entry) => {
      lines.push(`${count === 0 ? '' : ',\n'}${JSON.stringify(entry)}`);
      count += 1;
      if (lines.length >= linesAtOnce) endPiece();
    },
    pieces: async function* (head, skipped) {
      endPiece();
      // The first line says what it is; then one line for each entry, and for each file left out.
      yield Buffer.from(`${JSON.stringify(head).slice(0, -1)},"entries":[\n`);
      for (const text of texts) {
        yield text;
        await setImmediate();
      }
      const files = skipped.map((file) => JSON.stringify(file)).join(',\n');
      yield Buffer.from(`${count === 0 ? '' : '\n'}${betweenLists}\n`);
      yield Buffer.from(`${files}${files === '' ? '' : '\n'}${afterLists}\n`);
    },
  };
}

/** The manifest as text in pieces. */
export async function* manifestText(manifest: ArchiveManifest): AsyncGenerator<string> {
  const { entries, skipped, ...head } = manifest;
  const writer = createManifestWriter();
  for (const entry of entries) writer.add(entry);
  for await (const piece of writer.pieces(head, skipped)) yield piece.toString('utf8');
}

/** What was written by `manifestText`. Throws an Error that says what is wrong with it. */
export async function readManifestText(text: string): Promise<ArchiveManifest> {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.at(-1) !== afterLists) throw new Error('it is cut off');
  const head = parse(`${lines[0] ?? ''}${betweenLists}${afterLists}`) as Partial<ArchiveManifest>;
  const { format, version, identity, createdAt } = head;
  if (format !== 'opsloop-archive' || version !== 1 || !isIdentity(identity) || typeof createdAt !== 'string')
    throw new Error('its first line says that it is something else');
  const manifest: ArchiveManifest = { format, version, identity, createdAt, entries: [], skipped: [] };
  let isSkipped = false;
  for (let at = 1; at < lines.length - 1; at += 1) {
    const line = lines[at] ?? '';
    if (at % linesAtOnce === 0) await setImmediate();
    if (line === betweenLists && !isSkipped) isSkipped = true;
    else if (isSkipped) manifest.skipped.push(parseItem(line) as SkippedFile);
    else manifest.entries.push(asEntry(parseItem(line), at));
  }
  if (!isSkipped) throw new Error('it does not say what was left out');
  return manifest;
}

const parseItem = (line: string): unknown => parse(line.endsWith(',') ? line.slice(0, -1) : line);

function parse(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw new Error(`it has a line that is no JSON: ${line.slice(0, 80)}`);
  }
}

function isIdentity(value: unknown): value is ArchiveIdentity {
  const { environment, run, completion } = (value ?? {}) as Record<string, unknown>;
  return typeof environment === 'string' && typeof run === 'string' && typeof completion === 'number';
}

/** Numbers that are used as sizes and times must be some. */
function asEntry(line: unknown, at: number): ManifestEntry {
  const entry = (line ?? {}) as Record<string, unknown>;
  const isWhole =
    typeof entry['path'] === 'string' &&
    (entry['rawPath'] === undefined || typeof entry['rawPath'] === 'string') &&
    (entry['kind'] === 'file' || entry['kind'] === 'folder') &&
    /^0[0-7]{1,6}$/.test(String(entry['mode'])) &&
    /^-?\d{1,20}$/.test(String(entry['mtimeNs'])) &&
    Number.isSafeInteger(entry['bytes']) &&
    Number(entry['bytes']) >= 0 &&
    (entry['kind'] === 'folder' ? entry['sha256'] === null : /^[0-9a-f]{64}$/.test(String(entry['sha256'])));
  if (!isWhole) throw new Error(`its entry ${at} is none`);
  return line as ManifestEntry;
}

/** Bytes of the name of an entry in the ZIP. */
export const zipName = ({ path, rawPath }: ManifestEntry): Buffer =>
  rawPath === undefined ? Buffer.from(path, 'utf8') : Buffer.from(rawPath, 'base64');

/** Name of the manifest itself: one that is not among these, of files and folders of the tree. */
export function freeManifestName(names: ReadonlySet<string>): string {
  if (!names.has(manifestName)) return manifestName;
  for (let number = 1; ; number += 1) {
    const name = manifestName.replace('.json', `-${number}.json`);
    if (!names.has(name)) return name;
  }
}

/** True for a name that `freeManifestName` may give. */
export const isManifestName = (name: string): boolean => /^\.opsloop-manifest(-\d+)?\.json$/.test(name);

/** The name as text, and its bytes where they are no UTF-8. */
export function writtenName(name: Buffer): { path: string; rawPath?: string; isUtf8: boolean } {
  const path = name.toString('utf8');
  return isUtf8(name) ? { path, isUtf8: true } : { path, rawPath: name.toString('base64'), isUtf8: false };
}
