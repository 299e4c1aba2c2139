/** Reads what loops are sent by other parts of the product: every field is needed, and a wrong one is named and refused. */
import { alertEvents, type Alert } from './alert.js';
import type { AlertRouterSettings } from './alert-router.js';
import { cronTriggers, type CronSlotInput } from './cron-execution.js';
import type { CronWatchSettings } from './cron-watch-loop.js';
import type { ExternalSettings } from './external.js';
import type { HeartbeatSettings } from './heartbeat-loop.js';
import type { IncidentIdentity } from './ids.js';
import type { IncidentReport } from './incident.js';
import { describeInput, type LoopInput } from './loop-input.js';
import type { RemedyInput, RemedyReport } from './remedy.js';
import type { RunWatchSettings } from './run-watch.js';

interface Rule {
  fits(value: unknown): boolean;
  example: string;
}

/** Fields that may be left out have no rule here: whoever reads the message looks at them by itself. */
type Rules<T> = { readonly [Field in keyof T as object extends Pick<T, Field> ? never : Field]: Rule };

/** Longest text of a message; longer ones are no news but an attack on the loop's memory. */
const longestText = 10_000;
/** Furthest instant that a `Date` can show, ms. */
const furthestAt = 8.64e15;

const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= longestText;
const isWhole = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;

const text = (example: string): Rule => ({ fits: isText, example: JSON.stringify(example) });
const texts: Rule = {
  fits: (value) => Array.isArray(value) && value.length <= 10_000 && value.every(isText),
  example: '["api", "db"]',
};
const whole = (example: number): Rule => ({ fits: isWhole, example: String(example) });
const instant: Rule = {
  fits: (value) => typeof value === 'number' && Math.abs(value) <= furthestAt,
  example: '1793836800000',
};
const oneOf = (words: readonly string[]): Rule => ({
  fits: (value) => typeof value === 'string' && words.includes(value),
  example: words.map((word) => JSON.stringify(word)).join(' or '),
});
const severity = oneOf(['critical', 'high', 'medium', 'low']);

function readMessage<T extends object>(input: unknown, rules: Rules<T>): LoopInput<T> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return { ok: false, problem: `the input must be one JSON object, not ${describeInput(input)}` };
  const given: Record<string, unknown> = { ...input };
  for (const [field, rule] of Object.entries<Rule>(rules)) {
    const value = Object.hasOwn(given, field) ? given[field] : undefined;
    if (rule.fits(value)) continue;
    const found = value === undefined ? 'missing' : describeInput(value);
    return { ok: false, problem: `field "${field}" is ${found}; for example {"${field}": ${rule.example}}` };
  }
  return { ok: true, value: given as T };
}

/** What `apply` tells a heartbeat shard. */
export const readHeartbeatSettings = (input: unknown): LoopInput<HeartbeatSettings> =>
  readMessage<HeartbeatSettings>(input, {
    environment: text('shop'),
    shard: whole(0),
    revision: whole(7),
    intervalsMs: {
      fits: (value) =>
        Array.isArray(value) &&
        value.length <= 10_000 &&
        value.every((interval) => isWhole(interval) && interval > 0),
      example: '[5000, 300000]',
    },
    services: whole(12),
  });

/** What `apply` tells the alert router. */
export const readRouterSettings = (input: unknown): LoopInput<AlertRouterSettings> =>
  readMessage<AlertRouterSettings>(input, {
    environment: text('shop'),
    revision: whole(7),
    channels: texts,
  });

/** What `apply` tells the loop that takes alerts from outside. */
export const readExternalSettings = (input: unknown): LoopInput<ExternalSettings> =>
  readMessage<ExternalSettings>(input, { environment: text('shop'), revision: whole(7) });

/** What `apply` tells the loop that watches runs. */
export const readRunWatchSettings = (input: unknown): LoopInput<RunWatchSettings> =>
  readMessage<RunWatchSettings>(input, { environment: text('shop'), revision: whole(7) });

/** What `apply` tells the loop that watches jobs. */
export const readCronWatchSettings = (input: unknown): LoopInput<CronWatchSettings> =>
  readMessage<CronWatchSettings>(input, { environment: text('shop'), revision: whole(7), jobs: whole(9) });

/** Which slot of which job a workflow runs. Without a slot it is that of the schedule that started it. */
export function readCronExecutionInput(input: unknown): LoopInput<CronSlotInput> {
  const read = readMessage<CronSlotInput>(input, { environment: text('shop'), job: text('nightly-export') });
  if (!read.ok) return read;
  const optional: Record<'scheduledAt' | 'trigger' | 'attempt', Rule> = {
    scheduledAt: instant,
    trigger: oneOf(cronTriggers),
    attempt: whole(1),
  };
  const given: Record<string, unknown> = { ...read.value };
  for (const [field, rule] of Object.entries(optional))
    if (given[field] !== undefined && !rule.fits(given[field]))
      return {
        ok: false,
        problem: `field "${field}" is ${describeInput(given[field])}; for example {"${field}": ${rule.example}}`,
      };
  return read;
}

/** Which run a workflow takes care of. */
export const readRunReference = (input: unknown): LoopInput<{ environment: string; run: string }> =>
  readMessage<{ environment: string; run: string }>(input, { environment: text('shop'), run: text('r-1') });

/** What the watcher tells the workflow of a run. */
export const readCompletion = (input: unknown): LoopInput<{ completion: number }> =>
  readMessage<{ completion: number }>(input, { completion: whole(1) });

/** What makes an incident the same incident. */
export const readIncidentIdentity = (input: unknown): LoopInput<IncidentIdentity> =>
  readMessage<IncidentIdentity>(input, {
    environment: text('shop'),
    loop: text('heartbeat'),
    type: text('unhealthy'),
    target: text('api'),
  });

/** What a loop tells an incident. */
export const readReport = (input: unknown): LoopInput<IncidentReport> =>
  readMessage<IncidentReport>(input, {
    key: text('incident:shop:heartbeat:unhealthy:api:1:open:7'),
    reporter: text('heartbeat:shop:0'),
    sequence: whole(7),
    kind: oneOf(['open', 'affected', 'flapping', 'settled', 'recover']),
    environment: text('shop'),
    loop: text('heartbeat'),
    type: text('unhealthy'),
    target: text('api'),
    severity,
    tags: texts,
    episode: whole(1),
    reason: text('connection refused'),
    affected: texts,
    resolvedBy: { fits: (value) => value === null || isText(value), example: '"recovery"' },
    at: instant,
  });

/** What an attempt to repair says. */
export const readRemedyReport = (input: unknown): LoopInput<RemedyReport> =>
  readMessage<RemedyReport>(input, {
    episode: whole(1),
    attempt: whole(1),
    phase: oneOf(['waiting', 'started', 'ended', 'withdrawn']),
    action: text('restart'),
    success: { fits: (value) => value === null || typeof value === 'boolean', example: 'true' },
    detail: text('healthy after 30s'),
    at: instant,
  });

/** What an attempt to repair is started with. */
export const readRemedyInput = (input: unknown): LoopInput<RemedyInput> =>
  readMessage<RemedyInput>(input, {
    environment: text('shop'),
    target: text('api'),
    incident: text('incident:shop:heartbeat:unhealthy:api'),
    episode: whole(1),
    attempt: whole(1),
  });

const isTextOf = (value: unknown, longest: number): boolean =>
  typeof value === 'string' && value.length <= longest;

/** Fields of an alert that may be left out. */
const alertExtras: Record<'since' | 'did' | 'advice' | 'runbook' | 'labels' | 'channels', Rule> = {
  since: instant,
  did: {
    fits: (value) =>
      Array.isArray(value) && value.length <= 100 && value.every((line) => isTextOf(line, 2000)),
    example: '["restarted api: still unhealthy"]',
  },
  advice: text('look at the log of the database'),
  runbook: text('https://wiki.example.org/api'),
  labels: {
    fits: (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.keys(value).length <= 100 &&
      Object.entries(value).every(([name, label]) => isTextOf(name, 200) && isTextOf(label, 4000)),
    example: '{"instance": "10.0.0.7:9100"}',
  },
  channels: {
    fits: (value) =>
      Array.isArray(value) && value.length <= 100 && value.every((name) => isTextOf(name, 200)),
    example: '["team", "post"]',
  },
};

/** An alert for the channels. */
export function readAlert(input: unknown): LoopInput<Alert> {
  const read = readRequired(input);
  if (!read.ok) return read;
  const given: Partial<Record<string, unknown>> = { ...read.value };
  for (const [field, rule] of Object.entries(alertExtras)) {
    const value = given[field];
    if (value === undefined || rule.fits(value)) continue;
    const problem = `field "${field}" is ${describeInput(value)}; for example {"${field}": ${rule.example}}`;
    return { ok: false, problem };
  }
  return read;
}

const readRequired = (input: unknown): LoopInput<Alert> =>
  readMessage<Alert>(input, {
    key: text('incident:shop:heartbeat:unhealthy:api:1:opened:1'),
    event: oneOf(alertEvents),
    status: oneOf(['firing', 'resolved']),
    severity,
    environment: text('shop'),
    loop: text('heartbeat'),
    type: text('unhealthy'),
    target: text('api'),
    tags: texts,
    affected: texts,
    incident: text('incident:shop:heartbeat:unhealthy:api'),
    episode: whole(1),
    text: text('api is unhealthy: connection refused'),
    at: instant,
  });
