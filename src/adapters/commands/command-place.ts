/** Where the files of a command are: a folder per part of its key, and names that no key can make up. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';

const longestPart = 100;
const readablePart = 40;

/**
 * A safe file name, different for each text: lower case letters, digits, `_`, and `-` and `.` inside stay; the rest becomes `%` and
 * hexadecimal digits (capitals too, as some file systems take them for small ones). It never begins with `@`, which is ours.
 */
export const encodeKeyPart = (part: string): string => {
  if (part === '') return '%';
  const encoded = part.replaceAll(/[^a-z0-9_.-]|^[.-]/g, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `%${code.toString(16).padStart(2, '0')}` : `%u${code.toString(16).padStart(4, '0')}`;
  });
  if (encoded.length <= longestPart) return encoded;
  // `%%` is nothing that the line above makes. UTF-16, as half of a surrogate pair is lost in UTF-8.
  const hash = createHash('sha256').update(Buffer.from(part, 'utf16le')).digest('hex');
  return `${encoded.slice(0, readablePart)}%%${hash.slice(0, 40)}`;
};

/** The folder of a key, or of a prefix of keys. */
export const placeOf = (directory: string, key: readonly string[]): string =>
  join(directory, ...key.map(encodeKeyPart));

/** A command may be started more than once (after a kill, or a cancel): each start has a number, from 1. */
export type StartFile = 'claim' | 'program' | 'result' | 'stdout' | 'stderr';

export const startFile = (place: string, number: number, kind: StartFile): string =>
  join(place, `@${number}.${kind}`);

/** The number of the start whose claim has this name; null for other names. */
export const numberOfClaim = (name: string): number | null => {
  const match = /^@(\d+)\.claim$/.exec(name);
  return match ? Number(match[1]) : null;
};
