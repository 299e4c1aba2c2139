/** Builds the activities of all loops with everything they need. */
import { join } from 'node:path';
import type { Pool } from 'pg';
import { createAlertRouterActivities } from '../activities/alert-router.js';
import { createDeployedServices } from '../activities/deployed-services.js';
import { createExternalActivities } from '../activities/external.js';
import { createHeartbeatActivities } from '../activities/heartbeat.js';
import { createIncidentActivities } from '../activities/incident.js';
import { createRemedyActivities } from '../activities/remedy.js';
import type { SendMessage } from '../adapters/channels/channel.js';
import { createDeadMan } from '../adapters/dead-man.js';
import type { DeliveryLedger } from '../adapters/delivery-ledger.js';
import { isDelivered } from '../adapters/postgres/alert-store.js';
import {
  configurationOf,
  latestRevision as readLatestRevision,
} from '../adapters/postgres/configuration-store.js';
import {
  expireAlerts,
  lookAtAlerts,
  markTold,
  pruneAlerts,
  readUntoldGroups,
} from '../adapters/postgres/external-store.js';
import { pruneHeartbeat, readKnownServices, readTracks } from '../adapters/postgres/heartbeat-store.js';
import { writeIncidentReport } from '../adapters/incident-report-files.js';
import { readJobsNow } from '../adapters/postgres/cron-read-model.js';
import { readIncidentFacts } from '../adapters/postgres/incident-facts-read-model.js';
import { writeReportDocument, writeReportEdit } from '../adapters/postgres/incident-report-store.js';
import { readLastEpisode } from '../adapters/postgres/incident-store.js';
import type { Journal } from '../adapters/postgres/journal.js';
import { readLoopCounts } from '../adapters/postgres/loop-store.js';
import { readOpenDeployments } from '../adapters/postgres/deployment-store.js';
import { readPushChecks } from '../adapters/postgres/push-store.js';
import { readActiveSilences } from '../adapters/postgres/silence-store.js';
import { readRepairFacts, readStepResult, writeIntent } from '../adapters/postgres/remediation-store.js';
import { probe } from '../adapters/probe.js';
import { writeReportPair } from '../adapters/report-files.js';
import type { Config } from '../config/config.js';
import { resolveReferences, type SecretScrubber, type SecretSources } from '../config/secrets.js';
import type { Channel } from '../domain/configuration.js';
import { createConfigurationSource } from './configuration-source.js';
import { inTime } from './in-time.js';
import {
  createDeploymentActivitySet,
  createDeploymentHostActivitySet,
  type DeploymentActivitySetOptions,
} from './deployment-activity-set.js';
import { createCronActivitySet } from './cron-activity-set.js';
import { createHeartbeatAsker } from './heartbeat-asker.js';
import type { Log } from './log.js';
import type { LoopClient } from './loop-client.js';
import { createJobObserver } from './job-observer.js';
import { createProbeRunner } from './probe-runner.js';
import { createPushObserver } from './push-observer.js';
import { createRunActivitySet } from './run-activity-set.js';
import type { RunSources } from './run-sources.js';
import { createServiceControl } from './service-control.js';

export interface ActivitySetOptions {
  config: Config;
  /** Name of this machine in task queues. */
  host: string;
  loops: LoopClient;
  pool: Pool;
  /** Of opsloop's own database. */
  databaseUrl: string;
  /** The tables of runs. */
  runSources: RunSources;
  /** For work that may take long. */
  chores: Pool;
  journal: Journal;
  ledger: DeliveryLedger;
  secrets: SecretSources & { scrubber: SecretScrubber };
  log: Log;
  /** Aborted when the worker has stopped. */
  stopped: AbortSignal;
  /** Sends on the configured channels. */
  sendMessage: SendMessage;
  /** Why a channel is skipped; null: it is not. */
  skipReason(channel: Channel): Promise<string | null>;
}

/** How long a tick waits for the database to tell what is known, before it goes on without. */
const knowledgeLimitMs = 1_500;
const referenceTimeoutMs = 2_000;

/** Where the worker keeps its copies of applied configurations. */
export const configurationCopies = (config: Config): string => join(config.stateDir, 'run', 'configuration');

/** `host`: those of the task queue of this host. */
export function createActivitySet(options: ActivitySetOptions) {
  const { config, pool, journal, secrets, log } = options;
  const now = (): number => Date.now();
  const { loops } = options;
  const { sendMessage } = options;
  const observePush = createPushObserver(
    (services) => readPushChecks(pool, config.environment, { services, now: now() }),
    now,
  );
  const deadMan = createDeadMan({
    resolve: (url) => resolveReferences(url, secrets),
    log,
    signal: options.stopped,
  });
  const latestRevision = (environment: string): Promise<number | null> =>
    readLatestRevision(pool, environment);
  const { configurationOf: revisionOf, latestConfiguration: newest } = createConfigurationSource({
    directory: configurationCopies(config),
    readLatest: latestRevision,
    read: (environment, revision) => configurationOf(pool, environment, revision),
  });
  const deployedServices = createDeployedServices({
    readOpenDeployments: (environment) => inTime(readOpenDeployments(pool, environment), knowledgeLimitMs),
    isRunning: loops.isRunning,
    now,
  });
  const observeJobs = createJobObserver({
    readJobs: async () => (await newest(config.environment)).jobs ?? [],
    readJobsNow: (names) => readJobsNow(pool, config.environment, names),
    now,
  });
  const probeCheck = createProbeRunner(secrets, { signal: options.stopped, observePush, observeJobs });
  const asker = createHeartbeatAsker({ loops, latestConfiguration: newest, log });
  const deployments: DeploymentActivitySetOptions = {
    ...options,
    asker,
    probeCheck,
    latestRevision,
    configurationOf: revisionOf,
    latestConfiguration: newest,
  };
  const cron = createCronActivitySet({ ...options, latestRevision, configurationOf: revisionOf });
  options.stopped.addEventListener('abort', asker.close);
  const shared = {
    ...createHeartbeatActivities({
      configurationOf: revisionOf,
      probeCheck,
      readPushChecks: (environment, services) =>
        orNothing(readPushChecks(pool, environment, { services, now: now() }), new Map(), log),
      isReachable: async (address) =>
        (
          await probe(
            { kind: 'tcp', address, conditions: [] },
            { timeoutMs: referenceTimeoutMs, supervisor: null },
          )
        ).connected,
      journal,
      readKnownServices: (environment, names) =>
        orNothing(readKnownServices(pool, environment, names), new Map(), log),
      readTracks: (environment) => readTracks(pool, environment),
      readLoopCounts: (environment, id) => readLoopCounts(pool, environment, id),
      readLastEpisode: (environment, id) => readLastEpisode(pool, environment, id),
      prune: (environment) => pruneHeartbeat(options.chores, environment),
      writeReport: async ({ shard, startedAt, keep, markdown, json }) => {
        const directory = join(config.stateDir, 'reports', 'heartbeat');
        await writeReportPair({
          directory,
          series: `shard-${shard}`,
          at: startedAt,
          markdown,
          json,
          keep,
        }).catch((error: unknown) =>
          log.warn(
            'the heartbeat report could not be written; check that the state directory can be written and has room',
            { directory, error: String(error) },
          ),
        );
      },
      signalIncident: loops.signalIncident,
      deployedServices,
      pingDeadMan: deadMan.ping,
      now,
    }),
    ...createExternalActivities({
      configurationOf: revisionOf,
      look: (environment, timeoutMs) => lookAtAlerts(pool, environment, timeoutMs),
      expire: (environment, timeoutMs) => expireAlerts(pool, environment, timeoutMs),
      readUntold: (environment, limit) => readUntoldGroups(pool, environment, limit),
      markTold: (group, change) => markTold(pool, group, change),
      prune: (environment) => pruneAlerts(pool, environment),
      readLoopCounts: (environment, id) => readLoopCounts(pool, environment, id),
      signalIncident: loops.signalIncident,
      now,
    }),
    ...createIncidentActivities({
      journal,
      signalRouter: loops.signalRouter,
      silence: loops.silenceIncident,
      latestConfiguration: newest,
      readFacts: (environment, which) => readIncidentFacts(pool, environment, which),
      writeEdit: (environment, edit) => writeReportEdit(pool, environment, edit),
      keepReport: async ({ document, markdown }) => {
        await writeReportDocument(pool, document, { document, markdown });
        await writeIncidentReport(join(config.stateDir, 'reports', 'incidents'), { document, markdown });
      },
    }),
    ...createRemedyActivities({
      latestRevision,
      configurationOf: revisionOf,
      readRepairFacts: (environment, service) => readRepairFacts(pool, environment, service),
      deployedServices,
      controlOf: createServiceControl(secrets),
      probeCheck,
      writeIntent: (intent) => writeIntent(pool, intent),
      readStepResult: (remedy, step) => orNothing(readStepResult(pool, remedy, step), null, log),
      journal,
      now,
    }),
    ...createAlertRouterActivities({
      configurationOf: revisionOf,
      latestRevision: async (environment) => (await latestRevision(environment)) ?? 0,
      isDelivered: (message, channel) => orNothing(isDelivered(pool, message, channel), false, log),
      readSilences: (environment) => readActiveSilences(pool, environment),
      skipReason: options.skipReason,
      journal,
      ledger: options.ledger,
      send: sendMessage,
      warn: log.warn,
      now,
    }),
    ...createRunActivitySet({
      config,
      pool,
      loops,
      sources: options.runSources,
      configurationOf: revisionOf,
      latestConfiguration: newest,
      log,
    }),
    ...createDeploymentActivitySet(deployments),
    ...cron.shared,
  };
  return { shared, host: { ...createDeploymentHostActivitySet(deployments), ...cron.host } };
}

/** The answer, or `nothing` when the database does not give one in time: the loops do not wait for it. */
function orNothing<T>(answer: Promise<T>, nothing: T, log: Log): Promise<T> {
  return inTime(answer, knowledgeLimitMs).catch((error: unknown) => {
    log.debug('the database did not answer; going on without', { error: String(error) });
    return nothing;
  });
}
