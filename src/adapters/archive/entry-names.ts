/** Names of entries that are safe to write below a folder: the archive may be forged. */
import { ArchiveDamage } from './archive-damage.js';
import type { ManifestEntry } from './archive.js';
import { zipName } from './manifest.js';

/** The name without the `/` of a folder. */
export const plainName = (name: Buffer): Buffer => (name.at(-1) === 0x2f ? name.subarray(0, -1) : name);

/** One character a byte: names that are no UTF-8 stay different from each other. */
const keyOf = (name: Buffer): string => name.toString('latin1');

/** Throws ArchiveDamage that names the first entry whose name is not safe, or is there twice. */
export function checkNames(entries: readonly ManifestEntry[]): void {
  const kinds = new Map<string, ManifestEntry['kind']>();
  for (const entry of entries) {
    const name = zipName(entry);
    const problem = nameProblem(name, entry.kind);
    if (problem !== null) throw new ArchiveDamage(entry.path, problem);
    const key = keyOf(plainName(name));
    if (kinds.has(key)) throw new ArchiveDamage(entry.path, 'its name is there twice');
    kinds.set(key, entry.kind);
  }
  for (const entry of entries) checkParents(entry, kinds);
}

function checkParents(entry: ManifestEntry, kinds: ReadonlyMap<string, ManifestEntry['kind']>): void {
  const key = keyOf(plainName(zipName(entry)));
  for (let at = key.indexOf('/'); at >= 0; at = key.indexOf('/', at + 1))
    if (kinds.get(key.slice(0, at)) === 'file')
      throw new ArchiveDamage(entry.path, 'it would be inside of a file');
}

const longestPart = 255;

function nameProblem(name: Buffer, kind: ManifestEntry['kind']): string | null {
  if ((name.at(-1) === 0x2f) !== (kind === 'folder')) return 'its name is not that of its kind';
  if (name.includes(0)) return 'its name holds a NUL';
  if (name[0] === 0x2f) return 'its name is absolute: it would be outside of the folder';
  for (const part of keyOf(plainName(name)).split('/')) {
    if (part === '' || part === '.' || part === '..')
      return 'its name would lead out of the folder, or means no file';
    if (part.length > longestPart) return 'a part of its name is longer than 255 bytes';
  }
  return null;
}

/** Whether a name leads out of the folder where `\` parts folders; here it is a letter like any other. */
export const isForeignPath = (name: Buffer): boolean => {
  const text = keyOf(name);
  return /^[A-Za-z]:[\\/]/.test(text) || text.startsWith('\\') || /(^|[\\/])\.\.([\\/]|$)/.test(text);
};
