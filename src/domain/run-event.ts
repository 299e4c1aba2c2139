/** Events of a run as pipelines push them: JSON from outside becomes events, or an error that names line and field. */
import { nearMiss } from './near-miss.js';
import { finalStepStates, runRowStates, type RunRowState } from './run.js';
import { instantOf } from './run-values.js';

export const stepEventStates = ['pending', 'running', ...finalStepStates] as const;
export type StepEventState = (typeof stepEventStates)[number];

export interface StepEvent {
  kind: 'step';
  step: string;
  state: StepEventState;
  /** Epoch ms; null: the event does not say, and means now. */
  at: number | null;
  error: string | null;
}

export interface RunStateEvent {
  kind: 'run';
  state: RunRowState;
  at: number | null;
  name: string | null;
  workDirectory: string | null;
}

export type RunEvent = StepEvent | RunStateEvent;

export type RunEventsInput =
  | { ok: true; events: RunEvent[] }
  /** `field` is empty when it is about no field. */
  | { ok: false; problem: string; field: string };

const mostEvents = 10_000;
const longestName = 500;
const longestDirectory = 4_000;
/** Longer errors are cut, characters. */
const longestError = 10_000;
/** Clocks differ; further in the future is a mistake, ms. */
const mostAheadMs = 3_600_000;

const stepExample = '{"step": "build", "state": "succeeded", "at": "2026-11-25T18:00:00Z"}';
const runExample = '{"state": "failed", "at": "2026-11-25T18:00:00Z"}';

/** What is wrong with the id of a run, for people; null: nothing. */
export function runIdProblem(id: string): string | null {
  if (id === '' || id.length > longestName)
    return `the id of a run has 1 to ${longestName} characters, this one has ${id.length}`;
  return id.includes('\u0000') ? 'the id of a run has no character U+0000' : null;
}

class Refusal extends Error {
  constructor(
    message: string,
    readonly field = '',
  ) {
    super(message);
  }
}

/** Reads one JSON object, an array of them, or JSON lines. `now` in ms. All events are good, or none is taken. */
export function readRunEvents(text: string, now: number): RunEventsInput {
  try {
    const events = documentsOf(text).map(({ where, value }) => eventOf(value, where, now));
    return { ok: true, events };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, problem: error.message, field: error.field };
    throw error;
  }
}

interface Document {
  /** `line 3: `, or nothing when there is only one. */
  where: string;
  value: unknown;
}

function documentsOf(text: string): Document[] {
  const plain = text.replace(/^\uFEFF/, '');
  const whole = parsed(plain);
  let documents: Document[];
  if (Array.isArray(whole))
    documents = whole.map((value: unknown, index) => ({ where: `event ${index + 1}: `, value }));
  else if (whole === undefined) documents = linesOf(plain);
  else documents = [{ where: '', value: whole }];
  if (documents.length === 0)
    throw new Refusal(`there is no event; send for example ${stepExample} or ${runExample}`);
  if (documents.length > mostEvents)
    throw new Refusal(`there are ${documents.length} events; send at most ${mostEvents} at once`);
  return documents;
}

function linesOf(text: string): Document[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const where = `line ${index + 1}: `;
    const value = parsed(line);
    if (value === undefined)
      throw new Refusal(`${where}is not JSON; each line is one event, for example ${stepExample}`);
    return [{ where, value }];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function eventOf(value: unknown, where: string, now: number): RunEvent {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(`${where}an event is a JSON object, for example ${stepExample} or ${runExample}`);
  const fields = value as Record<string, unknown>;
  const reader = readerOf(fields, where);
  const at = instantIn(reader, now);
  if ('step' in fields) {
    reader.refuseUnknown(['step', 'state', 'at', 'error'], stepExample);
    const error = reader.text('error', Number.POSITIVE_INFINITY, true);
    return {
      kind: 'step',
      step: reader.required('step', '"build"'),
      state: reader.word('state', stepEventStates),
      at,
      error: error === null ? null : error.slice(0, longestError),
    };
  }
  reader.refuseUnknown(['step', 'state', 'at', 'name', 'workDirectory'], runExample);
  return {
    kind: 'run',
    state: reader.word('state', runRowStates),
    at,
    name: reader.text('name', longestName),
    workDirectory: reader.text('workDirectory', longestDirectory),
  };
}

const shown = (value: unknown): string => {
  if (typeof value === 'string') return `the text ${JSON.stringify(value.slice(0, 60))}`;
  if (value === undefined) return 'missing';
  return (JSON.stringify(value) ?? 'nothing').slice(0, 60);
};

interface FieldReader {
  fields: Record<string, unknown>;
  refuse(field: string, problem: string): never;
  refuseUnknown(known: readonly string[], example: string): void;
  /** Null when it is not there. */
  text(field: string, longest: number, mayBeEmpty?: boolean): string | null;
  required(field: string, example: string): string;
  word<Word extends string>(field: string, words: readonly Word[]): Word;
}

function readerOf(fields: Record<string, unknown>, where: string): FieldReader {
  const refuse = (field: string, problem: string): never => {
    throw new Refusal(`${where}field "${field.slice(0, 60)}" is ${problem}`, field.slice(0, 60));
  };
  const text: FieldReader['text'] = (field, longest, mayBeEmpty = false) => {
    const value = fields[field];
    if (value === undefined || value === null) return null;
    if (typeof value !== 'string' || (value === '' && !mayBeEmpty))
      return refuse(field, `${shown(value)}; it is a text, or left out`);
    if (value.length > longest)
      return refuse(field, `${value.length} characters long; at most ${longest} are taken`);
    // PostgreSQL keeps no NUL in text.
    return value.replaceAll('\u0000', '\uFFFD');
  };
  return {
    fields,
    refuse,
    text,
    refuseUnknown: (known, example) => {
      const unknown = Object.keys(fields).find((field) => !known.includes(field));
      if (unknown === undefined) return;
      const meant = nearMiss(unknown, known);
      const hint = meant === null ? `there are ${known.join(', ')}` : `did you mean "${meant}"?`;
      refuse(unknown, `not known; ${hint} For example ${example}`.replace(/([^?]) For/, '$1. For'));
    },
    required: (field, example) =>
      text(field, longestName) ?? refuse(field, `${shown(fields[field])}; for example ${example}`),
    word: (field, words) => {
      const value = fields[field];
      const word = words.find((candidate) => candidate === value);
      return word ?? refuse(field, `${shown(value)}; one of ${words.join(', ')}`);
    },
  };
}

const zoned = /(Z|[+-]\d\d(:?\d\d)?)$/i;

function instantIn({ fields, refuse }: FieldReader, now: number): number | null {
  const value = fields['at'];
  if (value === undefined || value === null) return null;
  const example = 'for example "2026-11-25T18:00:00Z"';
  const text = typeof value === 'string' ? value.trim() : '';
  const at = zoned.test(text) && /[T ]/.test(text) ? instantOf(text) : null;
  if (at === null)
    return refuse('at', `${shown(value)}; it is an instant in ISO 8601 with its zone, ${example}`);
  if (at > now + mostAheadMs)
    return refuse('at', `${shown(value)}, more than an hour in the future; leave it out to mean now`);
  return at;
}
