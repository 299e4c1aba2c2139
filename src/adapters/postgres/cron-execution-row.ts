/** Rows of the table of executions, and what they mean. */
import type { CronExecution, CronTrigger, CronVerdict } from '../../domain/cron-execution.js';

export interface ExecutionRow {
  job: string;
  scheduled_at: Date;
  attempt: number;
  trigger: CronTrigger;
  verdict: CronVerdict;
  reason: string | null;
  has_started: boolean;
  started_at: Date | null;
  finished_at: Date | null;
  exit_code: number | null;
  signal: string | null;
  output_head: string | null;
  output_end: string | null;
  output_file: string | null;
  cpu_ms: number | null;
  /** PostgreSQL's bigint comes as text. */
  peak_bytes: string | null;
  host: string | null;
  workflow_id: string | null;
}

export const executionColumns = `job, scheduled_at, attempt, trigger, verdict, reason, has_started, started_at, finished_at, exit_code,
  signal, output_head, output_end, output_file, cpu_ms, peak_bytes, host, workflow_id`;

export const executionOf = (row: ExecutionRow): CronExecution => ({
  job: row.job,
  scheduledAt: row.scheduled_at.getTime(),
  attempt: row.attempt,
  trigger: row.trigger,
  verdict: row.verdict,
  reason: row.reason,
  startedAt: row.started_at?.getTime() ?? null,
  finishedAt: row.finished_at?.getTime() ?? null,
  exitCode: row.exit_code,
  signal: row.signal,
  outputHead: row.output_head,
  outputEnd: row.output_end,
  outputFile: row.output_file,
  cpuMs: row.cpu_ms,
  peakBytes: row.peak_bytes === null ? null : Number(row.peak_bytes),
  host: row.host,
  workflowId: row.workflow_id,
});
