/** Resolves references to secrets at the moment of use, and keeps what they resolved to out of logs and errors. */
import { resolve } from 'node:path';
import { OpsError } from '../domain/errors.js';
import { findReferences, hasReference, replaceReferences } from './references.js';
import type { Reference } from './references.js';

export interface SecretSources {
  env: Readonly<Record<string, string | undefined>>;
  /** Reads a file as text, by its absolute path. */
  readFile: (path: string) => Promise<string>;
  /** Folder of opsloop.yaml: relative `${file:…}` start here. */
  directory: string;
  /** Is told each resolved value before anybody uses it. */
  scrubber?: SecretScrubber;
}

/**
 * The text with every reference replaced. Throws `invalidInput` when one resolves to nothing; the error's
 * message and `field` name the reference, never a value.
 */
export const resolveReferences = async (text: string, sources: SecretSources): Promise<string> => {
  const references = text.includes('${') ? findReferences(text) : [];
  const values = new Map<string, string>();
  for (const reference of references) {
    if (!values.has(reference.text)) values.set(reference.text, await resolveReference(reference, sources));
  }
  const resolved =
    values.size === 0 ? text : replaceReferences(text, (reference) => values.get(reference) ?? reference);
  // Also a password that the file itself holds stays out of the logs.
  sources.scrubber?.add(resolved, 'composed');
  return resolved;
};

/** The same for every text inside a plain object or list, for example a check. Returns a copy. */
export const resolveDeep = async <T>(value: T, sources: SecretSources): Promise<T> =>
  (await resolvePart(value, sources)) as T;

/** True when a text inside a plain object or list refers to a secret. */
export const holdsReferences = (value: unknown): boolean => {
  if (typeof value === 'string') return hasReference(value);
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(holdsReferences);
};

const resolvePart = async (value: unknown, sources: SecretSources): Promise<unknown> => {
  if (typeof value === 'string') return resolveReferences(value, sources);
  if (Array.isArray(value)) return Promise.all(value.map((item) => resolvePart(item, sources)));
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.entries(value).map(
    async ([key, part]) => [key, await resolvePart(part, sources)] as const,
  );
  return Object.fromEntries(await Promise.all(parts));
};

const resolveReference = async (reference: Reference, sources: SecretSources): Promise<string> => {
  const value =
    reference.kind === 'env' ? valueOfVariable(reference, sources) : await valueOfFile(reference, sources);
  if (value === '') {
    throw new OpsError('invalidInput', `${reference.text} is empty; put the value in`, {
      field: reference.text,
    });
  }
  sources.scrubber?.add(value);
  return value;
};

const valueOfVariable = ({ text, name }: Reference, { env }: SecretSources): string => {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value !== undefined) return value;
  const message = `${text} is not set; set the environment variable ${name} where opsloop's worker runs`;
  throw new OpsError('invalidInput', message, { field: text });
};

const valueOfFile = async (
  { text, name }: Reference,
  { readFile, directory }: SecretSources,
): Promise<string> => {
  try {
    return (await readFile(resolve(directory, name))).replace(/\r?\n$/, '');
  } catch (error) {
    // The cause is left out: whatever it holds, a path of secrets is enough to know.
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    const message = `${text} cannot be read${code}; create the file and let opsloop's worker read it`;
    throw new OpsError('invalidInput', message, { field: text });
  }
};

export interface SecretScrubber {
  /**
   * Remembers a value. `composed` is a text that holds secrets among other things (a URL made of
   * references): only its password is secret.
   */
  add: (value: string, form?: 'secret' | 'composed') => void;
  /** The text with every remembered value, in any of its forms, replaced by `***`. */
  scrub: (text: string) => string;
}

/** Shorter values occur everywhere by chance: replacing them would destroy the text and hide nothing. */
const shortestScrubbed = 4;

export const createSecretScrubber = (): SecretScrubber => {
  const secrets = new Set<string>();
  let longestFirst: readonly string[] = [];
  return {
    add: (value, form = 'secret') => {
      const before = secrets.size;
      const isWholeSecret = form === 'secret' && !isPlainAddress(value);
      for (const found of [...(isWholeSecret ? [value] : []), ...passwordsOf(value)]) {
        for (const written of formsOf(found)) if (written.length >= shortestScrubbed) secrets.add(written);
      }
      // A short secret inside a long one must not leave the rest of the long one standing.
      if (secrets.size > before) longestFirst = [...secrets].sort((a, b) => b.length - a.length);
    },
    scrub: (text) => longestFirst.reduce((rest, secret) => rest.replaceAll(secret, '***'), text),
  };
};

/**
 * Where something listens (`127.0.0.1:7233`, `http://api:8888`) is no secret, however it was given: a reason that hides
 * it helps nobody. A path or query may be one (webhooks carry their key there).
 */
const isPlainAddress = (value: string): boolean =>
  /^(?:https?:\/\/[a-z0-9.-]+|(?:https?:\/\/)?(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+|\[[0-9a-f:.]+\])):\d{1,5}\/?$/i.test(
    value.trim(),
  );

/** As it is, as part of a URL, and as part of JSON. */
const formsOf = (secret: string): string[] => {
  const trimmed = secret.trim();
  return [secret, trimmed, encodeUrl(secret), JSON.stringify(secret).slice(1, -1)];
};

/** Lone surrogates cannot be encoded. */
const encodeUrl = (secret: string): string => {
  try {
    return encodeURIComponent(secret);
  } catch {
    return secret;
  }
};

/** The password of a URL, as written and decoded. */
const passwordsOf = (text: string): string[] => {
  const written = /^[a-z][a-z0-9+.-]*:\/\/[^:/?#@]*:(?<password>[^/?#]*)@/i.exec(text)?.groups?.password;
  if (written === undefined || written === '') return [];
  try {
    return [written, decodeURIComponent(written)];
  } catch {
    return [written];
  }
};
