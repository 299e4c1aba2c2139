/** Reads what Prometheus and Alertmanager post: a message is taken whole, or refused with the field that is wrong. */
import { targetLabels, type ExternalSource, type IncomingAlert } from './external.js';
import { labelFingerprint } from './label-fingerprint.js';
import { describeInput } from './loop-input.js';

/** The alerts of a message, or what is wrong with it and in which field. */
export type AlertMessageInput =
  { ok: true; alerts: IncomingAlert[] } | { ok: false; field: string; problem: string };

export const mostAlerts = 10_000;
/** Of labels and annotations each, per alert. */
const mostPairs = 64;
const longestName = 256;
const longestValue = 4096;
/** They become part of workflow ids and of keys in the database, which are limited in bytes. */
const longestIdentityBytes = 256;
const longestUrl = 2048;

/** Ends the reading; never leaves this file. */
class Refusal extends Error {
  constructor(
    readonly field: string,
    readonly problem: string,
  ) {
    super(problem);
  }
}

/** The body of `POST /api/v2/alerts`: a list of alerts as Prometheus posts it to an Alertmanager. */
export const readPrometheusAlerts = (body: unknown): AlertMessageInput =>
  reading(() => readList(body, '').map((alert, index) => readAlert(alert, `[${index}]`, 'prometheus')));

/** The body of a webhook, version 4, as an Alertmanager posts it to a receiver. */
export const readAlertmanagerWebhook = (body: unknown): AlertMessageInput =>
  reading(() => {
    const message = readObject(body, '', '{"version": "4", "alerts": [...]}');
    const { version, alerts } = message;
    if (version !== '4') refuse('version', version, '"4"');
    return readList(alerts, 'alerts').map((alert, index) => readNotified(alert, `alerts[${index}]`));
  });

function readNotified(alert: unknown, place: string): IncomingAlert {
  const { status } = readObject(alert, place, '{"status": "firing", "labels": {...}}');
  if (status !== 'firing' && status !== 'resolved')
    refuse(`${place}.status`, status, '"firing" or "resolved"');
  return { ...readAlert(alert, place, 'alertmanager'), isResolved: status === 'resolved' };
}

function readAlert(input: unknown, place: string, source: ExternalSource): IncomingAlert {
  const alert = readObject(input, place, '{"labels": {"alertname": "InstanceDown"}}');
  const labels = readPairs(alert['labels'], `${place}.labels`, longestValue);
  requireIdentity(labels, `${place}.labels`);
  const startsAt = readInstant(alert['startsAt'], `${place}.startsAt`);
  const endsAt = readInstant(alert['endsAt'], `${place}.endsAt`);
  if (startsAt !== null && endsAt !== null && endsAt < startsAt)
    throw new Refusal(`${place}.endsAt`, 'is before startsAt');
  const generatorUrl = alert['generatorURL'] ?? '';
  if (!isText(generatorUrl)) refuse(`${place}.generatorURL`, generatorUrl, '"http://prometheus:9090/graph"');
  return {
    fingerprint: labelFingerprint(labels),
    labels,
    annotations: readPairs(alert['annotations'] ?? {}, `${place}.annotations`, null),
    generatorUrl: generatorUrl.length > longestUrl ? '' : generatorUrl,
    source,
    startsAt,
    endsAt,
    isResolved: false,
  };
}

function reading(read: () => IncomingAlert[]): AlertMessageInput {
  try {
    return { ok: true, alerts: read() };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { ok: false, field: error.field, problem: `${error.field || 'the body'} ${error.problem}` };
  }
}

function refuse(field: string, value: unknown, example: string): never {
  const found = value === undefined ? 'is missing' : `is ${value === null ? 'null' : describeInput(value)}`;
  throw new Refusal(field, `${found}; for example ${example}`);
}

function readList(value: unknown, field: string): unknown[] {
  if (!Array.isArray(value)) refuse(field, value, '[{"labels": {"alertname": "InstanceDown"}}]');
  if (value.length <= mostAlerts) return value;
  throw new Refusal(field, `has ${value.length} alerts; at most ${mostAlerts} are taken at once`);
}

function readObject(value: unknown, field: string, example: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(field, value, example);
  return { ...value };
}

/** PostgreSQL stores no U+0000, and no half of a surrogate pair. */
const isText = (value: unknown): value is string =>
  typeof value === 'string' && !value.includes('\u0000') && !/\p{Surrogate}/u.test(value);

/** `longest` null: what is too long is cut, it is only shown. Labels without a value count as left out, as at the source. */
function readPairs(value: unknown, field: string, longest: number | null): Record<string, string> {
  const pairs = Object.entries(readObject(value, field, '{"alertname": "InstanceDown"}'));
  if (pairs.length > mostPairs)
    throw new Refusal(field, `has ${pairs.length} entries; at most ${mostPairs} are taken`);
  const read = pairs.map(([name, text]): [string, string] => {
    const place = `${field}.${name.slice(0, 100)}`;
    if (name === '' || name.length > longestName || !isText(name) || name === '__proto__')
      throw new Refusal(place, `is not a name that can be used; for example "alertname"`);
    if (!isText(text)) refuse(place, text, '"InstanceDown"');
    if (longest !== null && text.length > longest)
      throw new Refusal(place, `is ${text.length} characters long; at most ${longest} are taken`);
    return [name, text.slice(0, longestValue)];
  });
  return Object.fromEntries(read.filter(([, text]) => text !== ''));
}

function requireIdentity(labels: Readonly<Record<string, string>>, field: string): void {
  if (labels['alertname'] === undefined) refuse(`${field}.alertname`, undefined, '"InstanceDown"');
  for (const name of ['alertname', ...targetLabels]) {
    if (utf8Length(labels[name] ?? '') <= longestIdentityBytes) continue;
    throw new Refusal(
      `${field}.${name}`,
      `is longer than ${longestIdentityBytes} bytes, and becomes part of an id`,
    );
  }
}

const utf8Length = (text: string): number =>
  Array.from(text).reduce((sum, character) => {
    const code = character.codePointAt(0) ?? 0;
    return sum + (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);
  }, 0);

const instantPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;

/** Go writes its zero time when there is no instant. */
function readInstant(value: unknown, field: string): number | null {
  if (value === undefined || value === null || value === '') return null;
  const at = typeof value === 'string' && instantPattern.test(value) ? Date.parse(value) : Number.NaN;
  if (typeof value === 'string' && value.startsWith('0001-01-01T00:00:00')) return null;
  if (Number.isFinite(at) && at >= 0) return at;
  return refuse(field, value, '"2026-11-25T18:00:00Z"');
}
