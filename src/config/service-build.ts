/** Services as opsloop watches them, built from their valid shape. */
import { resolve } from 'node:path';
import { parseByteSize } from '../domain/byte-size.js';
import type { RemedyPolicy, Service, ServicePolicy, Supervisor } from '../domain/service.js';
import { buildCheck } from './check-build.js';
import { configDefaults } from './defaults.js';
import { durationMs } from './duration-text.js';
import { parsePercent } from './service-shape.js';
import type { ServiceShape } from './service-shape.js';
import type { ConfigShape } from './shape.js';

type HeartbeatShape = NonNullable<ConfigShape['heartbeat']>;

/** What the service leaves out is what `common` (the section `heartbeat`) says. */
export const buildService = (service: ServiceShape, common: HeartbeatShape, directory: string): Service => {
  const everyMs = durationMs(service.every ?? common.every ?? configDefaults.heartbeat.every);
  const timeoutMs = durationMs(service.timeout ?? common.timeout ?? configDefaults.heartbeat.timeout);
  const thresholds = thresholdsOf(service, common);
  return {
    name: service.name,
    everyMs,
    // A common time limit gives way to a short interval: two checks of a service never overlap.
    timeoutMs: Math.min(timeoutMs, everyMs),
    openAfter: buildOpenAfter(service.openAfter ?? thresholds.openAfter),
    closeAfter: service.closeAfter ?? thresholds.closeAfter,
    flapping: buildFlapping(service.flapping ?? {}, common.flapping ?? {}),
    severity: service.severity ?? configDefaults.service.severity,
    tags: [...new Set(service.tags ?? [])],
    dependsOn: [...new Set(service.dependsOn ?? [])],
    supervisor: service.supervisor ? buildSupervisor(service.supervisor, directory) : null,
    remedy: service.remedy ? buildRemedy(service.remedy) : configDefaults.service.remedy,
    runbook: service.runbook ?? configDefaults.service.runbook,
    checks: service.checks.map(buildCheck),
  };
};

/** A job that only reports by itself has one result per silence: there is nothing to wait for. */
const thresholdsOf = (service: ServiceShape, common: HeartbeatShape) => {
  if (service.checks.every((check) => 'push' in check)) return configDefaults.push;
  const { openAfter, closeAfter } = configDefaults.heartbeat;
  return { openAfter: common.openAfter ?? openAfter, closeAfter: common.closeAfter ?? closeAfter };
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

const buildRemedy = (shape: NonNullable<ServiceShape['remedy']>): RemedyPolicy => {
  const { attempts, coolDown, reloadAboveMemory } = configDefaults.remedy;
  const memory = shape.reloadAboveMemory === undefined ? reloadAboveMemory : shape.reloadAboveMemory;
  return {
    attempts: shape.attempts ?? attempts,
    coolDownMs: durationMs(shape.coolDown ?? coolDown),
    reloadAboveMemory: memory === null ? null : buildMemoryLimit(memory),
  };
};

const buildMemoryLimit = (text: string): NonNullable<RemedyPolicy['reloadAboveMemory']> => {
  const percent = parsePercent(text);
  if (percent !== null) return { percent };
  const bytes = parseByteSize(text);
  if (bytes === null) throw new Error(`${text} was not validated`);
  return { bytes };
};
