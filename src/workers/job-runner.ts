/** Does the work of jobs on this host: commands under keepers, and calls; secrets are put in, and kept out of what is recorded. */
import type { CronHostDependencies, JobWork } from '../activities/cron-host.js';
import type { DurableCommands } from '../adapters/commands/durable-command.js';
import { commandKey, runCommandWork } from '../adapters/jobs/command-work.js';
import { callHttpWork } from '../adapters/jobs/http-work.js';
import { jobLogPath } from '../adapters/jobs/job-logs.js';
import { judgeTraces } from '../adapters/jobs/output-file-check.js';
import { resolveDeep, type SecretScrubber, type SecretSources } from '../config/secrets.js';
import type { WorkOutcome } from '../domain/cron-execution.js';
import { OpsError } from '../domain/errors.js';
import type { CommandAction, HttpAction } from '../domain/job.js';

export interface JobRunnerOptions {
  commands: DurableCommands;
  secrets: SecretSources & { scrubber: SecretScrubber };
  stateDir: string;
}

/** `overlap: terminateOther` leaves no time to end in order. */
const noTimeMs = 0;

export function createJobRunner({
  commands,
  secrets,
  stateDir,
}: JobRunnerOptions): Pick<CronHostDependencies, 'runCommand' | 'callHttp' | 'forget'> {
  const { scrub } = secrets.scrubber;
  const scrubbed = (text: string | null): string | null => (text === null ? null : scrub(text));
  /** Checks what was done, and hides secrets. */
  const judged = async (work: JobWork, outcome: WorkOutcome): Promise<WorkOutcome> => {
    const wrong =
      outcome.kind === 'done'
        ? await judgeTraces(work.settings.output, {
            head: outcome.outputHead,
            end: outcome.outputEnd ?? '',
            logPath: outcome.outputFile,
            startedAt: outcome.startedAt,
            finishedAt: outcome.finishedAt,
          })
        : null;
    return {
      ...outcome,
      ...(wrong === null ? {} : { kind: 'failed' as const }),
      reason: scrub(wrong ?? outcome.reason),
      outputHead: scrubbed(outcome.outputHead),
      outputEnd: scrubbed(outcome.outputEnd),
    };
  };
  const resolved = async <T>(work: JobWork, action: T, run: (ready: T) => Promise<WorkOutcome>) => {
    let ready: T;
    try {
      ready = await resolveDeep(action, secrets);
    } catch (error) {
      // A secret that is missing is the job's failure: trying for ever would tell nobody.
      if (error instanceof OpsError && !error.retryable) return notDone(error.message);
      throw error;
    }
    return judged(work, await run(ready));
  };
  return {
    runCommand: (work) => {
      const action = work.settings.action as CommandAction;
      return resolved(work, action, ({ command, cwd, env }) =>
        runCommandWork(commands, {
          environment: work.environment,
          job: work.job,
          scheduledAt: work.scheduledAt,
          attempt: work.attempt,
          command,
          cwd,
          env,
          limitMs: work.limitMs,
          killAfterMs: work.settings.killAfterMs,
          cancelKillAfterMs:
            work.settings.overlap === 'terminateOther' ? noTimeMs : work.settings.killAfterMs,
          logPath: jobLogPath(stateDir, work),
          signal: work.signal,
        }),
      );
    },
    callHttp: (work) => {
      const action = work.settings.action as HttpAction;
      return resolved(work, action, (ready) => callHttpWork({ ...work, action: ready }));
    },
    forget: (environment, key) => commands.forget(commandKey(environment, key)),
  };
}

const notDone = (reason: string): WorkOutcome => ({
  kind: 'failed',
  reason,
  startedAt: Date.now(),
  finishedAt: Date.now(),
  exitCode: null,
  signal: null,
  outputHead: null,
  outputEnd: null,
  outputFile: null,
  cpuMs: null,
  peakBytes: null,
});
