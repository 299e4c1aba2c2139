/** Reads what people and scripts send to a loop: fields are optional, but a wrong one is named and refused. */

export type LoopInput<T> = { ok: true; value: T } | { ok: false; problem: string };

type FieldKind = 'text' | 'texts';

const longestText = 1000;

const examples: Record<FieldKind, string> = { text: '"alice"', texts: '["api", "db"]' };

/** PostgreSQL stores no U+0000: with it, the loop could not be recorded any more. */
const isText = (value: unknown): boolean =>
  typeof value === 'string' && value.length <= longestText && !value.includes('\u0000');

const fits = (kind: FieldKind, value: unknown): boolean =>
  kind === 'text' ? isText(value) : Array.isArray(value) && value.length <= 10_000 && value.every(isText);

/**
 * An input object with only known fields of the right kind. Nothing at all (`undefined`, `null`) is an empty object.
 * The problem names the field and shows a valid example.
 */
export function readFields<T extends object>(
  input: unknown,
  fields: Readonly<Record<string, FieldKind>>,
): LoopInput<T> {
  if (input === undefined || input === null) return { ok: true, value: {} as T };
  if (typeof input !== 'object' || Array.isArray(input)) {
    return {
      ok: false,
      problem: `the input must be one JSON object such as {"by": "alice"}, not ${describeInput(input)}`,
    };
  }
  for (const [name, value] of Object.entries(input)) {
    const kind = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (kind === undefined) {
      return {
        ok: false,
        problem: `unknown field "${name.slice(0, 60)}"; known are ${Object.keys(fields).join(', ')}`,
      };
    }
    if (value !== undefined && value !== null && !fits(kind, value)) {
      return {
        ok: false,
        problem: `field "${name}" is ${describeInput(value)}; for example {"${name}": ${examples[kind]}}`,
      };
    }
  }
  const given = Object.entries(input).filter(([, value]) => value !== undefined && value !== null);
  return { ok: true, value: Object.fromEntries(given) as T };
}

/** A wrong input in a few words, for the message that refuses it. */
export function describeInput(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string')
    return value.length > longestText
      ? `a text of ${value.length} characters`
      : `the text ${JSON.stringify(value.slice(0, 60))}`;
  return typeof value === 'object' ? 'an object' : `the ${typeof value} ${JSON.stringify(value)}`;
}

export const readPauseRequest = (input: unknown): LoopInput<{ by?: string; note?: string }> =>
  readFields(input, { by: 'text', note: 'text' });
export const readResumeRequest = (input: unknown): LoopInput<{ by?: string }> =>
  readFields(input, { by: 'text' });
export const readStopRequest = (input: unknown): LoopInput<{ by?: string }> =>
  readFields(input, { by: 'text' });
export const readTriggerRequest = (input: unknown): LoopInput<{ by?: string; targets?: string[] }> =>
  readFields(input, { by: 'text', targets: 'texts' });
