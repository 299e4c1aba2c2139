/** References to secrets in opsloop.yaml, `${env:NAME}` and `${file:/path}`: finding them and judging their form. */

export interface Reference {
  /** As written: `${env:NAME}`. */
  text: string;
  kind: 'env' | 'file';
  /** Name of the variable, or path of the file. */
  name: string;
}

const wellFormed = /\$\{(?:env:(?<variable>[A-Za-z_][A-Za-z0-9_]*)|file:(?<path>[^\s${}][^${}\n]*))\}/g;

/** All well-formed references in `text`, in their order. */
export const findReferences = (text: string): Reference[] =>
  Array.from(text.matchAll(wellFormed), (match) => {
    const variable = match.groups?.variable;
    return variable === undefined
      ? { text: match[0], kind: 'file', name: match.groups?.path ?? '' }
      : { text: match[0], kind: 'env', name: variable };
  });

export const hasReference = (text: string): boolean => text.includes('${') && text.search(wellFormed) >= 0;

/** Puts a value in the place of each reference. */
export const replaceReferences = (text: string, valueOf: (reference: string) => string): string =>
  text.replace(wellFormed, (reference) => valueOf(reference));

/**
 * What looks like a reference and is none (`${evn:NAME}`, `${env:}`), or null.
 * `${HOME}` and `${HOME:-/root}` are left alone: commands and bodies may mean them.
 */
export const findBrokenReference = (text: string): string | null => {
  if (!text.includes('${')) return null;
  const rest = text.replace(wellFormed, '');
  return /\$\{(?:env|file|[a-z]+(?=:[A-Za-z_/.]))\s*:[^}\n]*\}?/i.exec(rest)?.[0] ?? null;
};
