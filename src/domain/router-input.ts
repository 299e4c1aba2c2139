/** Reads what people ask of the alert router: silences, their end, and tests of channels. A wrong field is named and refused. */
import { alertEvents } from './alert.js';
import type { Matcher } from './alert-policy.js';
import { parseDuration } from './duration.js';
import { describeInput, type LoopInput } from './loop-input.js';
import { severities } from './service.js';
import type { SilenceRequest } from './silence.js';

const longestText = 1000;
/** Characters of a silence's matcher. */
const longestMatch = 2000;
const longestSilenceMs = 366 * 86_400_000;

const matcherKeys = ['event', 'loop', 'type', 'target', 'severity', 'tags', 'incident'] as const;
const wordsOf: Partial<Record<string, readonly string[]>> = { event: alertEvents, severity: severities };

type Fields = Partial<Record<string, unknown>>;

const refuse = (problem: string): { ok: false; problem: string } => ({ ok: false, problem });

const wrong = (field: string, value: unknown, example: string): { ok: false; problem: string } =>
  refuse(
    `field "${field}" is ${value === undefined ? 'missing' : describeInput(value)}; for example {"${field}": ${example}}`,
  );

/** PostgreSQL stores no U+0000: with it, the request could not be recorded. */
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= longestText && !value.includes('\u0000');

function readObject(input: unknown, known: readonly string[], example: string): LoopInput<Fields> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return refuse(
      `the input must be one JSON object such as ${example}, not ${describeInput(input ?? 'nothing')}`,
    );
  const unknown = Object.keys(input).find((field) => !known.includes(field));
  if (unknown !== undefined)
    return refuse(`unknown field "${unknown.slice(0, 60)}"; known are ${known.join(', ')}`);
  const given = Object.entries(input).filter(([, value]) => value !== undefined && value !== null);
  return { ok: true, value: Object.fromEntries(given) };
}

/** A text field that may be left out. */
function readText(fields: Fields, field: string, example: string): LoopInput<string | null> {
  const value = fields[field];
  if (value === undefined) return { ok: true, value: null };
  return isText(value) ? { ok: true, value } : wrong(field, value, JSON.stringify(example));
}

/** A matcher with at least one key, each a list of texts (one text stands for a list of one). */
export function readMatcher(value: unknown): LoopInput<Matcher> {
  const example = '{"target": ["api"]}';
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrong('match', value, example);
  const matcher: Partial<Record<string, string[]>> = {};
  for (const [key, given] of Object.entries(value)) {
    if (!(matcherKeys as readonly string[]).includes(key))
      return refuse(`unknown field "match.${key.slice(0, 60)}"; known are ${matcherKeys.join(', ')}`);
    const list: unknown[] = Array.isArray(given) ? given : [given];
    const words = wordsOf[key];
    const isGood = (item: unknown): item is string => isText(item) && (words?.includes(item) ?? true);
    if (list.length === 0 || list.length > 100 || !list.every(isGood))
      return wrong(
        `match.${key}`,
        given,
        words === undefined ? '["api"]' : JSON.stringify(words.slice(0, 2)),
      );
    matcher[key] = list;
  }
  if (Object.keys(matcher).length === 0)
    return refuse(
      'field "match" is empty, which would silence everything; for example {"match": {"target": ["api"]}}',
    );
  if (JSON.stringify(matcher).length > longestMatch)
    return refuse(`field "match" is longer than ${longestMatch} characters; use tags`);
  return { ok: true, value: matcher as Matcher };
}

function readEnd(fields: Fields, now: number): LoopInput<number> {
  const { for: duration, until } = fields;
  const given = duration === undefined ? 'until' : 'for';
  let endsAt: number | null = null;
  if (typeof duration === 'string') {
    const ms = parseDuration(duration);
    endsAt = ms === null ? null : now + Math.round(ms);
  } else if (duration !== undefined) return wrong('for', duration, '"2h"');
  else if (typeof until === 'number') endsAt = until;
  else if (typeof until === 'string' && until.length <= 40) endsAt = Date.parse(until);
  if (endsAt === null || !Number.isFinite(endsAt))
    return given === 'for'
      ? wrong('for', duration, '"2h"')
      : wrong(
          until === undefined ? 'for' : 'until',
          until,
          until === undefined ? '"2h"' : '"2026-12-01T06:00:00Z"',
        );
  if (endsAt <= now) return refuse(`field "${given}" is over already; for example {"for": "2h"}`);
  if (endsAt - now > longestSilenceMs)
    return refuse(`field "${given}" is more than a year ahead; for example {"for": "2h"}`);
  return { ok: true, value: Math.round(endsAt) };
}

/** `silence {match, for | until, by, note}`. `for` is a duration, `until` ISO 8601 or epoch ms; `now` in epoch ms. */
export function readSilenceRequest(input: unknown, now: number): LoopInput<SilenceRequest> {
  const example = '{"match": {"target": ["api"]}, "for": "2h", "by": "alice"}';
  const fields = readObject(input, ['match', 'for', 'until', 'by', 'note'], example);
  if (!fields.ok) return fields;
  const match = readMatcher(fields.value['match']);
  if (!match.ok) return match;
  const end = readEnd(fields.value, now);
  if (!end.ok) return end;
  const by = readText(fields.value, 'by', 'alice');
  if (!by.ok) return by;
  const note = readText(fields.value, 'note', 'moving the database');
  if (!note.ok) return note;
  return {
    ok: true,
    value: { match: match.value, endsAt: end.value, by: by.value ?? 'somebody', note: note.value ?? '' },
  };
}

/** `unsilence {id, by}`. */
export function readUnsilenceRequest(input: unknown): LoopInput<{ id: string; by: string }> {
  const fields = readObject(input, ['id', 'by'], '{"id": "s12", "by": "alice"}');
  if (!fields.ok) return fields;
  const { id } = fields.value;
  if (!isText(id) || !/^s\d{1,15}$/.test(id)) return wrong('id', id, '"s12"');
  const by = readText(fields.value, 'by', 'alice');
  return by.ok ? { ok: true, value: { id, by: by.value ?? 'somebody' } } : by;
}

/** `test {channel, by}`; without a channel all are tested. */
export function readTestRequest(input: unknown): LoopInput<{ channel: string | null; by: string }> {
  const fields = readObject(input ?? {}, ['channel', 'by'], '{"by": "alice"}');
  if (!fields.ok) return fields;
  const channel = readText(fields.value, 'channel', 'team');
  if (!channel.ok) return channel;
  const by = readText(fields.value, 'by', 'alice');
  return by.ok ? { ok: true, value: { channel: channel.value, by: by.value ?? 'somebody' } } : by;
}
