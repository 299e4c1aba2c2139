/** One mistake in opsloop.yaml: where it is, what was found, what is expected. */

/** Path of keys and list positions from the top of the file. */
export type DataPath = readonly (string | number)[];

export interface Problem {
  /** The file as people know it: as they gave it, or relative to the working directory. */
  file: string;
  /** Counted from 1. */
  line: number;
  /** Counted from 1. */
  column: number;
  /** `services[1].every`; empty for the file as a whole. */
  path: string;
  /** `"5 minutes" is not a duration; for example 5m`. */
  message: string;
}

/** `opsloop.yaml:12:9 services[1].every: "5 minutes" is not a duration; for example 5m`. */
export const formatProblem = ({ file, line, column, path, message }: Problem): string =>
  `${file}:${line}:${column} ${path === '' ? '' : `${path}: `}${message}`;

/** `['services', 1, 'every']` as `services[1].every`; keys that are no plain words are quoted. */
export const formatPath = (path: DataPath): string =>
  path
    .map((part, position) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[\w-]+$/.test(part)) return `[${JSON.stringify(part)}]`;
      return position === 0 ? part : `.${part}`;
    })
    .join('');

const secretKeys = new Set([
  'token',
  'pingKey',
  'password',
  'bearer',
  'secret',
  'username',
  'headers',
  'body',
]);
const longestShown = 80;

/** Webhooks carry their key in the path. */
const isWholeUrlSecret = (path: DataPath): boolean =>
  path.at(-1) === 'deadMan' || (path[0] === 'channels' && path.at(-1) === 'url');

/** What was found, for a message: shortened, and without anything that may be a secret. */
export const showFound = (value: unknown, path: DataPath): string => {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (path.some((part) => typeof part === 'string' && secretKeys.has(part))) return '"***"';
  if (typeof value !== 'string')
    return typeof value === 'number' || typeof value === 'boolean' ? `${value}` : typeof value;
  const withoutPassword = (
    isWholeUrlSecret(path) ? value.replace(/^([a-z]+:\/\/[^/?#\s]*).+$/is, '$1/***') : value
  )
    .replace(/\/\/[^/?#\s]*@/g, '//***@')
    .replace(/([?&][^=&\s]*=)[^&\s]*/g, '$1***');
  return JSON.stringify(
    withoutPassword.length > longestShown ? `${withoutPassword.slice(0, longestShown)}…` : withoutPassword,
  );
};
