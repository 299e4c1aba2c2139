/** The worker process: connects, builds the activities, runs the loops, and stops in reverse order. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, type LogLevel } from '@temporalio/worker';
import { hostOf } from '../activities/deployment.js';
import { openDeliveryLedger } from '../adapters/delivery-ledger.js';
import { openJournal, type JournalEntry } from '../adapters/postgres/journal.js';
import { requireCurrentSchema } from '../adapters/postgres/migrations.js';
import { asDatabaseError, createPool } from '../adapters/postgres/pool.js';
import { openSpool } from '../adapters/spool.js';
import type { Config } from '../config/config.js';
import { createSecretScrubber, resolveReferences } from '../config/secrets.js';
import { OpsError } from '../domain/errors.js';
import { archiveTaskQueue, hostTaskQueue, taskQueue } from '../domain/ids.js';
import { createActivitySet } from './activity-set.js';
import { createWorkerChannelSender, skippedChannels, skipReason } from './channel-sender.js';
import { isolateLimit } from './isolate-limit.js';
import { openLog, type Log } from './log.js';
import { createLoopClient } from './loop-client.js';
import { startOwnWatchdog } from './own-watchdog.js';
import { createRunSources } from './run-sources.js';
import { temporalSettings } from './temporal-settings.js';

/** Two cores deflate for one archive; a second one fills the gaps, more would only share the disk. */
const archivesAtOnce = 2;
/** A deployment that is watched holds one place, and costs next to nothing meanwhile; more wait for a place. */
const deploymentsAtOnce = 500;

const dataConverter = {
  payloadConverterPath: fileURLToPath(new URL('../workflows/payload-converter.js', import.meta.url)),
};

export interface WorkerOptions {
  config: Config;
  env: Readonly<Record<string, string | undefined>>;
}

/** Time that activities get to end after SIGTERM. */
const graceTime = '3s';
/** Workflows kept in memory; each takes some 100 KB. More are replayed from their short histories. */
const cachedWorkflows = 500;
/** A database that takes longer than this for the facts of a tick is treated as away: they wait in the spool. */
const writeLimitMs = 3_000;
/** Removing old samples may take longer; nothing waits for it. */
const choreLimitMs = 55_000;
/** Samples that wait for the database at most: ticks, so at 4 shards and 10 s about 14 hours. */
const spooledEntries = 20_000;

/**
 * Runs until SIGTERM, SIGINT, or the end of the parent process; resolves with the exit code.
 * Throws OpsError `unavailable` when Temporal or the database cannot be reached at the start.
 */
export async function runWorker({ config, env }: WorkerOptions): Promise<number> {
  const scrubber = createSecretScrubber();
  const secrets = {
    env,
    directory: config.directory,
    readFile: (path: string) => readFile(path, 'utf8'),
    scrubber,
  };
  const log = openLog({
    directory: join(config.stateDir, 'logs'),
    scrub: scrubber.scrub,
    level: env['OPSLOOP_LOG_LEVEL'] ?? 'info',
  });
  installRuntime(log, env['OPSLOOP_WORKER_METRICS']);
  const url = await resolveReferences(config.database?.url ?? env['DATABASE_URL'] ?? '', secrets);
  const pool = createPool({ url, max: 8, applicationName: 'opsloop worker', queryTimeoutMs: writeLimitMs });
  const chores = createPool({ url, max: 1, applicationName: 'opsloop chores', queryTimeoutMs: choreLimitMs });
  const closing: (() => Promise<unknown>)[] = [() => pool.end(), () => chores.end()];
  const stopped = new AbortController();
  try {
    await requireCurrentSchema(pool).catch((error: unknown) => {
      throw asDatabaseError(error, url);
    });
    const temporal = await temporalSettings(config, env, secrets);
    const connection = await connect(() => Connection.connect(temporal.options), temporal.address);
    closing.push(() => connection.close());
    const native = await connect(() => NativeConnection.connect(temporal.nativeOptions), temporal.address);
    closing.push(() => native.close());
    for (const { reason } of await skippedChannels(config.applied.channels, secrets)) {
      log.warn(reason);
      process.stdout.write(`! ${reason}\n`);
    }
    const spool = await openSpool<JournalEntry>({
      directory: join(config.stateDir, 'spool'),
      maxEntries: spooledEntries,
    });
    const journal = openJournal({ pool, spool, log });
    const ledger = await openDeliveryLedger(join(config.stateDir, 'logs', 'deliveries.jsonl'));
    closing.push(() => journal.close());
    const sendMessage = createWorkerChannelSender({
      stateDir: config.stateDir,
      secrets,
      namespace: temporal.namespace,
      webUi: env['OPSLOOP_WEB_UI'] ?? null,
      dashboard: env['OPSLOOP_API'] || null,
    });
    const loops = createLoopClient({ connection, namespace: temporal.namespace });
    const runSources = createRunSources({
      pool,
      databaseUrl: url,
      connection,
      namespace: temporal.namespace,
      secrets,
      wake: loops.wakeRunWatch,
      log,
    });
    closing.push(() => runSources.close());
    const host = hostOf(env);
    const { shared: activities, host: hostActivities } = createActivitySet({
      config,
      host,
      databaseUrl: url,
      loops,
      runSources,
      pool,
      chores,
      journal,
      ledger,
      secrets,
      log,
      stopped: stopped.signal,
      sendMessage,
      skipReason: (channel) => skipReason(channel, secrets),
    });
    const archiver = await Worker.create({
      connection: native,
      namespace: temporal.namespace,
      taskQueue: archiveTaskQueue(taskQueue),
      activities: { archiveRun: activities.archiveRun, removeRunDirectory: activities.removeRunDirectory },
      dataConverter,
      shutdownGraceTime: graceTime,
      maxConcurrentActivityTaskExecutions: archivesAtOnce,
    });
    const hostWorker = await Worker.create({
      connection: native,
      namespace: temporal.namespace,
      taskQueue: hostTaskQueue(taskQueue, host),
      activities: hostActivities,
      dataConverter,
      shutdownGraceTime: graceTime,
      maxConcurrentActivityTaskExecutions: deploymentsAtOnce,
      // Whoever aborts a deployment does not want to wait for the next heartbeat.
      maxHeartbeatThrottleInterval: '1s',
    });
    const worker = await Worker.create({
      connection: native,
      namespace: temporal.namespace,
      taskQueue,
      workflowBundle: { codePath: fileURLToPath(new URL('../workflow-bundle.js', import.meta.url)) },
      activities,
      dataConverter,
      shutdownGraceTime: graceTime,
      maxCachedWorkflows: cachedWorkflows,
      // A killed worker's workflows are free for others after this long.
      stickyQueueScheduleToStartTimeout: '3s',
      ...isolateLimit,
    });
    const watchdog = startOwnWatchdog({
      config,
      temporal,
      databaseUrl: url,
      journal,
      send: sendMessage,
      scrub: scrubber.scrub,
      log,
    });
    closing.push(() => watchdog.stop());
    log.info('worker is running', { taskQueue, namespace: temporal.namespace, address: temporal.address });
    await runUntilStopped([worker, archiver, hostWorker], log);
    return 0;
  } finally {
    stopped.abort();
    for (const close of closing.reverse())
      await close().catch((error: unknown) => log.warn('closing failed', { error: String(error) }));
    log.flush();
  }
}

function installRuntime(log: Log, metricsAddress: string | undefined): void {
  const logger = new DefaultLogger('INFO', ({ level, message, meta }) =>
    log[methodOf(level)](message, meta ?? {}),
  );
  Runtime.install({
    logger,
    // Signals are ours: the order of stopping is decided here.
    shutdownSignals: [],
    ...(metricsAddress === undefined
      ? {}
      : {
          telemetryOptions: {
            metrics: { prometheus: { bindAddress: metricsAddress, countersTotalSuffix: true } },
          },
        }),
  });
}

const methodOf = (level: LogLevel): 'debug' | 'info' | 'warn' | 'error' => {
  switch (level) {
    case 'TRACE':
    case 'DEBUG':
      return 'debug';
    case 'INFO':
      return 'info';
    case 'WARN':
      return 'warn';
    case 'ERROR':
      return 'error';
  }
};

async function connect<T>(open: () => Promise<T>, address: string): Promise<T> {
  try {
    return await open();
  } catch (error) {
    throw new OpsError(
      'unavailable',
      `Temporal at ${address} cannot be reached. Is it running? Otherwise check TEMPORAL_ADDRESS or temporal.address in opsloop.yaml.`,
      { cause: error },
    );
  }
}

async function runUntilStopped(workers: readonly Worker[], log: Log): Promise<void> {
  const shutdown = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const stop = (why: string) => (): void => {
    log.info(`stopping: ${why}`);
    shutdown();
  };
  const handlers = [
    ['SIGTERM', stop('SIGTERM')],
    ['SIGINT', stop('SIGINT')],
    // The parent that started us is gone: nobody would stop us later.
    ['disconnect', stop('the parent process ended')],
  ] as const;
  for (const [event, handler] of handlers) process.on(event, handler);
  try {
    // When one ends by itself, or fails, the others have to end, too: the process is started again as a whole.
    await Promise.all(workers.map((worker) => worker.run().finally(shutdown)));
  } finally {
    for (const [event, handler] of handlers) process.off(event, handler);
  }
}
