/** Builds the activities of all loops with everything they need. */
import { isAbsolute, join } from 'node:path';
import type { Connection } from '@temporalio/client';
import type { Pool } from 'pg';
import { createAlertRouterActivities, type SendAlert } from '../activities/alert-router.js';
import { createHeartbeatActivities } from '../activities/heartbeat.js';
import { createIncidentActivities } from '../activities/incident.js';
import { appendAlertLine, consoleLine } from '../adapters/alert-line.js';
import { isDelivered } from '../adapters/postgres/alert-store.js';
import { configurationOf, latestConfiguration } from '../adapters/postgres/configuration-store.js';
import { pruneHeartbeat, readKnownServices, readTracks } from '../adapters/postgres/heartbeat-store.js';
import { readLastEpisode } from '../adapters/postgres/incident-store.js';
import type { Journal } from '../adapters/postgres/journal.js';
import { readLoopCounts } from '../adapters/postgres/loop-store.js';
import { probe } from '../adapters/probe.js';
import { writeReportPair } from '../adapters/report-files.js';
import type { Config } from '../config/config.js';
import type { SecretScrubber, SecretSources } from '../config/secrets.js';
import type { Alert } from '../domain/alert.js';
import type { Channel } from '../domain/configuration.js';
import { createConfigurationSource } from './configuration-source.js';
import type { Log } from './log.js';
import { createLoopClient } from './loop-client.js';
import { createProbeRunner } from './probe-runner.js';

export interface ActivitySetOptions {
  config: Config;
  connection: Connection;
  namespace: string;
  pool: Pool;
  /** For work that may take long. */
  chores: Pool;
  journal: Journal;
  secrets: SecretSources & { scrubber: SecretScrubber };
  log: Log;
  /** Aborted when the worker has stopped. */
  stopped: AbortSignal;
  /** Base URL of the Temporal Web UI; null when unknown. */
  webUi: string | null;
}

/** How long a tick waits for the database to tell what is known, before it goes on without. */
const knowledgeLimitMs = 1_500;
const referenceTimeoutMs = 2_000;

export function createActivitySet(options: ActivitySetOptions) {
  const { config, connection, namespace, pool, journal, secrets, log } = options;
  const now = (): number => Date.now();
  const loops = createLoopClient({ connection, namespace });
  const { configurationOf: revisionOf } = createConfigurationSource({
    directory: join(config.stateDir, 'run', 'configuration'),
    read: (environment, revision) => configurationOf(pool, environment, revision),
  });
  return {
    ...createHeartbeatActivities({
      configurationOf: revisionOf,
      probeCheck: createProbeRunner(secrets, { signal: options.stopped }),
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
      now,
    }),
    ...createIncidentActivities({ journal, signalRouter: loops.signalRouter }),
    ...createAlertRouterActivities({
      configurationOf: revisionOf,
      latestRevision: async (environment) => (await latestConfiguration(pool, environment))?.revision ?? 0,
      isDelivered: (alert, channel) => orNothing(isDelivered(pool, alert, channel), false, log),
      journal,
      send: createSender(options),
      now,
    }),
  };
}

/** The answer, or `nothing` when the database does not give one in time: the loops do not wait for it. */
async function orNothing<T>(answer: Promise<T>, nothing: T, log: Log): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(nothing), knowledgeLimitMs);
  });
  const safe = answer.catch((error: unknown) => {
    log.debug('the database did not answer; going on without', { error: String(error) });
    return nothing;
  });
  try {
    return await Promise.race([safe, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function createSender({ config, webUi, namespace }: ActivitySetOptions): SendAlert {
  const linksOf = (alert: Alert): Record<string, string> =>
    webUi === null
      ? {}
      : { workflow: `${webUi}/namespaces/${namespace}/workflows/${encodeURIComponent(alert.incident)}` };
  return async (channel: Channel, alert: Alert): Promise<void> => {
    switch (channel.kind) {
      case 'console':
        return writeToConsole(`${consoleLine(alert)}\n`);
      case 'file':
        return appendAlertLine(
          isAbsolute(channel.path) ? channel.path : join(config.stateDir, channel.path),
          alert,
          { channel: channel.name, links: linksOf(alert) },
        );
    }
  };
}

const writeToConsole = (line: string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(line, (error) =>
      error === null || error === undefined ? resolve() : reject(error),
    );
  });
