/** What each placeholder found in one observation, and how it is shown. Absent is neither zero nor empty. */
import { formatByteSize } from './byte-size.js';
import type { PlaceholderOperand } from './condition-operand.js';
import { textOfValue, valueAt } from './condition-path.js';
import type { PlaceholderName } from './condition-placeholder.js';
import { parseQuantity, utf8Length } from './condition-quantity.js';
import type { Observation } from './observation.js';

export type Finding =
  | {
      kind: 'found';
      /** What texts and patterns are compared with. */
      text: string;
      /** What numbers are compared with: ms, bytes, percent or plain; null when it is no number. */
      number: number | null;
      /** A number by its nature, not a text that looks like one: 1.10 is 1.1, but the version "1.10" is not. */
      isNumber: boolean;
      /** For people. */
      shown: string;
    }
  /** The target answered, but not with that: no such path, no number where one is needed. */
  | { kind: 'invalid' }
  /** The probe could not tell. */
  | { kind: 'missing'; shown: string };

/** One observation, its body parsed at most once, and only if a condition looks into it. */
export interface Facts {
  observation: Observation;
  /** The body without surrounding white space; undefined when there was no answer. */
  body: () => string | undefined;
  /** The parsed body; undefined when it is no JSON. */
  json: () => unknown;
}

export function factsOf(observation: Observation): Facts {
  let parsed: { json: unknown } | null = null;
  const body = (): string | undefined => bodyOf(observation)?.trim();
  return {
    observation,
    body,
    json: () => (parsed ??= { json: parseJson(body()) }).json,
  };
}

/** An answer without a body has an empty one. */
const bodyOf = ({ body, connected, error }: Observation): string | undefined =>
  body ?? (connected && error === undefined ? '' : undefined);

function parseJson(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** `isRelative`: compared with a percentage, so that amounts are wanted as a share of their whole. */
export function findValue(operand: PlaceholderOperand, facts: Facts, isRelative: boolean): Finding {
  switch (operand.wrapper) {
    case 'has':
      return textFinding(String(hasValue(operand, facts)));
    case 'len':
      return lengthFinding(operand, facts);
    case 'age':
      return ageFinding(operand, facts);
    case null:
      return operand.name === '[BODY]'
        ? bodyFinding(operand, facts)
        : findings[operand.name](facts.observation, isRelative);
  }
}

const missing: Finding = { kind: 'missing', shown: 'unknown' };

const textFinding = (text: string): Finding => ({
  kind: 'found',
  text,
  number: null,
  isNumber: false,
  shown: text,
});

const countFinding = (count: number): Finding => ({
  kind: 'found',
  text: String(count),
  number: count,
  isNumber: true,
  shown: String(count),
});

function hasValue(operand: PlaceholderOperand, facts: Facts): boolean {
  const found = findValue({ ...operand, wrapper: null }, facts, false);
  if (found.kind !== 'found') return false;
  // An empty text at a path exists; an empty body or address does not.
  return operand.path.length > 0 || found.text !== '';
}

function bodyFinding({ path }: PlaceholderOperand, facts: Facts): Finding {
  const body = facts.body();
  if (body === undefined) return missing;
  if (path.length === 0) return openFinding(body);
  const value = valueAt(facts.json(), path);
  if (value === undefined) return { kind: 'invalid' };
  if (typeof value === 'number') return countFinding(value);
  return openFinding(textOfValue(value));
}

const openFinding = (text: string): Finding => ({
  kind: 'found',
  text,
  number: parseQuantity(text)?.amount ?? null,
  isNumber: false,
  shown: text,
});

/** Elements of an array, else bytes of the text: of the body as it came, of a value as it is shown. */
function lengthFinding(operand: PlaceholderOperand, facts: Facts): Finding {
  const found = findValue({ ...operand, wrapper: null }, facts, false);
  if (found.kind !== 'found') return found;
  if (operand.name !== '[BODY]') return countFinding(utf8Length(found.text));
  const value = valueAt(facts.json(), operand.path);
  if (Array.isArray(value)) return countFinding(value.length);
  const isWhole = operand.path.length === 0;
  return countFinding(utf8Length(isWhole ? (bodyOf(facts.observation) ?? '') : found.text));
}

function ageFinding(operand: PlaceholderOperand, facts: Facts): Finding {
  const found = findValue({ ...operand, wrapper: null }, facts, false);
  if (found.kind !== 'found') return found;
  const at = parseInstant(found.text);
  if (at === null) return { kind: 'invalid' };
  const { observedAt } = facts.observation;
  return observedAt === undefined ? missing : durationFinding(observedAt - at);
}

const instantPatterns = [
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/,
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
];

/** Epoch ms of an RFC 3339 or HTTP date, or of an epoch in seconds or milliseconds; null when it is none. */
function parseInstant(text: string): number | null {
  if (instantPatterns.some((pattern) => pattern.test(text))) {
    const at = Date.parse(text);
    return Number.isNaN(at) ? null : at;
  }
  const epoch = /^\d{1,16}(?:\.\d{1,9})?$/.test(text) ? Number(text) : 0;
  if (epoch <= 0) return null;
  // 10^12 seconds lie 30,000 years ahead; 10^12 milliseconds were in 2001.
  return epoch >= 1e12 ? epoch : epoch * 1_000;
}

type SimplePlaceholder = Exclude<PlaceholderName, '[BODY]'>;

const findings: Record<SimplePlaceholder, (observation: Observation, isRelative: boolean) => Finding> = {
  '[STATUS]': ({ status }) => optional(status, countFinding),
  // Whole milliseconds, as in Gatus: 10.4 ms meet `<= 10`.
  '[RESPONSE_TIME]': ({ responseTimeMs }) => countFinding(Math.floor(responseTimeMs)),
  '[IP]': ({ ip }) => optional(ip, textFinding),
  '[CONNECTED]': ({ connected }) => textFinding(String(connected)),
  '[CERTIFICATE_EXPIRATION]': ({ certificateExpiresInMs }) =>
    optional(certificateExpiresInMs, durationFinding),
  '[DNS_RCODE]': ({ dnsRcode }) => optional(dnsRcode, textFinding),
  '[EXPIRATION]': ({ expiresInMs }) => optional(expiresInMs, durationFinding),
  '[STATE]': ({ state }) => optional(state, textFinding),
  '[MEMORY]': ({ memoryBytes, memoryLimitBytes }, isRelative) =>
    sizeFinding({ sizeBytes: memoryBytes, wholeBytes: memoryLimitBytes, whole: 'limit' }, isRelative),
  '[CPU]': ({ cpuPercent }) => optional(cpuPercent, shareFinding),
  '[RAM]': ({ ramPercent }) => optional(ramPercent, shareFinding),
  '[RESTARTS]': ({ restarts }) => optional(restarts, countFinding),
  '[DISK_FREE]': ({ diskFreeBytes, diskTotalBytes }, isRelative) =>
    sizeFinding({ sizeBytes: diskFreeBytes, wholeBytes: diskTotalBytes, whole: 'total' }, isRelative),
  '[EXIT_CODE]': ({ exitCode }) => optional(exitCode, countFinding),
  '[ACTIVE]': ({ activeJobs }) => optional(activeJobs, countFinding),
};

const optional = <Value>(value: Value | undefined, find: (value: Value) => Finding): Finding =>
  value === undefined ? missing : find(value);

function durationFinding(durationMs: number): Finding {
  const wholeMs = Math.trunc(durationMs);
  return {
    kind: 'found',
    text: String(wholeMs),
    number: wholeMs,
    isNumber: true,
    shown: shownDuration(wholeMs),
  };
}

/** Hours, minutes and seconds, as Gatus shows what is left: `336h`, `1h30m`, `-2h`. */
function shownDuration(durationMs: number): string {
  const seconds = Math.floor(Math.abs(durationMs) / 1_000);
  const parts = [
    [Math.floor(seconds / 3_600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const text = parts.map(([count, unit]) => (count === 0 ? '' : `${count}${unit}`)).join('');
  return text === '' ? '0s' : `${durationMs < 0 ? '-' : ''}${text}`;
}

function shareFinding(percent: number): Finding {
  const rounded = Math.round(percent * 100) / 100;
  return { kind: 'found', text: String(rounded), number: percent, isNumber: true, shown: `${rounded}%` };
}

interface Amount {
  sizeBytes: number | undefined;
  wholeBytes: number | undefined;
  /** What the whole is called. */
  whole: string;
}

function sizeFinding({ sizeBytes, wholeBytes, whole }: Amount, isRelative: boolean): Finding {
  if (sizeBytes === undefined) return missing;
  const shown = formatByteSize(sizeBytes);
  if (!isRelative)
    return { kind: 'found', text: String(sizeBytes), number: sizeBytes, isNumber: true, shown };
  if (wholeBytes === undefined || wholeBytes <= 0)
    return { kind: 'missing', shown: `${shown}, ${whole} unknown` };
  return shareFinding((sizeBytes / wholeBytes) * 100);
}
