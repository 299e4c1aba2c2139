/** Builds the activities of jobs: slots, their work on this host, and the watch over all of them. */
import { join } from 'node:path';
import type { Pool } from 'pg';
import { createCronExecutionActivities } from '../activities/cron-execution.js';
import { createCronHostActivities } from '../activities/cron-host.js';
import { createEndTroubles, createTellSlot, type CronNewsDependencies } from '../activities/cron-news.js';
import { endOrphans } from '../activities/cron-orphans.js';
import { createCronWatchActivities } from '../activities/cron-watch.js';
import { sweepPings } from '../activities/job-pings.js';
import { openDurableCommands } from '../adapters/commands/open-durable-commands.js';
import { pruneJobLogs } from '../adapters/jobs/job-logs.js';
import * as executions from '../adapters/postgres/cron-execution-store.js';
import { registerJobs } from '../adapters/postgres/job-watch-store.js';
import { readLastSuccess, readRunDurations, readSlots } from '../adapters/postgres/cron-read-model.js';
import {
  readTroubledJobs,
  readTroubles,
  takeReport,
  writeTrouble,
} from '../adapters/postgres/cron-trouble-store.js';
import * as upkeep from '../adapters/postgres/cron-upkeep-store.js';
import * as watch from '../adapters/postgres/cron-watch-store.js';
import { readGuardPushes } from '../adapters/postgres/guard-store.js';
import { readPauses } from '../adapters/postgres/job-pause-store.js';
import { readLastEpisode } from '../adapters/postgres/incident-store.js';
import { readIsEndsOnly, readJobPings } from '../adapters/postgres/job-ping-store.js';
import { readLoopCounts } from '../adapters/postgres/loop-store.js';
import type { Config } from '../config/config.js';
import type { SecretScrubber, SecretSources } from '../config/secrets.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import { parseSchedule, type CronSchedule } from '../domain/cron-expression.js';
import { nextSlots, slotsBetween } from '../domain/cron-slots.js';
import { OpsError } from '../domain/errors.js';
import { judgeGuard } from '../domain/guard.js';
import { rollingRuns, rollingRuntime, type RollingRuntime } from '../domain/job-runtime.js';
import type { JobSettings } from '../domain/job.js';
import { watchClock } from './clock-watch.js';
import { createCronReviewer } from './cron-reviewer.js';
import { createJobRunner } from './job-runner.js';
import type { Log } from './log.js';
import type { LoopClient } from './loop-client.js';

export interface CronActivitySetOptions {
  config: Config;
  host: string;
  loops: LoopClient;
  pool: Pool;
  /** For work that may take long. */
  chores: Pool;
  secrets: SecretSources & { scrubber: SecretScrubber };
  latestRevision(environment: string): Promise<number | null>;
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  log: Log;
  /** Aborted when the worker has stopped. */
  stopped: AbortSignal;
}

/** How long a job's history of runtimes is used before it is read again, ms. */
const runtimeKeptMs = 60_000;
/** Pauses and steps of clocks are kept so long, ms. */
const historyKeptMs = 400 * 86_400_000;

/** `host`: those of the task queue of this host. */
export function createCronActivitySet(options: CronActivitySetOptions) {
  const { config, pool, chores, loops, host, log } = options;
  const now = (): number => Date.now();
  const { environment: own } = config;
  const clock = watchClock((step) => {
    log.warn('the clock was set forward; of the slots in between each job runs the last', { ...step });
    watch
      .writeClockStep(pool, own, { ...step, host })
      .catch((error: unknown) =>
        log.warn('the step of the clock could not be recorded', { error: String(error) }),
      );
  });
  const alive = setInterval(() => {
    // Without a database nothing is decided either.
    watch.readUpSince(pool, own, { now: Date.now(), isLook: true }).catch(() => undefined);
  }, watch.aliveEveryMs);
  alive.unref();
  options.stopped.addEventListener('abort', () => {
    clock.stop();
    clearInterval(alive);
  });
  const readClockSteps = async (environment: string, since: number) => {
    const seen = clock.look().filter(({ toAt }) => toAt >= since);
    return [...(await watch.readClockSteps(pool, environment, since)), ...seen];
  };
  const readRuntime = keptFor(runtimeKeptMs, async (environment: string, job: string) =>
    rollingRuntime(await readRunDurations(pool, environment, { job, limit: rollingRuns })),
  );
  const news: CronNewsDependencies = {
    readTroubles: (environment, job) => readTroubles(pool, environment, job),
    takeReport: (environment, job) => takeReport(pool, environment, job),
    writeTrouble: (environment, change) => writeTrouble(pool, environment, change),
    readLastEpisode: (environment, id) => readLastEpisode(pool, environment, id),
    readLastSuccess: (environment, job) => readLastSuccess(pool, environment, job),
    signalIncident: loops.signalIncident,
    signalRouter: loops.signalRouter,
    now,
  };
  const tell = createTellSlot(news);
  const latest = async (environment: string) => {
    const revision = await options.latestRevision(environment);
    if (revision === null)
      throw new OpsError('unavailable', `nothing was applied to ${environment} yet. Run: opsloop apply`);
    return { revision, configuration: await options.configurationOf(environment, revision) };
  };
  const records = {
    finish: (environment: string, end: Parameters<typeof executions.finishExecution>[2]) =>
      executions.finishExecution(pool, environment, end),
    readExecution: (environment: string, key: Parameters<typeof executions.readExecution>[2]) =>
      executions.readExecution(pool, environment, key),
    settle: (environment: string, execution: Parameters<typeof executions.settleSlot>[2]) =>
      executions.settleSlot(pool, environment, execution),
  };
  const times = {
    slotsBetween: (job: JobSettings, range: { after: number; until: number; limit: number }) =>
      slotsBetween(scheduleOf(job), job.timeZone, range),
    nextSlot: (job: JobSettings, after: number) =>
      nextSlots(scheduleOf(job), job.timeZone, after, 1)[0] ?? null,
  };
  const runner = createJobRunner({
    commands: openDurableCommands({ directory: join(config.stateDir, 'run', 'commands') }),
    secrets: options.secrets,
    stateDir: config.stateDir,
  });
  const pings = {
    readPings: (environment: string, which: { job: string; since: number }) =>
      readJobPings(pool, environment, which),
    readIsEndsOnly: (environment: string, job: string) => readIsEndsOnly(pool, environment, job),
    readSlots: (environment: string, which: { job: string; from: number; to: number }) =>
      readSlots(pool, environment, which),
    writeExecutions: (environment: string, rows: Parameters<typeof executions.writePingedExecutions>[2]) =>
      executions.writePingedExecutions(pool, environment, rows),
    settle: records.settle,
    readRuntime,
    slotsBetween: times.slotsBetween,
  };
  const reviewer = createCronReviewer({ pool, chores, stateDir: config.stateDir, log });
  return {
    shared: {
      ...createCronExecutionActivities({
        ...records,
        latest,
        configurationOf: options.configurationOf,
        readSlotKnowledge: async (environment, { job, scheduledAt, now: at }) => {
          const [upSince, pauses, clockSteps] = await Promise.all([
            watch.readUpSince(pool, environment, { now: at, isLook: false }),
            readPauses(pool, environment, { jobs: [job], since: scheduledAt }),
            readClockSteps(environment, scheduledAt),
          ]);
          return { upSince, pauses: pauses.get(job) ?? [], clockSteps };
        },
        readGuard: async (environment) => judgeGuard(await readGuardPushes(pool, environment), now()),
        nextSlot: times.nextSlot,
        readRuntime,
        claim: (environment, request) => executions.claimExecution(pool, environment, request),
        defer: (environment, request) => executions.deferExecution(pool, environment, request),
        noteCancel: (environment, key, reason) => upkeep.noteCancel(pool, environment, key, reason),
        readWaiting: (environment, job) => executions.readWaiting(pool, environment, job),
        goOn: loops.goOn,
        endRun: loops.endRun,
        tell,
        host,
        now,
      }),
      ...createCronWatchActivities({
        configurationOf: options.configurationOf,
        touch: (environment, at) => watch.readUpSince(pool, environment, { now: at, isLook: true }),
        readJobStates: (environment) => watch.readJobStates(pool, environment),
        registerJobs: (environment, jobs, at) =>
          registerJobs(pool, environment, { jobs, begun: [], now: at }),
        readRecordedSlots: (environment, which) => watch.readRecordedSlots(pool, environment, which),
        readPauses: (environment, which) => readPauses(pool, environment, which),
        readClockSteps,
        ...times,
        describeSchedule: loops.describeSchedule,
        isRunning: loops.isRunning,
        matchingSlots: loops.matchingSlots,
        settle: records.settle,
        writeSettledUntil: (environment, settled) => watch.writeSettledUntil(pool, environment, settled),
        sweepPings: (environment, job, facts) => sweepPings(pings, environment, { ...facts, job }),
        endOrphans: (environment, at) =>
          endOrphans(
            {
              ...records,
              readOldRunning: (before) => upkeep.readOldRunning(pool, environment, before),
              isRunning: loops.isRunning,
              forget: runner.forget,
              host,
            },
            environment,
            at,
          ),
        prune: async (environment, jobs, at) => {
          for (const { name: job, keep } of jobs) {
            const rule = { job, executions: keep.executions, since: at - keep.forMs };
            await upkeep.pruneExecutions(chores, environment, rule);
            await pruneJobLogs(
              config.stateDir,
              job,
              await upkeep.readExecutionKeys(chores, environment, job),
            );
          }
          await upkeep.pruneCronHistory(chores, environment, at - historyKeptMs);
        },
        reviewWhenDue: reviewer.reviewWhenDue,
        readTroubledJobs: (environment, except) => readTroubledJobs(pool, environment, { except }),
        endTroubles: createEndTroubles(news),
        readLoopCounts: (environment, id) => readLoopCounts(pool, environment, id),
        tell,
        warn: log.warn,
        now,
      }),
    },
    host: createCronHostActivities({
      ...records,
      ...runner,
      configurationOf: options.configurationOf,
      warn: log.warn,
      now,
    }),
  };
}

const schedules = new Map<string, CronSchedule>();
const mostSchedules = 10_000;

function scheduleOf({ name, schedule }: JobSettings): CronSchedule {
  const known = schedules.get(schedule);
  if (known !== undefined) return known;
  const read = parseSchedule(schedule);
  if (!read.ok) throw new OpsError('invalidInput', `the schedule of ${name} ${read.problem}`);
  if (schedules.size >= mostSchedules) schedules.clear();
  schedules.set(schedule, read.value);
  return read.value;
}

/** Remembers answers for a while. */
function keptFor(
  keptMs: number,
  read: (environment: string, job: string) => Promise<RollingRuntime | null>,
): (environment: string, job: string) => Promise<RollingRuntime | null> {
  const known = new Map<string, { at: number; value: RollingRuntime | null }>();
  return async (environment, job) => {
    const key = `${environment} ${job}`;
    const found = known.get(key);
    if (found !== undefined && Date.now() - found.at < keptMs) return found.value;
    const value = await read(environment, job);
    known.set(key, { at: Date.now(), value });
    return value;
  };
}
