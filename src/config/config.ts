/** The configuration as opsloop uses it: complete, frozen, built from the valid shape of opsloop.yaml. */
import { basename, dirname, resolve } from 'node:path';
import type { AppliedConfiguration, Channel } from '../domain/configuration.js';
import { parseDuration } from '../domain/duration.js';
import { defaultConditions } from '../domain/service.js';
import type { Check, Secretive, Service, ServicePolicy, Supervisor } from '../domain/service.js';
import { parseAddress } from './address.js';
import type { Address } from './address.js';
import type { CheckShape } from './checks-shape.js';
import { configDefaults } from './defaults.js';
import { isSafeName, safeName } from './leaves.js';
import type { ServiceShape } from './service-shape.js';
import type { ConfigShape } from './shape.js';

/** Deeply frozen. References to secrets (`${env:…}`, `${file:…}`) are still text in it. */
export interface Config {
  /** Absolute path of opsloop.yaml. */
  file: string;
  /** The folder of `file`: relative paths start here. */
  directory: string;
  environment: string;
  /** Absolute. */
  stateDir: string;
  /** `address` null: an embedded server. `cli`: absolute path of the Temporal CLI; null: found or fetched. */
  temporal: { address: Secretive | null; namespace: string; cli: string | null };
  /** Null: an embedded one. */
  database: { url: Secretive } | null;
  /** Null: found on the PATH, or off. */
  redis: { url: Secretive } | null;
  api: {
    listen: Address;
    /** True when the file names the address: then a taken port is an error. */
    isListenGiven: boolean;
    token: Secretive | null;
  };
  applied: AppliedConfiguration;
}

/** `file` is absolute; the shape has no problems left. */
export const buildConfig = (shape: ConfigShape, file: string): Config => {
  const directory = dirname(file);
  const environment = shape.environment ?? defaultEnvironment(directory);
  const { temporal, database, redis, api, heartbeat } = shape;
  const cli = temporal?.cli ?? null;
  const databaseUrl = database?.url ?? null;
  const redisUrl = redis?.url ?? null;
  const listen = parseAddress(api?.listen ?? configDefaults.api.listen, true);
  if (listen === null) throw new Error('api.listen was not validated');
  return deepFreeze({
    file,
    directory,
    environment,
    stateDir: resolve(directory, shape.stateDir ?? configDefaults.stateDir),
    temporal: {
      address: temporal?.address ?? null,
      namespace: temporal?.namespace ?? configDefaults.temporal.namespace,
      cli: cli === null ? null : resolve(directory, cli),
    },
    database: databaseUrl === null ? null : { url: databaseUrl },
    redis: redisUrl === null ? null : { url: redisUrl },
    api: { listen, isListenGiven: api?.listen !== undefined, token: api?.token ?? null },
    applied: {
      environment,
      services: (shape.services ?? []).map((service) => buildService(service, heartbeat ?? {}, directory)),
      channels: buildChannels(shape.channels ?? null),
      heartbeat: {
        reference: heartbeat?.reference ?? null,
        keepReports: heartbeat?.keepReports ?? configDefaults.heartbeat.keepReports,
        shardSize: heartbeat?.shardSize ?? configDefaults.heartbeat.shardSize,
      },
    },
  });
};

const defaultEnvironment = (directory: string): string => {
  const name = safeName(basename(directory));
  return isSafeName(name) ? name : 'opsloop';
};

const deepFreeze = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
};

/** Milliseconds of a text that the shape has found to be a duration. */
const durationMs = (text: string): number => {
  const ms = parseDuration(text);
  if (ms === null) throw new Error(`${text} was not validated`);
  return Math.round(ms);
};

type HeartbeatShape = NonNullable<ConfigShape['heartbeat']>;

const buildService = (service: ServiceShape, common: HeartbeatShape, directory: string): Service => {
  const everyMs = durationMs(service.every ?? common.every ?? configDefaults.heartbeat.every);
  const timeoutMs = durationMs(service.timeout ?? common.timeout ?? configDefaults.heartbeat.timeout);
  return {
    name: service.name,
    everyMs,
    // A common time limit gives way to a short interval: two checks of a service never overlap.
    timeoutMs: Math.min(timeoutMs, everyMs),
    openAfter: buildOpenAfter(service.openAfter ?? common.openAfter ?? configDefaults.heartbeat.openAfter),
    closeAfter: service.closeAfter ?? common.closeAfter ?? configDefaults.heartbeat.closeAfter,
    flapping: buildFlapping(service.flapping ?? {}, common.flapping ?? {}),
    severity: service.severity ?? configDefaults.service.severity,
    tags: [...new Set(service.tags ?? [])],
    dependsOn: [...new Set(service.dependsOn ?? [])],
    supervisor: service.supervisor ? buildSupervisor(service.supervisor, directory) : null,
    checks: service.checks.map(buildCheck),
  };
};

const buildOpenAfter = (given: NonNullable<ServiceShape['openAfter']>): ServicePolicy['openAfter'] =>
  typeof given === 'number' ? { failures: given, of: given } : { failures: given.failures, of: given.of };

type FlappingShape = NonNullable<ServiceShape['flapping']>;

const buildFlapping = (own: FlappingShape, common: FlappingShape): ServicePolicy['flapping'] => {
  const { changes, within, settleAfter } = configDefaults.heartbeat.flapping;
  return {
    changes: own.changes ?? common.changes ?? changes,
    withinMs: durationMs(own.within ?? common.within ?? within),
    settleAfterMs: durationMs(own.settleAfter ?? common.settleAfter ?? settleAfter),
  };
};

const buildSupervisor = (shape: NonNullable<ServiceShape['supervisor']>, directory: string): Supervisor => {
  if ('pm2' in shape) return { kind: 'pm2', app: shape.pm2 };
  if ('docker' in shape) return { kind: 'docker', container: shape.docker };
  if ('systemd' in shape) return { kind: 'systemd', unit: shape.systemd };
  if ('compose' in shape) {
    return { kind: 'compose', file: resolve(directory, shape.compose.file), service: shape.compose.service };
  }
  const { status, restart = null, reload = null, stop = null, start = null } = shape.command;
  return { kind: 'command', status, restart, reload, stop, start };
};

const buildChannels = (shape: ConfigShape['channels']): Channel[] => {
  const given = shape ?? { console: { type: 'console' as const }, file: { type: 'file' as const } };
  return Object.entries(given).map(([name, channel]) =>
    channel.type === 'console'
      ? { name, kind: 'console' }
      : {
          name,
          kind: 'file',
          path: ('path' in channel ? channel.path : undefined) ?? configDefaults.alertsFile,
        },
  );
};

const buildCheck = (shape: CheckShape): Check => {
  if ('http' in shape) return buildHttpCheck(shape);
  if ('tcp' in shape) return { kind: 'tcp', address: shape.tcp, ...conditionsOf('tcp', shape) };
  if ('redis' in shape) return { kind: 'redis', url: shape.redis, ...conditionsOf('redis', shape) };
  if ('postgres' in shape) {
    const query = shape.query ?? configDefaults.postgres.query;
    return { kind: 'postgres', url: shape.postgres, query, ...conditionsOf('postgres', shape) };
  }
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
  return { kind: 'command', command: shape.command, ...conditionsOf('command', shape) };
};

const conditionsOf = (kind: Check['kind'], shape: CheckShape): { conditions: string[] } => ({
  conditions: [...(shape.conditions ?? defaultConditions[kind])],
});

const buildHttpCheck = (shape: Extract<CheckShape, { http: string }>): Check => ({
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

const buildExpiryCheck = (shape: Extract<CheckShape, { expiry: unknown }>): Check => {
  const { expiry } = shape;
  const common = { kind: 'expiry' as const, what: expiry.what, ...conditionsOf('expiry', shape) };
  if ('on' in expiry) return { ...common, source: { kind: 'on', date: expiry.on } };
  if ('command' in expiry) return { ...common, source: { kind: 'command', command: expiry.command } };
  return { ...common, source: { kind: 'http', url: expiry.http } };
};
