/** The configuration as opsloop uses it: complete, frozen, built from the valid shape of opsloop.yaml. */
import { basename, dirname, resolve } from 'node:path';
import type { AppliedConfiguration } from '../domain/configuration.js';
import type { Secretive } from '../domain/service.js';
import { parseAddress } from './address.js';
import type { Address } from './address.js';
import { buildAlerts, buildWindow } from './alerts-build.js';
import { buildChannels } from './channels-build.js';
import { configDefaults } from './defaults.js';
import { buildDeployment } from './deployments-build.js';
import { buildJob } from './jobs-build.js';
import { isSafeName, safeName } from './leaves.js';
import { buildRuns } from './runs-build.js';
import { buildService } from './service-build.js';
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
    /** Part of the URLs that jobs ping; null: only pings by the UUID of a service are taken. */
    pingKey: Secretive | null;
  };
  applied: AppliedConfiguration;
}

/** `file` is absolute; the shape has no problems left. */
export const buildConfig = (shape: ConfigShape, file: string): Config => {
  const directory = dirname(file);
  const environment = shape.environment ?? defaultEnvironment(directory);
  const { temporal, database, redis, api } = shape;
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
    api: {
      listen,
      isListenGiven: api?.listen !== undefined,
      token: api?.token ?? configDefaults.api.token,
      pingKey: api?.pingKey ?? configDefaults.api.pingKey,
    },
    applied: buildApplied(shape, environment, directory),
  });
};

const buildApplied = (shape: ConfigShape, environment: string, directory: string): AppliedConfiguration => {
  const { heartbeat } = shape;
  const channels = buildChannels(shape.channels ?? null);
  const channelNames = channels.map(({ name }) => name);
  return {
    environment,
    services: (shape.services ?? []).map((service) => buildService(service, heartbeat ?? {}, directory)),
    channels,
    alerts: buildAlerts(shape.alerts ?? {}, channelNames),
    maintenanceWindows: (shape.maintenanceWindows ?? []).map(buildWindow),
    runs: buildRuns(shape.runs ?? {}, directory),
    deployments: (shape.deployments ?? []).map((deployment) =>
      buildDeployment(deployment, { directory, databaseUrl: shape.database?.url ?? null }),
    ),
    jobs: (shape.jobs ?? []).map((job) => buildJob(job, directory)),
    heartbeat: {
      deadMan: heartbeat?.deadMan ?? configDefaults.heartbeat.deadMan,
      reference: heartbeat?.reference ?? configDefaults.heartbeat.reference,
      keepReports: heartbeat?.keepReports ?? configDefaults.heartbeat.keepReports,
      shardSize: heartbeat?.shardSize ?? configDefaults.heartbeat.shardSize,
    },
  };
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
