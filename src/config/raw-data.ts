/** Reading data that may have any shape, for the checks of meaning. */
import { nearMiss } from '../domain/near-miss.js';
import type { DataPath } from './problem.js';

export type RawMapping = Readonly<Record<string, unknown>>;
/** The message goes on after the value that is found at `path`. */
export type Report = (path: DataPath, message: string) => void;

/** An empty mapping for what is none. */
export const asMapping = (value: unknown): RawMapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as RawMapping) : {};

/** An empty list for what is none. */
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** How a message begins about a key that is left out, or that holds null: the finding puts `nothing` before that. */
export const absent = (value: unknown): 'is missing' | 'is given' =>
  value === undefined ? 'is missing' : 'is given';

export const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** Suggestions compare with every name: with thousands of each that would take minutes. */
const mostSuggestions = 50;

/** Finds near misses among `candidates` for the first words it is asked about, and none for the rest. */
export const createSuggester = (candidates: readonly string[]): ((word: string) => string | null) => {
  let suggestions = 0;
  return (word) => ((suggestions += 1) > mostSuggestions ? null : nearMiss(word, candidates));
};
