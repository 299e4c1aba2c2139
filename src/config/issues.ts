/** Errors of the shape as findings: placed in the file, with what was found, and for unions the option that was meant. */
import type * as z from 'zod/mini';
import type { ParsedDocument } from './document.js';
import type { Finding } from './syntax.js';
import { showFound } from './problem.js';
import type { DataPath } from './problem.js';

type Issue = z.core.$ZodIssue;

/** The value at `path`, or undefined when there is none. */
export const valueAt = (data: unknown, path: DataPath): unknown =>
  path.reduce<unknown>(
    (value, part) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, part)
        ? (value as Record<string | number, unknown>)[part]
        : undefined,
    data,
  );

/** A finding about the value at `path`; the message goes on after what was found. */
export const findingAt = (document: ParsedDocument, path: DataPath, message: string): Finding => {
  const value = valueAt(document.data, path);
  const position = document.positionOfValue(path);
  return { path, position, message: value === undefined ? message : `${showFound(value, path)} ${message}` };
};

/** All errors of one parse; `base` is where the parsed part is in the document. */
export const findingsOfIssues = (
  issues: readonly Issue[],
  document: ParsedDocument,
  base: DataPath = [],
): Finding[] =>
  issues.flatMap((issue) => {
    const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
    switch (issue.code) {
      case 'unrecognized_keys':
        return unknownKeys(issue, document, path);
      case 'invalid_key': {
        const message = `${JSON.stringify(path.at(-1))} ${issue.issues[0]?.message ?? 'is not a key'}`;
        return [{ path, position: document.positionOfKey(path), message }];
      }
      case 'invalid_union':
        return choiceFindings(issue.errors, issue.message, { document, path });
      default:
        return [findingAt(document, path, issue.message)];
    }
  });

const unknownKeys = (
  issue: z.core.$ZodIssueUnrecognizedKeys,
  document: ParsedDocument,
  path: DataPath,
): Finding[] => {
  const messages = issue.message.split('\n');
  return issue.keys.map((key, index) => ({
    path: [...path, key],
    position: document.positionOfKey([...path, key]),
    message: messages[index] ?? `unknown key ${JSON.stringify(key)}`,
  }));
};

const choiceFindings = (
  options: readonly Issue[][],
  message: string,
  { document, path }: { document: ParsedDocument; path: DataPath },
): Finding[] => {
  const meant = meantOption(options, valueAt(document.data, path));
  if (meant !== null) return findingsOfIssues(meant, document, path);
  const unknownKey = /^unknown key ("(?:[^"\\]|\\.)*")/.exec(message)?.[1];
  if (unknownKey === undefined) return [findingAt(document, path, message)];
  const keyPath = [...path, String(JSON.parse(unknownKey))];
  return [{ path: keyPath, position: document.positionOfKey(keyPath), message }];
};

/** The option with fewest keys missing and too many; null when several fit equally badly, or none is a mapping. */
const meantOption = (options: readonly Issue[][], value: unknown): Issue[] | null => {
  const rated = options
    .map((issues) => ({ issues, misfits: misfitsOf(issues, value) }))
    .sort((a, b) => a.misfits - b.misfits);
  const [best, second] = rated;
  if (best === undefined || best.misfits === Infinity || best.misfits === second?.misfits) return null;
  return best.issues;
};

const misfitsOf = (issues: readonly Issue[], value: unknown): number =>
  issues.reduce((misfits, issue) => {
    if (issue.code === 'unrecognized_keys' && issue.path.length === 0) return misfits + issue.keys.length;
    if (issue.path.length === 0) return Infinity;
    const isMissing = issue.path.length === 1 && valueAt(value, [String(issue.path[0])]) === undefined;
    return isMissing ? misfits + 1 : misfits;
  }, 0);
