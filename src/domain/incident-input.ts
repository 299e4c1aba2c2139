/** Reads what people and scripts ask of an incident; a wrong field is named, with a valid example. */
import { parseDuration } from './duration.js';
import type { IncidentRequest, IncidentVerb } from './incident-request.js';
import { describeInput, readFields, type LoopInput } from './loop-input.js';

/** Longest silence: longer ones are forgotten about. */
const longestSilenceMs = 366 * 86_400_000;
/** Who asks without saying so. */
const somebody = 'somebody';

interface Written {
  by?: string;
  note?: string;
  text?: string;
  for?: string;
}

const fieldsOf = {
  acknowledge: { by: 'text', note: 'text' },
  resolve: { by: 'text', note: 'text' },
  silence: { for: 'text', by: 'text' },
  note: { by: 'text', text: 'text' },
} as const;

/** The request behind the input of a signal or update of that name. */
export function readIncidentRequest(verb: IncidentVerb, input: unknown): LoopInput<IncidentRequest> {
  const read = readFields<Written>(input, fieldsOf[verb]);
  if (!read.ok) return read;
  const { by = somebody, note = null, text } = read.value;
  switch (verb) {
    case 'acknowledge':
    case 'resolve':
      return { ok: true, value: { verb, by, note } };
    case 'silence': {
      const forMs = parseDuration(read.value.for ?? '');
      if (forMs !== null && forMs >= 1000 && forMs <= longestSilenceMs)
        return { ok: true, value: { verb, by, forMs } };
      const found = read.value.for === undefined ? 'missing' : describeInput(read.value.for);
      return {
        ok: false,
        problem: `field "for" is ${found}; a duration from 1s to 366d is needed, for example {"for": "2h"}`,
      };
    }
    case 'note':
      return text === undefined || text.trim() === ''
        ? { ok: false, problem: 'field "text" is missing; for example {"text": "the disk was full"}' }
        : { ok: true, value: { verb, by, text } };
  }
}

/** What people write into the report of an incident; what is left out stays. */
export interface ReportEdit {
  by: string;
  /** Null: the newest episode. */
  episode: number | null;
  rootCause: string | null;
  resolution: string | null;
  prevention: string | null;
}

const longestEdit = 10_000;

/** The input of the update `editReport`. */
export function readReportEdit(input: unknown): LoopInput<ReportEdit> {
  const given = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>;
  const { by, episode = null } = given;
  const texts: Record<'rootCause' | 'resolution' | 'prevention', string | null> = {
    rootCause: null,
    resolution: null,
    prevention: null,
  };
  for (const name of ['rootCause', 'resolution', 'prevention'] as const) {
    const value = given[name] ?? null;
    if (
      value !== null &&
      (typeof value !== 'string' || value.length > longestEdit || value.includes('\u0000'))
    )
      return {
        ok: false,
        problem: `field "${name}" is ${describeInput(value)}; for example {"${name}": "the disk was full"}`,
      };
    texts[name] = value;
  }
  if (by !== undefined && (typeof by !== 'string' || by.length > 1000))
    return { ok: false, problem: `field "by" is ${describeInput(by)}; for example {"by": "alice"}` };
  if (episode !== null && (!Number.isSafeInteger(episode) || Number(episode) < 1))
    return { ok: false, problem: `field "episode" is ${describeInput(episode)}; for example {"episode": 2}` };
  if (Object.values(texts).every((text) => text === null))
    return { ok: false, problem: 'nothing to write; for example {"rootCause": "the disk was full"}' };
  return {
    ok: true,
    value: { by: by ?? somebody, episode: episode === null ? null : Number(episode), ...texts },
  };
}
