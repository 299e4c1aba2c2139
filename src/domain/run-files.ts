/** Names of files and folders that belong to a run: an id from outside never becomes more than one safe name. */

/** File systems take 255 bytes; the longest ending of ours is `_summary.json`, and temporary names add a little. */
const longestName = 200;

/**
 * The id as a file name: what is no letter, digit, `.`, `_` or `-` is percent-encoded, as are names that mean a folder
 * (`.`, `..`) or that would be hidden. A name beyond 200 bytes keeps its beginning and ends with a hash of the whole.
 */
export function runFileName(id: string): string {
  const bytes = utf8(id);
  let name = '';
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    name += /[A-Za-z0-9._-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  if (name.startsWith('.')) name = `%2E${name.slice(1)}`;
  if (name === '') return '%';
  if (name.length <= longestName) return name;
  return `${name.slice(0, longestName - 17)}%${hash(bytes)}`;
}

/** The work directory of a run without one of its own; `template` holds `{run}`. */
export const workDirectoryOf = (template: string, id: string): string =>
  template.replaceAll('{run}', runFileName(id));

/** The folder in which the template puts work directories: nothing outside of it is ever removed. */
export function workRootOf(template: string): string {
  const before = template.slice(0, Math.max(0, template.indexOf('{run}')));
  return before.slice(0, Math.max(0, before.lastIndexOf('/'))) || '/';
}

/** By hand: TextEncoder is no part of the language, and this room knows nothing else. */
function utf8(text: string): number[] {
  const bytes: number[] = [];
  for (const char of text) {
    const point = char.codePointAt(0) ?? 0;
    if (point < 0x80) bytes.push(point);
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 63));
    else if (point < 0x10000)
      bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 63), 0x80 | (point & 63));
    else
      bytes.push(
        0xf0 | (point >> 18),
        0x80 | ((point >> 12) & 63),
        0x80 | ((point >> 6) & 63),
        0x80 | (point & 63),
      );
  }
  return bytes;
}

/** Two FNV-1a hashes of 32 bits, 16 hex digits. */
function hash(bytes: readonly number[]): string {
  const fnv = (start: number): string => {
    let value = start;
    for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
    return value.toString(16).padStart(8, '0');
  };
  return fnv(0x811c9dc5) + fnv(0x9747b28c);
}
