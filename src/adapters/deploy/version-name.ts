/** Names of versions come from outside: what could be read as an option, as a path or as another line is refused. */
import { OpsError } from '../../domain/errors.js';

const longestBytes = 255;
/** Control characters, what changes the order of reading, halves of characters, and separators of lines. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Throws `invalidInput` for what must not become an argument or a variable of a program. */
export const requireVersionName = (version: string): string => refuse(version, problemOf(version), 'v42');

/** The same for the name of a directory below `releases`: one path part, and none of the hidden ones. */
export const requireReleaseName = (version: string): string =>
  refuse(version, problemOf(version) ?? problemAsPathPart(version), '2026-11-25_1');

/** The same for an argument of an interpreter: PM2 splits those at blanks. */
export const requireArgumentName = (version: string): string =>
  refuse(
    version,
    problemOf(version) ?? (/\s/u.test(version) ? 'it holds a blank, at which PM2 would split it' : null),
    'v42',
  );

/** `{version}` in each argument. Nothing is split, and the version is never read as a pattern. */
export const fillVersion = (texts: readonly string[], version: string): string[] =>
  texts.map((text) => text.replaceAll('{version}', () => version));

/**
 * The same in the vector of a program. In the name of the program only one path part is put, so that a version never chooses a
 * program of another folder.
 */
export const commandWithVersion = (command: readonly string[], version: string): string[] => {
  if (command[0]?.includes('{version}') === true) requireReleaseName(version);
  return fillVersion(command, requireVersionName(version));
};

const problemOf = (version: string): string | null => {
  if (version === '') return 'it is empty';
  if (unprintable.test(version)) return 'it holds a character that cannot be shown';
  if (version.trim() !== version) return 'it begins or ends with a blank';
  if (version.startsWith('-')) return 'it begins with a hyphen and could be read as an option';
  const bytes = Buffer.byteLength(version);
  return bytes > longestBytes ? `it has ${bytes} bytes, ${longestBytes} at most` : null;
};

const problemAsPathPart = (version: string): string | null => {
  if (/[/\\]/.test(version)) return 'it is a path; give the name of a directory under releases alone';
  return version.startsWith('.') ? 'it begins with a dot' : null;
};

const refuse = (version: string, problem: string | null, example: string): string => {
  if (problem === null) return version;
  // As JSON: what cannot be shown is spelled out, and the message stays one line.
  const shown = JSON.stringify(version.slice(0, 80));
  throw new OpsError('invalidInput', `${shown} is no name of a version: ${problem}; for example ${example}`, {
    field: 'version',
  });
};
