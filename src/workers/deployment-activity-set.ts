/** Builds the activities of deployments: those that any worker does, and those of this host. */
import { join } from 'node:path';
import type { Pool } from 'pg';
import { createDeploymentHostActivities } from '../activities/deployment-host.js';
import { createDeploymentActivities } from '../activities/deployment.js';
import type { ProbeCheck } from '../activities/shard-probing.js';
import { openDurableCommands } from '../adapters/commands/open-durable-commands.js';
import { publishesPort } from '../adapters/deploy/container-ports.js';
import { dumpDatabase } from '../adapters/deploy/database-backup.js';
import { restoreDatabase } from '../adapters/deploy/database-restore.js';
import { createDeploymentDriver } from '../adapters/deploy/deploy-driver.js';
import { deploymentFiles } from '../adapters/deploy/deployment-files.js';
import { freeSpaceAt } from '../adapters/deploy/free-space.js';
import { isInTree, ownerOfPort, runsFrom } from '../adapters/deploy/port-owner.js';
import { dumpObstacle, restoreObstacle } from '../adapters/deploy/restore-readiness.js';
import { beginDeployment, readOpenCriticalIncidents } from '../adapters/postgres/deployment-store.js';
import { readGuardPushes } from '../adapters/postgres/guard-store.js';
import { readLastEpisode } from '../adapters/postgres/incident-store.js';
import type { Journal } from '../adapters/postgres/journal.js';
import type { Config } from '../config/config.js';
import { resolveDeep, type SecretScrubber, type SecretSources } from '../config/secrets.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import { judgeGuard } from '../domain/guard.js';
import type { HeartbeatAsker } from './heartbeat-asker.js';
import type { LoopClient } from './loop-client.js';
import { createServiceControl } from './service-control.js';

export interface DeploymentActivitySetOptions {
  config: Config;
  /** Name of this machine in task queues. */
  host: string;
  pool: Pool;
  /** Of opsloop's own database, with its password. */
  databaseUrl: string;
  journal: Journal;
  loops: LoopClient;
  asker: HeartbeatAsker;
  secrets: SecretSources & { scrubber: SecretScrubber };
  probeCheck: ProbeCheck;
  latestRevision(environment: string): Promise<number | null>;
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  latestConfiguration(environment: string): Promise<AppliedConfiguration>;
}

const spaceLimitMs = 10_000;
const engineLimitMs = 10_000;
const now = (): number => Date.now();

/** For the task queue of the workflows. */
export const createDeploymentActivitySet = ({
  host,
  pool,
  journal,
  loops,
  asker,
  latestRevision,
  configurationOf,
}: DeploymentActivitySetOptions) =>
  createDeploymentActivities({
    latestRevision,
    configurationOf,
    begin: (record) => beginDeployment(pool, record),
    journal,
    readLastEpisode: (environment, id) => readLastEpisode(pool, environment, id),
    signalIncident: loops.signalIncident,
    signalRouter: loops.signalRouter,
    askHeartbeat: asker.ask,
    host,
    now,
  });

/** For the task queue of this host. */
export function createDeploymentHostActivitySet(options: DeploymentActivitySetOptions) {
  const { config, pool, secrets, probeCheck } = options;
  const { scrub } = secrets.scrubber;
  const resolve = <T>(value: T): Promise<T> => resolveDeep(value, secrets);
  return createDeploymentHostActivities({
    configurationOf: options.configurationOf,
    latestConfiguration: options.latestConfiguration,
    driverOf: async (way) => createDeploymentDriver(await resolve(way)),
    commands: openDurableCommands({ directory: join(config.stateDir, 'run', 'commands') }),
    resolve,
    scrub,
    files: deploymentFiles(config.stateDir),
    readCriticalIncidents: (environment, services) =>
      readOpenCriticalIncidents(pool, environment, [...services]),
    readGuard: async (environment) => {
      const { level, reason, isGuarded } = judgeGuard(await readGuardPushes(pool, environment), now());
      if (!isGuarded) return { text: 'nothing guards this machine', isRefused: false };
      const isRefused = level === 'CRITICAL' || level === 'EMERGENCY';
      const help = isRefused ? '; nothing is deployed until it is INFO or WARN' : '';
      return { text: `resource guard: ${level}, ${reason}${help}`, isRefused };
    },
    ownerOfPort: (port) => ownerOfPort(port),
    isInTree,
    runsFrom,
    publishesPort: (containers, port) => publishesPort(containers, port, { timeoutMs: engineLimitMs }),
    freeSpace: (path) => freeSpaceAt(path, { timeoutMs: spaceLimitMs }),
    dumpDatabase,
    restoreDatabase: (work) => restoreDatabase({ ...work, ownUrl: options.databaseUrl }),
    databaseObstacle: async ({ isRestored, ...asked }) =>
      (await dumpObstacle(asked)) ??
      (isRestored ? restoreObstacle({ ...asked, ownUrl: options.databaseUrl }) : null),
    observe: (check, timeoutMs) => probeCheck({ ...nobody, timeoutMs, checks: [check] }, check),
    controlOf: createServiceControl(secrets),
    probeCheck,
    askHeartbeat: options.asker.askSoon,
    stateDir: config.stateDir,
    now,
  });
}

/** A metric belongs to no service; only its time limit counts. */
const nobody = {
  name: 'metric',
  everyMs: 0,
  severity: 'low',
  tags: [],
  dependsOn: [],
  openAfter: { failures: 1, of: 1 },
  closeAfter: 1,
  flapping: { changes: 1, withinMs: 1, settleAfterMs: 1 },
  supervisor: null,
  remedy: null,
  runbook: null,
} as const satisfies Partial<Parameters<ProbeCheck>[0]>;
