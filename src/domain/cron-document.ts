/** Jobs and their executions as documents for people and programs. */
import type { CronExecution, CronTrigger, CronVerdict } from './cron-execution.js';
import type { JobKind } from './job.js';

/** A row of `cron history`: one slot and attempt. Instants are ISO 8601 UTC, durations ms. */
export interface ExecutionDocument {
  job: string;
  scheduledAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  verdict: CronVerdict;
  attempt: number;
  exitCode: number | null;
  reason: string | null;
  outputEnd: string | null;
  trigger: CronTrigger;
  signal: string | null;
  durationMs: number | null;
  cpuMs: number | null;
  peakBytes: number | null;
  /** The beginning of a long output, whose middle is left out. */
  outputHead: string | null;
  /** File with all of its output, on `host`. */
  outputFile: string | null;
  host: string | null;
  workflowId: string | null;
}

const isoOf = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

export const executionDocument = (execution: CronExecution): ExecutionDocument => ({
  job: execution.job,
  scheduledAt: new Date(execution.scheduledAt).toISOString(),
  startedAt: isoOf(execution.startedAt),
  finishedAt: isoOf(execution.finishedAt),
  verdict: execution.verdict,
  attempt: execution.attempt,
  exitCode: execution.exitCode,
  reason: execution.reason,
  outputEnd: execution.outputEnd,
  trigger: execution.trigger,
  signal: execution.signal,
  durationMs:
    execution.startedAt === null || execution.finishedAt === null
      ? null
      : execution.finishedAt - execution.startedAt,
  cpuMs: execution.cpuMs,
  peakBytes: execution.peakBytes,
  outputHead: execution.outputHead,
  outputFile: execution.outputFile,
  host: execution.host,
  workflowId: execution.workflowId,
});

/** A row of `cron list`. */
export interface JobDocument {
  name: string;
  kind: JobKind;
  state: 'active' | 'paused';
  schedule: string;
  /** The schedule in words, with its time zone. */
  scheduleText: string;
  timeZone: string;
  purpose: string | null;
  pausedBy: string | null;
  note: string | null;
  /** ISO 8601 UTC; null: paused, or it never comes. */
  nextAt: string | null;
  /** Of the newest slot that has one; null: it was not due yet. */
  lastVerdict: CronVerdict | null;
  lastScheduledAt: string | null;
  lastDurationMs: number | null;
  lastReason: string | null;
  /** A run that goes on now. */
  isRunning: boolean;
}

/** `cron show`. */
export interface JobDetailDocument extends JobDocument {
  severity: string;
  tags: string[];
  /** What it does: its command line, its URL, its workflow. */
  does: string;
  overlap: string;
  catchUpMs: number;
  startWithinMs: number;
  retry: { attempts: number; afterMs: number };
  /** The next slots, ISO 8601 UTC. */
  nextTimes: string[];
  /** How long a run is expected to take, and when it is ended; null: nobody knows, never. */
  expectedMs: number | null;
  limitMs: number | null;
  expectedFrom: 'configured' | 'history' | 'none';
  runtime: { p50: number; p95: number; runs: number } | null;
  /** Its schedule in Temporal: what people changed there, or that it is gone; null: it could not be asked. */
  temporal: { scheduleId: string; isMissing: boolean; isPaused: boolean; drift: string[] } | null;
  /** Of a job that pings. */
  ping: { url: string; uuid: string; lastPingAt: string | null } | null;
  history: ExecutionDocument[];
}

/** How the jobs of an environment stand, for `status`. */
export interface CronCounts {
  active: number;
  paused: number;
  running: number;
  /** Jobs whose newest slot that is over did not do its work. */
  failing: number;
}

const isBad = (verdict: CronVerdict | null): boolean =>
  verdict === 'failed' || verdict === 'overrun' || verdict === 'missed';

/** Whether the newest slot of a job that is over did not do its work. */
export const isFailing = ({ lastVerdict }: Pick<JobDocument, 'lastVerdict'>): boolean => isBad(lastVerdict);

/** Null of no jobs. */
export function countJobs(jobs: readonly JobDocument[]): CronCounts | null {
  if (jobs.length === 0) return null;
  const paused = jobs.filter(({ state }) => state === 'paused').length;
  return {
    active: jobs.length - paused,
    paused,
    running: jobs.filter(({ isRunning }) => isRunning).length,
    failing: jobs.filter(isFailing).length,
  };
}
