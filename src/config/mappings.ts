/** Mappings of the configuration's shape: strict about their keys, with near misses; and choices between mappings. */
import * as z from 'zod/mini';
import { nearMiss } from '../domain/near-miss.js';

const listed = (words: readonly string[]): string => words.join(', ');

/** `unknown key "evry"; did you mean "every"?` */
const unknownKeyMessage = (key: string, known: readonly string[]): string => {
  const near = nearMiss(key, known);
  const help = near === null ? `known here: ${listed(known)}` : `did you mean "${near}"?`;
  return `unknown key ${JSON.stringify(key.slice(0, 80))}; ${help}`;
};

/** A mapping with these keys and no others. For unknown keys the error has one line per key, in their order. */
export const mapping = <Shape extends z.core.$ZodShape>(shape: Shape, example: string) =>
  z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') {
        return issue.keys.map((key) => unknownKeyMessage(key, Object.keys(shape))).join('\n');
      }
      return issue.input === undefined
        ? `is missing: a mapping; for example ${example}`
        : `is not a mapping; for example ${example}`;
    },
  });

const keysOf = (value: unknown): string[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];

/**
 * One of several mappings, told apart by which of `heads` is among their keys.
 * The error is for values that fit none or several; a value that means one of them gets that one's errors.
 */
export const choice = <const Options extends readonly [z.core.$ZodType, ...z.core.$ZodType[]]>(
  options: Options,
  heads: readonly string[],
  expected: string,
  example: string,
) =>
  z.union(options, {
    error: ({ input }) => {
      if (input === undefined) return `is missing: ${expected}; for example ${example}`;
      const keys = keysOf(input);
      const found = keys.filter((key) => heads.includes(key));
      if (found.length > 1) return `names ${found.join(' and ')} at once; give one of them`;
      for (const key of keys) {
        const near = nearMiss(key, heads);
        if (near !== null) return unknownKeyMessage(key, heads);
      }
      return `is not ${expected} (one of ${listed(heads)}); for example ${example}`;
    },
  });

/** A key that may be left out. `fallback` is stated in the schema; undefined: it depends on other things. */
export const optional = <S extends z.core.$ZodType>(schema: S, description: string, fallback?: unknown) =>
  z.optional(schema).check(z.meta({ description, ...(fallback === undefined ? {} : { default: fallback }) }));

/** A key that may be left out or null, which mean the same. */
export const nullable = <S extends z.core.$ZodType>(schema: S, description: string, fallback?: unknown) =>
  z
    .optional(z.nullable(schema))
    .check(z.meta({ description, ...(fallback === undefined ? {} : { default: fallback }) }));

/** A key that must be there. */
export const required = <S extends z.ZodMiniType>(schema: S, description: string): S =>
  schema.check(z.meta({ description })) as S;
