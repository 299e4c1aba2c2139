/** Builds the activities of runs: looking at their tables, and taking what is over to its archive. */
import { resolve } from 'node:path';
import type { Pool } from 'pg';
import { createRunActivities } from '../activities/run.js';
import { createRunWatchActivities, type WatchedSource } from '../activities/run-watch.js';
import { createArchiver } from '../adapters/archive/archiver.js';
import { readLastEpisode } from '../adapters/postgres/incident-store.js';
import { readLoopCounts } from '../adapters/postgres/loop-store.js';
import {
  databaseNow,
  readRunRecords,
  writeRunOutcome,
  writeSightings,
  type RunRecord,
} from '../adapters/postgres/run-record-store.js';
import { writeRunSummary } from '../adapters/run-summary-files.js';
import type { Config } from '../config/config.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import { completedFacts } from '../domain/run-judgement.js';
import { removeArchivedDirectory } from './run-directory.js';
import type { Log } from './log.js';
import type { LoopClient } from './loop-client.js';
import type { RunSources } from './run-sources.js';

export interface RunActivitySetOptions {
  config: Config;
  pool: Pool;
  loops: LoopClient;
  sources: RunSources;
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  latestConfiguration(environment: string): Promise<AppliedConfiguration>;
  log: Log;
}

export function createRunActivitySet(options: RunActivitySetOptions) {
  const { config, pool, loops, sources, log } = options;
  const now = (): number => Date.now();
  const sourceOf = async (environment: string, record: RunRecord): Promise<WatchedSource> => {
    const { runs } = await options.latestConfiguration(environment);
    return sources.sourceNamed(environment, runs, record.source);
  };
  const shared = {
    readLastEpisode: (environment: string, id: string) => readLastEpisode(pool, environment, id),
    signalIncident: loops.signalIncident,
    signalRouter: loops.signalRouter,
    now,
  };
  return {
    ...createRunWatchActivities({
      ...shared,
      configurationOf: options.configurationOf,
      sourcesOf: sources.sourcesOf,
      readRecords: (environment, ids) => readRunRecords(pool, environment, ids),
      writeSightings: (environment, sightings) => writeSightings(pool, environment, sightings),
      databaseNow: () => databaseNow(pool),
      readLoopCounts: (environment, id) => readLoopCounts(pool, environment, id),
      completeRun: loops.completeRun,
      warn: log.warn,
    }),
    ...createRunActivities({
      ...shared,
      latestConfiguration: options.latestConfiguration,
      readRecord: async (environment, run) =>
        (await readRunRecords(pool, environment, [run])).get(run) ?? null,
      readClaim: async (environment, record) => (await sourceOf(environment, record)).claims.read(record.id),
      claimRun: async (environment, record) => {
        const { claims } = await sourceOf(environment, record);
        if (record.state === 'running' || record.state === 'stalled') return null;
        const facts = { ...record, state: record.state, updatedAt: record.progressAt };
        const claimed = await claims.claim(new Map([[record.id, completedFacts(facts, record.state)]]));
        const claim = claimed.get(record.id) ?? null;
        if (claim?.isMine !== true) return claim;
        const detectedAt = record.detectedAt ?? (await databaseNow(pool));
        const sighting = {
          ...record,
          completion: claim.completion,
          detectedAt,
          archiveState: 'pending' as const,
        };
        await writeSightings(pool, environment, [sighting]);
        return claim;
      },
      finishClaim: async (environment, record, { completion, archive }) =>
        (await sourceOf(environment, record)).claims.finish(record.id, completion, archive),
      readFacts: async (environment, record) =>
        (await (await sourceOf(environment, record)).reader.readRuns([record.id])).at(0) ?? null,
      writeOutcome: (environment, outcome) => writeRunOutcome(pool, environment, outcome),
      makeArchive: createArchiver(new URL('../adapters/archive/archive-thread.js', import.meta.url)),
      removeDirectory: removeArchivedDirectory,
      folderOf: (path) => resolve(config.stateDir, path),
      writeSummary: writeRunSummary,
    }),
  };
}
