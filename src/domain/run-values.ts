/** What the tables of runs may hold, of whatever type, as our words and instants; a value that means nothing is null. */
import { runRowStates, type RunRowState } from './run.js';

/** Epoch numbers above this are milliseconds: as seconds they would lie beyond the year 5000. */
export const leastMilliseconds = 1e11;

const latestInstant = Date.UTC(9999, 11, 31);

const written =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?))?)?$/i;

/**
 * The instant, epoch ms, that a text or number tells: ISO 8601 (without a zone it is UTC), or seconds or milliseconds since
 * 1970. Null for everything else, and for what is not after 1970 or beyond the year 9999.
 */
export function instantOf(value: string | number | null): number | null {
  if (value === null) return null;
  const text = String(value).trim();
  const isNumber = /^\d+(\.\d*)?(e\+?\d+)?$/i.test(text);
  const at = isNumber ? fromNumber(Number(text)) : fromText(text);
  return at !== null && at > 0 && at <= latestInstant ? at : null;
}

const fromNumber = (number: number): number =>
  Math.round(number > leastMilliseconds ? number : number * 1000);

function fromText(text: string): number | null {
  const [whole, ...parts] = written.exec(text) ?? [];
  if (whole === undefined) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(0, 6)
    .map((part) => Number(part ?? 0));
  const milliseconds = Math.round(Number(`0.${parts[6] ?? '0'}`) * 1000);
  const isPossible =
    month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 24 && minute < 60 && second <= 60;
  const start = Date.UTC(year, month - 1, day);
  // The 31st of a shorter month would become a day of the next one.
  if (!isPossible || new Date(start).getUTCDate() !== day) return null;
  return start + ((hour * 60 + minute) * 60 + second) * 1000 + milliseconds - offsetOf(parts[7] ?? 'Z');
}

function offsetOf(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes ?? 0)) * 60_000;
}

const ownWords: ReadonlySet<string> = new Set([...runRowStates, 'skipped']);

/** Words as they are compared: of any case, without blanks around them. */
const plainWord = (word: string): string => word.trim().toLowerCase();

export interface StateWords {
  /** In our words when it is one or is mapped to one, otherwise unchanged; `''` for null. */
  ofStep(word: string | null): string;
  /** Null for null and for a word that means none of ours. */
  ofRun(word: string | null): RunRowState | null;
  /** All words, in lower case, that end a run. */
  finalOfRun: string[];
}

/** Reads states by a mapping (their word, of any case, → ours); our own words need no entry. */
export function stateWords(mapping: Readonly<Record<string, string>>): StateWords {
  const meanings = new Map<string, string>([...ownWords].map((word) => [word, word]));
  for (const [theirs, ours] of Object.entries(mapping)) meanings.set(plainWord(theirs), plainWord(ours));
  const ofRun = (word: string | null): RunRowState | null => {
    const meaning = word === null ? undefined : meanings.get(plainWord(word));
    return runRowStates.find((state) => state === meaning) ?? null;
  };
  const isFinal = (state: RunRowState | null): boolean =>
    state !== null && state !== 'pending' && state !== 'running';
  return {
    ofStep: (word) => (word === null ? '' : (meanings.get(plainWord(word)) ?? word)),
    ofRun,
    finalOfRun: [...meanings.keys()].filter((word) => isFinal(ofRun(word))),
  };
}
