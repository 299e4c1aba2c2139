/** How much room the machine has, by what others push about it; loops that add load ask before they do. */
import { describeInput } from './loop-input.js';
import { nearMiss } from './near-miss.js';
import { instantOf } from './run-values.js';

/** From bad to worst. */
export const guardLevels = ['INFO', 'WARN', 'CRITICAL', 'EMERGENCY'] as const;
export type GuardLevel = (typeof guardLevels)[number];

interface Shares {
  /** Percent of the machine. */
  cpu: number;
  ram: number;
}

/** From where on a level holds; of `emergency` it must be exceeded. */
export interface GuardThresholds {
  warn: Shares;
  critical: Shares;
  emergency: Shares;
}

export const defaultGuardThresholds: GuardThresholds = {
  warn: { cpu: 70, ram: 75 },
  critical: { cpu: 85, ram: 85 },
  emergency: { cpu: 95, ram: 92 },
};

/** A push counts for so long after it came, unless it is resolved before, ms. */
export const guardPushMs = 300_000;

/** An alert about a resource, as somebody else pushes it. */
export interface GuardAlert {
  /** Who is short of it: a service, a host. */
  service: string;
  /** In lower case. Empty: all metrics of the service, only where it is resolved. */
  metric: string;
  /** Null: it is resolved. */
  level: GuardLevel | null;
  threshold: number | null;
  currentValue: number | null;
  /** When the sender saw it, epoch ms; null: it does not say. */
  at: number | null;
}

export type GuardAlertInput =
  | { ok: true; alert: GuardAlert }
  /** `field` is empty when it is about no field. */
  | { ok: false; field: string; problem: string };

const example =
  '{"service": "db-1", "status": "CRITICAL", "metric": "ram", "threshold": 85, "current_value": 91, "timestamp": "2026-11-25T18:00:00Z"}';

const examples = {
  service: '"db-1"',
  status: '"CRITICAL"',
  metric: '"ram"',
  threshold: '85',
  current_value: '91',
  timestamp: '"2026-11-25T18:00:00Z"',
} as const;
type Field = keyof typeof examples;
const fieldNames = Object.keys(examples) as Field[];

/** Ends the reading; never leaves this file. */
class Refusal extends Error {
  constructor(
    readonly field: Field,
    readonly problem: string,
  ) {
    super(problem);
  }
}

/**
 * Reads one alert, `{service, status, metric, threshold, current_value, timestamp}`. Without a status, `cpu` and `ram` are
 * judged by the levels. Further fields are left alone: the alert is somebody else's.
 */
export function readGuardAlert(
  input: unknown,
  levels: GuardThresholds = defaultGuardThresholds,
): GuardAlertInput {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const found = input === null || input === undefined ? 'nothing' : describeInput(input);
    return {
      ok: false,
      field: '',
      problem: `an alert is one JSON object, not ${found}; for example ${example}`,
    };
  }
  try {
    return { ok: true, alert: alertOf({ ...input }, levels) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, field: error.field, problem: `field "${error.field}" ${error.problem}` };
  }
}

type Fields = Readonly<Record<string, unknown>>;

function alertOf(fields: Fields, levels: GuardThresholds): GuardAlert {
  const service = textIn(fields, 'service') ?? refuse(fields, 'service');
  const status = statusIn(fields);
  const metric = (textIn(fields, 'metric') ?? '').toLowerCase();
  if (metric === '' && status !== 'resolved') refuse(fields, 'metric');
  const currentValue = numberIn(fields, 'current_value');
  const alert = {
    service,
    metric,
    threshold: numberIn(fields, 'threshold'),
    currentValue,
    at: instantIn(fields),
  };
  if (status === 'resolved') return { ...alert, level: null };
  return { ...alert, level: status ?? judged({ fields, metric, currentValue }, levels) };
}

interface Measured {
  fields: Fields;
  metric: string;
  currentValue: number | null;
}

function judged({ fields, metric, currentValue }: Measured, levels: GuardThresholds): GuardLevel {
  if (metric !== 'cpu' && metric !== 'ram')
    throw new Refusal(
      'status',
      `is missing: only the metrics cpu and ram are judged without it, and this one is ${JSON.stringify(metric.slice(0, 60))}; one of ${guardLevels.join(', ')}, resolved`,
    );
  if (currentValue === null) return refuse(fields, 'current_value');
  // What meters round may be a little above 100.
  if (currentValue < 0 || Math.round(currentValue) > 100)
    throw new Refusal(
      'current_value',
      `is ${currentValue}; without a status it is percent of the whole machine, 0 to 100; for example ${examples.current_value}`,
    );
  if (currentValue > levels.emergency[metric]) return 'EMERGENCY';
  if (currentValue >= levels.critical[metric]) return 'CRITICAL';
  return currentValue >= levels.warn[metric] ? 'WARN' : 'INFO';
}

function refuse(fields: Fields, field: Field, expected = ''): never {
  const value = fields[field];
  if (value === undefined || value === null) {
    const written = Object.keys(fields).filter((key) => !fieldNames.some((known) => known === key));
    const near = written.find((key) => nearMiss(key, [field]) !== null);
    const hint = near === undefined ? '' : ` ("${near.slice(0, 60)}" is not known)`;
    throw new Refusal(field, `is missing${hint}; for example ${examples[field]}`);
  }
  throw new Refusal(field, `is ${describeInput(value)}${expected}; for example ${examples[field]}`);
}

const isLeftOut = (value: unknown): boolean => value === undefined || value === null || value === '';

const longestText = 200;

/** PostgreSQL stores no U+0000, and no half of a surrogate pair. */
function textIn(fields: Fields, field: Field): string | null {
  const value = fields[field];
  if (isLeftOut(value)) return null;
  if (typeof value !== 'string' || /[\p{Cc}\p{Surrogate}]/u.test(value)) return refuse(fields, field);
  const text = value.trim();
  if (text === '') return refuse(fields, field);
  if (text.length > longestText)
    throw new Refusal(field, `is ${text.length} characters long; at most ${longestText} are taken`);
  return text;
}

function statusIn(fields: Fields): GuardLevel | 'resolved' | null {
  const text = textIn(fields, 'status');
  if (text === null) return null;
  if (text.toLowerCase() === 'resolved') return 'resolved';
  const level = guardLevels.find((known) => known === text.toUpperCase());
  return level ?? refuse(fields, 'status', `; one of ${guardLevels.join(', ')}, resolved`);
}

/** `91`, `"91"`, `"91%"`: templates of alerts often write numbers as texts. */
function numberIn(fields: Fields, field: Field): number | null {
  const value = fields[field];
  if (isLeftOut(value)) return null;
  const written = typeof value === 'string' ? /^\s*(-?\d+(?:\.\d+)?)\s*%?\s*$/.exec(value)?.[1] : value;
  const number = typeof written === 'string' ? Number(written) : written;
  return typeof number === 'number' && Number.isFinite(number) ? number : refuse(fields, field);
}

function instantIn(fields: Fields): number | null {
  const value = fields['timestamp'];
  if (isLeftOut(value)) return null;
  const at = typeof value === 'string' || typeof value === 'number' ? instantOf(value) : null;
  return at ?? refuse(fields, 'timestamp');
}

/** An alert that was taken and is not resolved. Instants in epoch ms. */
export interface GuardPush {
  service: string;
  metric: string;
  level: GuardLevel;
  threshold: number | null;
  currentValue: number | null;
  receivedAt: number;
  /** It counts until then. */
  expiresAt: number;
}

export interface GuardJudgement {
  level: GuardLevel;
  /** For people. */
  reason: string;
  /** Whether anybody says how the machine is; INFO otherwise is no knowledge. */
  isGuarded: boolean;
}

const rankOf = (level: GuardLevel): number => guardLevels.indexOf(level);

/** The highest of what counts at `now`, epoch ms. */
export function judgeGuard(pushes: readonly GuardPush[], now: number): GuardJudgement {
  const counting = pushes.filter(({ expiresAt }) => expiresAt > now);
  const [first, ...others] = [...counting].sort(
    (a, b) => rankOf(b.level) - rankOf(a.level) || b.receivedAt - a.receivedAt,
  );
  if (first === undefined) return { level: 'INFO', reason: 'nothing guards this machine', isGuarded: false };
  const equal = others.filter(({ level }) => level === first.level).length;
  const more = equal === 0 ? '' : `, and ${equal} more`;
  return { level: first.level, reason: `${reasonOf(first)}${more}`, isGuarded: true };
}

function reasonOf({ service, metric, level, threshold, currentValue }: GuardPush): string {
  const value = currentValue === null ? '' : ` ${currentValue}`;
  const limit = threshold === null ? '' : ` (threshold ${threshold})`;
  return `${service} says ${level}: ${metric}${value}${limit}`;
}
