/** Runs what a job is, on its host, and records how it ended. */
import { Context } from '@temporalio/activity';
import { setTimeout as delay } from 'node:timers/promises';
import type { AppliedConfiguration } from '../domain/configuration.js';
import { interruptedReason, type ExecutionKey, type WorkOutcome } from '../domain/cron-execution.js';
import type { JobSettings } from '../domain/job.js';
import { isWorkerStopping } from './cancellation.js';
import type { AttemptEnd, CronHostActivities, RunJobInput } from './cron-contract.js';
import { recordEnd, requireJob, type CronExecutionDependencies } from './cron-execution.js';
import { doOnce, type WorkUnderWay } from './work-once.js';

export interface JobWork extends ExecutionKey {
  environment: string;
  settings: JobSettings;
  limitMs: number | null;
  /** Aborted when it has to end before. */
  signal: AbortSignal;
}

export interface CronHostDependencies extends Pick<CronExecutionDependencies, 'finish' | 'readExecution'> {
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  /** Runs the command, or finds it running, or finds its result. */
  runCommand(work: JobWork): Promise<WorkOutcome>;
  /** Makes the call. */
  callHttp(work: JobWork): Promise<WorkOutcome>;
  /** Removes what is kept of a command whose end is on record. */
  forget(environment: string, key: ExecutionKey): Promise<void>;
  warn(message: string, detail?: object): void;
  now(): number;
}

const recordAgainMs = 1_000;

export function createCronHostActivities(deps: CronHostDependencies): CronHostActivities {
  const underWay: WorkUnderWay = new Map();
  return {
    runJob: (input) => {
      const { environment, job, scheduledAt, attempt } = input;
      // What this worker does already goes on, whatever Temporal thinks of it.
      const isAnew = !underWay.has(keyTextOf(input));
      const isFirst = Context.current().info.attempt === 1;
      return doOnce(underWay, keyTextOf(input), async ({ signal }) => {
        const configuration = await deps.configurationOf(environment, input.revision);
        const settings = requireJob(configuration, job);
        const work = { environment, job, scheduledAt, attempt, settings, limitMs: input.limitMs, signal };
        const outcome = await outcomeOf(deps, work, isFirst || !isAnew);
        // The next worker goes on from what is kept of it.
        if (signal.aborted && isWorkerStopping(signal.reason)) throw signal.reason;
        const end = await record(deps, { input, settings, outcome, signal });
        await deps.forget(environment, { job, scheduledAt, attempt }).catch((error: unknown) =>
          deps.warn('what is kept of a run could not be removed; it is removed with old runs', {
            job,
            error: String(error),
          }),
        );
        return end;
      });
    },
  };
}

const keyTextOf = ({ environment, job, scheduledAt, attempt }: RunJobInput): string =>
  JSON.stringify([environment, job, scheduledAt, attempt]);

async function outcomeOf(deps: CronHostDependencies, work: JobWork, isFirst: boolean): Promise<WorkOutcome> {
  const { kind } = work.settings.action;
  if (kind === 'command') return deps.runCommand(work);
  // Whether a call of a worker that is gone was made, and what came of it, nobody knows.
  return isFirst ? deps.callHttp(work) : interrupted(deps.now());
}

const interrupted = (at: number): WorkOutcome => ({
  kind: 'interrupted',
  reason: interruptedReason,
  startedAt: at,
  finishedAt: at,
  exitCode: null,
  signal: null,
  outputHead: null,
  outputEnd: null,
  outputFile: null,
  cpuMs: null,
  peakBytes: null,
});

/** However long the database is away: what ran has ended, and must be on record before anything follows. */
async function record(
  deps: CronHostDependencies,
  {
    input,
    settings,
    outcome,
    signal,
  }: { input: RunJobInput; settings: JobSettings; outcome: WorkOutcome; signal: AbortSignal },
): Promise<AttemptEnd> {
  for (;;) {
    try {
      return await recordEnd(deps, { input, job: settings, outcome });
    } catch (error) {
      if (signal.aborted && isWorkerStopping(signal.reason)) throw error;
      deps.warn('the end of a run cannot be recorded now; it is tried again', {
        job: input.job,
        error: String(error),
      });
      await delay(recordAgainMs);
    }
  }
}
