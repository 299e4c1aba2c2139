/** Whether the output of a job is as it has to be. */
import { oneLine } from './bounded-text.js';
import type { OutputCheck } from './job.js';

/** What is still looked for: filled by one piece of output after the other. */
export interface OutputSearch {
  /** Takes the next piece; pieces are split where a line ends, or overlap. */
  add(text: string): void;
  /** What is wrong; null: nothing. */
  verdict(): string | null;
}

/** Texts that span two pieces are found when the pieces overlap by `overlapOf`. */
export function searchOutput({ contains, notContains, matches }: OutputCheck): OutputSearch {
  const missing = new Set(contains);
  const unmatched = new Map(matches.map((source) => [source, new RegExp(source, 'mu')]));
  let found: string | null = null;
  return {
    add: (text) => {
      for (const wanted of missing) if (text.includes(wanted)) missing.delete(wanted);
      for (const [source, pattern] of unmatched) if (pattern.test(text)) unmatched.delete(source);
      found ??= notContains.find((unwanted) => text.includes(unwanted)) ?? null;
    },
    verdict: () => {
      if (found !== null) return `its output holds ${shown(found)}`;
      const [lacking] = missing;
      if (lacking !== undefined) return `its output does not hold ${shown(lacking)}`;
      const [source] = unmatched.keys();
      return source === undefined ? null : `its output does not match ${oneLine(source, 100)}`;
    },
  };
}

const shown = (text: string): string => JSON.stringify(oneLine(text, 100));

/** How much of the end of a piece the next one has to begin with, in characters. */
export const overlapOf = ({ contains, notContains, matches }: OutputCheck): number =>
  Math.max(matches.length > 0 ? 4_096 : 0, ...[...contains, ...notContains].map(({ length }) => length));

export const hasTextCheck = ({ contains, notContains, matches }: OutputCheck): boolean =>
  contains.length + notContains.length + matches.length > 0;

/** What is wrong with an output that is there whole; null: nothing. */
export function judgeOutput(check: OutputCheck, text: string): string | null {
  const search = searchOutput(check);
  search.add(text);
  return search.verdict();
}
