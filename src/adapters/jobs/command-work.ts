/** Runs the command of a job once: found again by the next worker, ended at its limit, with all that it started. */
import { formatDuration } from '../../domain/duration.js';
import {
  interruptedReason,
  keptOutput,
  type ExecutionKey,
  type WorkOutcome,
} from '../../domain/cron-execution.js';
import { oneLine } from '../../domain/bounded-text.js';
import type { DurableCommands, DurableResult } from '../commands/durable-command.js';
import { logLimits } from './job-logs.js';

export interface CommandWork extends ExecutionKey {
  environment: string;
  /** Secrets are in their places. */
  command: readonly string[];
  cwd: string;
  env: Record<string, string>;
  /** When it is ended, ms after its start; null: never. */
  limitMs: number | null;
  killAfterMs: number;
  /** From SIGTERM to SIGKILL when it is ended before its limit. */
  cancelKillAfterMs: number;
  logPath: string;
  /** Aborted when it has to end before its limit. */
  signal: AbortSignal;
}

/** Under this name the keeper of a run is found again. */
export const commandKey = (environment: string, { job, scheduledAt, attempt }: ExecutionKey): string[] => [
  'cron',
  environment,
  job,
  `${new Date(scheduledAt).toISOString()} ${attempt}`,
];

/** Throws OpsError `unavailable` when no keeper can be started, or something does not even end by SIGKILL. */
export async function runCommandWork(commands: DurableCommands, work: CommandWork): Promise<WorkOutcome> {
  const askedAt = Date.now();
  const result = await commands.run({
    key: commandKey(work.environment, work),
    command: work.command,
    cwd: work.cwd,
    env: { ...work.env, ...variablesOf(work) },
    timeoutMs: work.limitMs ?? Number.MAX_SAFE_INTEGER,
    killAfterMs: work.killAfterMs,
    cancelKillAfterMs: work.cancelKillAfterMs,
    maxOutputBytes: keptOutput.endBytes,
    headBytes: keptOutput.headBytes,
    log: { path: work.logPath, ...logLimits },
    combineOutput: true,
    once: true,
    endsTree: true,
    signal: work.signal,
  });
  const startedAt = Math.round(result.startedAt ?? askedAt);
  const { kind, reason } = endingOf(result, work);
  return {
    kind,
    reason,
    startedAt,
    finishedAt: result.isInterrupted === true ? Date.now() : startedAt + Math.round(result.durationMs),
    exitCode: result.exitCode,
    signal: result.signal,
    outputHead: result.head === undefined || result.head === null ? null : storable(result.head),
    outputEnd: storable(result.stdout),
    outputFile: work.logPath,
    cpuMs: result.usage?.cpuMs ?? null,
    peakBytes: result.usage?.peakBytes ?? null,
  };
}

/** What the process of a job is told. */
const variablesOf = ({ job, scheduledAt, attempt }: ExecutionKey): Record<string, string> => ({
  OPSLOOP_JOB: job,
  OPSLOOP_SCHEDULED_AT: new Date(scheduledAt).toISOString(),
  OPSLOOP_ATTEMPT: String(attempt),
});

/** PostgreSQL stores no U+0000. */
const storable = (text: string): string => text.replaceAll('\u0000', '\ufffd');

const longestWords = 300;

function endingOf(result: DurableResult, { limitMs }: CommandWork): Pick<WorkOutcome, 'kind' | 'reason'> {
  if (result.isInterrupted === true) return { kind: 'interrupted', reason: interruptedReason };
  if (result.isTimedOut) {
    const how = result.error?.includes('was killed') === true ? 'killed (it ignored SIGTERM)' : 'terminated';
    const limit = formatDuration(Math.round(limitMs ?? 0));
    return { kind: 'overrun', reason: `ran longer than ${limit}, twice what is expected, and was ${how}` };
  }
  if (!result.hasStarted) return { kind: 'failed', reason: result.error ?? 'it could not be started' };
  if (result.error !== undefined) return { kind: 'cancelled', reason: result.error };
  if (result.exitCode === 0) return { kind: 'done', reason: '' };
  const words = lastLine(result.stdout);
  const how = result.signal === null ? `exit code ${result.exitCode}` : `ended by ${result.signal}`;
  return { kind: 'failed', reason: words === '' ? how : `${how}: ${words}` };
}

const lastLine = (output: string): string =>
  oneLine(
    output
      .trimEnd()
      .slice(-4 * longestWords)
      .split('\n')
      .at(-1) ?? '',
    longestWords,
  );
