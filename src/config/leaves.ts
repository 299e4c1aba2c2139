/** The smallest parts of the configuration's shape: each says what it expects and gives an example. */
import * as z from 'zod/mini';
import { nearMiss } from '../domain/near-miss.js';
import { parseDuration } from '../domain/duration.js';
import { configLimits } from './defaults.js';
import { findBrokenReference, hasReference } from './references.js';

/** Says what is wrong with a value of the right type, or null. */
type Judge<T> = (value: T) => string | null;

/** Error text of a schema: `is not a duration; for example 5m`. */
export const expecting =
  (expected: string, example: string) =>
  (issue: { input?: unknown }): string =>
    issue.input === undefined
      ? `is missing: ${expected}; for example ${example}`
      : `is not ${expected}; for example ${example}`;

/** For texts: a number or `true` that would do as a text only lacks its quotes. */
const expectingText =
  ({ expected, example, isValid }: TextLeaf) =>
  (issue: { input?: unknown }): string => {
    const { input } = issue;
    const isBare = typeof input === 'number' || typeof input === 'boolean';
    return isBare && (isValid?.(String(input)) ?? true)
      ? `is not a text; put it in quotes, for example "${example}"`
      : expecting(expected, example)(issue);
  };

/** A check whose message may depend on the value. */
export const judged = <T>(judge: Judge<T>) =>
  z.check<T>((payload) => {
    const message = judge(payload.value);
    if (message !== null) payload.issues.push({ code: 'custom', message, input: payload.value });
  });

interface TextLeaf {
  expected: string;
  example: string;
  isValid?: (text: string) => boolean;
  /** For editors: the JSON Schema's pattern. */
  pattern?: string;
}

const isPrintable = (text: string): boolean => !/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text);

const unresolvable: Judge<string> = (text) =>
  text.includes('${') ? 'is used as it is written: references like ${env:NAME} are not resolved here' : null;

/** A text that is taken as it is written. */
export const text = (leaf: TextLeaf) => {
  const { expected, example, isValid, pattern } = leaf;
  return z.string({ error: expectingText(leaf) }).check(
    judged((value) => {
      const isGood = value !== '' && isPrintable(value) && (isValid?.(value) ?? true);
      return isGood ? unresolvable(value) : `is not ${expected}; for example ${example}`;
    }),
    z.meta({ examples: [example], ...(pattern === undefined ? {} : { pattern }) }),
  );
};

/** A text that may hold references; only what holds none is judged by `isValid`. */
export const secretiveText = (leaf: TextLeaf, isEmptyAllowed = false) => {
  const { expected, example, isValid } = leaf;
  return z.string({ error: expectingText(leaf) }).check(
    judged((value) => {
      const broken = findBrokenReference(value);
      if (broken !== null)
        return 'holds a reference that is none; for example ${env:NAME} or ${file:/run/secrets/name}';
      if (hasReference(value)) return null;
      const isGood = (isEmptyAllowed || value !== '') && (isValid?.(value) ?? true);
      return isGood ? null : `is not ${expected}; for example ${example}`;
    }),
    z.meta({ examples: [example] }),
  );
};

/** A duration between the two limits, as text. */
export const duration = (
  example: string,
  least: { ms: number; text: string },
  most: { ms: number; text: string },
) => {
  const problemOf: Judge<string> = (value) => {
    const ms = parseDuration(value);
    if (ms === null) return `is not a duration; for example ${example}`;
    if (ms < least.ms) return `is not a duration of at least ${least.text}; for example ${example}`;
    if (ms > most.ms) return `is not a duration of at most ${most.text}; for example ${example}`;
    return null;
  };
  return z
    .string({ error: expecting('a duration', example) })
    .check(
      judged(problemOf),
      z.meta({ examples: [example], pattern: '^([0-9]+(\\.[0-9]+)?(ms|w|d|h|m|s))+$' }),
    );
};

export const wholeNumber = (least: number, most: number, example: number) => {
  const expected = `a whole number from ${least} to ${most}`;
  const error = expecting(expected, String(example));
  return z.number({ error }).check(
    judged((value) =>
      Number.isInteger(value) && value >= least && value <= most
        ? null
        : `is not ${expected}; for example ${example}`,
    ),
    z.meta({ type: 'integer', minimum: least, maximum: most, examples: [example] }),
  );
};

export const flag = (example: boolean) => z.boolean({ error: expecting('true or false', String(example)) });

/** One of some words. */
export const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words, expected: string) =>
  z.enum(words, {
    error: ({ input }) => {
      const listed = `${expected}: ${words.join(', ')}`;
      if (input === undefined) return `is missing: ${listed}`;
      const near = typeof input === 'string' ? nearMiss(input, words) : null;
      return near === null
        ? `is not ${listed}; for example ${words[0]}`
        : `is not ${listed}; did you mean "${near}"?`;
    },
  });

export const listOf = <S extends z.ZodMiniType>(
  item: S,
  expected: string,
  example: string,
  isEmptyAllowed = true,
  error = expecting(expected, example),
) =>
  z.array(item, { error }).check(
    judged((items: unknown[]) =>
      items.length > 0 || isEmptyAllowed
        ? null
        : `is empty: at least one entry is needed; for example ${example}`,
    ),
    z.meta(isEmptyAllowed ? {} : { minItems: 1 }),
  );

/** One item, or a list of at least one; what is neither gets the message of the one that it looks like. */
export const oneOrMore = <S extends z.ZodMiniType>(item: S, expected: string, example: string) => {
  const list = listOf(item, expected, example, false);
  return z.union([list, item], {
    error: ({ input }) =>
      z.safeParse(Array.isArray(input) ? list : item, input).error?.issues[0]?.message ??
      `is not ${expected}; for example ${example}`,
  });
};

const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const longestName = 100;

/** `Front page!` as `Front-page`: what a name may look like. */
export const safeName = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
    .slice(0, longestName);

/** True for what is safe in workflow ids, file names, URLs and as a key of plain objects. */
export const isSafeName = (text: string): boolean =>
  nameForm.test(text) && text.length <= longestName && !(text in {});

/** Names become part of workflow ids, file names and URLs. */
export const name = (example: string) => {
  const expected = `a name of letters, digits, ".", "_" and "-" (at most ${longestName})`;
  return z.string({ error: expecting(expected, example) }).check(
    judged((value) => {
      if (isSafeName(value)) return null;
      const suggestion = safeName(value);
      return `is not ${expected}; for example ${isSafeName(suggestion) ? suggestion : example}`;
    }),
    z.meta({ examples: [example], pattern: nameForm.source, maxLength: longestName }),
  );
};

/** A name that is handed to another program: never one that reads like an option. */
export const foreignName = (expected: string, example: string) =>
  text({ expected, example, isValid: (value) => !value.startsWith('-') && value.trim() === value });

/** What has nothing that a shell would act on is a list of its words. */
const asVector = (text: string): string =>
  /^[\w./@:=+-]+( [\w./@:=+-]+)*$/.test(text)
    ? `[${text.split(' ').join(', ')}]`
    : `[sh, -c, ${JSON.stringify(text.slice(0, 80))}]`;

const expectingVector =
  (expected: string, example: string) =>
  (issue: { input?: unknown }): string =>
    typeof issue.input === 'string' && issue.input.trim().includes(' ')
      ? `is one text, and no shell is used; write a list: ${asVector(issue.input)}`
      : expecting(expected, example)(issue);

/** A program and its arguments, run as they are: no shell in between. */
export const argumentVector = (example: string) =>
  listOf(
    secretiveText(
      { expected: 'a text', example: '/usr/bin/true', isValid: (value) => !value.includes('\0') },
      true,
    ),
    'a list of a program and its arguments',
    example,
    false,
    expectingVector('a list of a program and its arguments', example),
  ).check(
    judged((items: string[]) =>
      items[0] === ''
        ? `starts with an empty text where the program should be; for example ${example}`
        : null,
    ),
  );

export const absolutePath = (expected: string, example: string) =>
  text({ expected, example, isValid: (value) => value.startsWith('/') });

/** A day (it ends at midnight UTC at its start) or an instant, that exists in the calendar. */
export const date = text({
  expected: 'a date',
  example: '2027-01-31',
  isValid: (value) => {
    const match = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.exec(value);
    if (match?.[1] === undefined || Number.isNaN(Date.parse(value))) return false;
    // Date.parse turns February 30 into March 2.
    return new Date(`${match[1]}T00:00:00Z`).toISOString().startsWith(match[1]);
  },
});

export const everyDuration = duration(
  '5m',
  { ms: configLimits.leastEveryMs, text: '5s' },
  { ms: configLimits.mostEveryMs, text: '366d' },
);

export const timeoutDuration = duration(
  '10s',
  { ms: configLimits.leastTimeoutMs, text: '10ms' },
  { ms: configLimits.mostTimeoutMs, text: '1h' },
);

export const spanDuration = duration(
  '30m',
  { ms: 1_000, text: '1s' },
  { ms: configLimits.mostEveryMs, text: '366d' },
);

export const pushDuration = duration(
  '1h',
  { ms: configLimits.leastPushEveryMs, text: '1s' },
  { ms: configLimits.mostEveryMs, text: '366d' },
);

export const graceDuration = duration(
  '10m',
  { ms: 0, text: '0s' },
  { ms: configLimits.mostEveryMs, text: '366d' },
);
