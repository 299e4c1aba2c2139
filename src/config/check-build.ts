/** Checks as opsloop makes them, built from their valid shape. */
import { defaultConditions } from '../domain/service.js';
import type { Check, HttpCheck, PostgresCheck } from '../domain/service.js';
import type { CheckShape } from './checks-shape.js';
import { configDefaults } from './defaults.js';
import { durationMs } from './duration-text.js';

/** With the defaults of its kind. */
export const buildCheck = (shape: CheckShape): Check => {
  if ('http' in shape) return buildHttpCheck(shape);
  if ('tcp' in shape) return { kind: 'tcp', address: shape.tcp, ...conditionsOf('tcp', shape) };
  if ('redis' in shape) return { kind: 'redis', url: shape.redis, ...conditionsOf('redis', shape) };
  if ('postgres' in shape) return buildPostgresCheck(shape);
  if ('dns' in shape) {
    const { name, type = configDefaults.dns.type, server = configDefaults.dns.server } = shape.dns;
    return { kind: 'dns', name, type, server, ...conditionsOf('dns', shape) };
  }
  if ('certificate' in shape) {
    const serverName = shape.serverName ?? configDefaults.certificate.serverName;
    return {
      kind: 'certificate',
      address: shape.certificate,
      serverName,
      ...conditionsOf('certificate', shape),
    };
  }
  if ('expiry' in shape) return buildExpiryCheck(shape);
  if ('process' in shape) return { kind: 'process', ...conditionsOf('process', shape) };
  if ('disk' in shape) return { kind: 'disk', path: shape.disk, ...conditionsOf('disk', shape) };
  if ('host' in shape) return { kind: 'host', ...conditionsOf('host', shape) };
  if ('push' in shape) return buildPushCheck(shape);
  if ('cron' in shape) {
    const { active } = shape.cron;
    return { kind: 'cron', active, conditions: [...(shape.conditions ?? [`[ACTIVE] >= ${active}`])] };
  }
  return { kind: 'command', command: shape.command, ...conditionsOf('command', shape) };
};

const conditionsOf = (
  kind: Check['kind'],
  shape: Pick<CheckShape, 'conditions'>,
): { conditions: string[] } => ({
  conditions: [...(shape.conditions ?? defaultConditions[kind])],
});

/** Also of a metric, whose conditions are its own. */
export const buildHttpCheck = (shape: Extract<CheckShape, { http: string }>): HttpCheck => ({
  kind: 'http',
  url: shape.http,
  method: shape.method ?? configDefaults.http.method,
  headers: { ...shape.headers },
  body: shape.body ?? configDefaults.http.body,
  auth: shape.auth ?? configDefaults.http.auth,
  insecure: shape.insecure ?? configDefaults.http.insecure,
  followRedirects: shape.followRedirects ?? configDefaults.http.followRedirects,
  ...conditionsOf('http', shape),
});

/** Also of a metric. */
export const buildPostgresCheck = (shape: Extract<CheckShape, { postgres: string }>): PostgresCheck => ({
  kind: 'postgres',
  url: shape.postgres,
  query: shape.query ?? configDefaults.postgres.query,
  ...conditionsOf('postgres', shape),
});

const buildExpiryCheck = (shape: Extract<CheckShape, { expiry: unknown }>): Check => {
  const { expiry } = shape;
  const common = { kind: 'expiry' as const, what: expiry.what, ...conditionsOf('expiry', shape) };
  if ('on' in expiry) return { ...common, source: { kind: 'on', date: expiry.on } };
  if ('command' in expiry) return { ...common, source: { kind: 'command', command: expiry.command } };
  return { ...common, source: { kind: 'http', url: expiry.http } };
};

const buildPushCheck = (shape: Extract<CheckShape, { push: unknown }>): Check => {
  const everyMs = durationMs(shape.push.every);
  const { grace } = shape.push;
  const graceMs =
    grace === undefined ? Math.min(everyMs, configDefaults.push.mostGraceMs) : durationMs(grace);
  return { kind: 'push', everyMs, graceMs, ...conditionsOf('push', shape) };
};
