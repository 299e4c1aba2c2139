/** Reads what loops are sent by other parts of the product: every field is needed, and a wrong one is named and refused. */
import { alertEvents, type Alert } from './alert.js';
import type { AlertRouterSettings } from './alert-router.js';
import type { HeartbeatSettings } from './heartbeat-loop.js';
import type { IncidentIdentity } from './ids.js';
import type { IncidentReport } from './incident.js';
import { describeInput, type LoopInput } from './loop-input.js';

interface Rule {
  fits(value: unknown): boolean;
  example: string;
}

type Rules<T> = { readonly [Field in keyof Required<T>]: Rule };

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

/** An alert for the channels. */
export const readAlert = (input: unknown): LoopInput<Alert> =>
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
