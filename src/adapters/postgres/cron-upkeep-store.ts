/** Upkeep of the records of jobs: runs whose workflow may be gone, and records that are old. */
import type { Pool } from 'pg';
import type { CronExecution, ExecutionKey } from '../../domain/cron-execution.js';
import { executionColumns, executionOf, type ExecutionRow } from './cron-execution-row.js';

/** What runs or waits since before an instant (epoch ms), and is a workflow's affair. */
export async function readOldRunning(
  pool: Pool,
  environment: string,
  before: number,
): Promise<(CronExecution & { hasStarted: boolean })[]> {
  const { rows } = await pool.query<ExecutionRow>(
    `select ${executionColumns} from cron_execution
     where environment = $1 and verdict = 'running' and trigger <> 'ping' and recorded_at < $2
     order by scheduled_at limit 1000`,
    [environment, new Date(before)],
  );
  return rows.map((row) => ({ ...executionOf(row), hasStarted: row.has_started }));
}

export interface KeepRule {
  job: string;
  executions: number;
  /** Epoch ms: older ones go. */
  since: number;
}

/** Removes executions that are not kept any more; what runs, or waits, stays. Gives how many went. */
export async function pruneExecutions(pool: Pool, environment: string, rule: KeepRule): Promise<number> {
  const { rowCount } = await pool.query(
    `delete from cron_execution as old using (
       select scheduled_at, attempt, row_number() over (order by scheduled_at desc, attempt desc) as place
       from cron_execution where environment = $1 and job = $2) as ranked
     where old.environment = $1 and old.job = $2 and old.scheduled_at = ranked.scheduled_at and old.attempt = ranked.attempt
       and old.verdict <> 'running' and (ranked.place > $3 or old.scheduled_at < $4)`,
    [environment, rule.job, rule.executions, new Date(rule.since)],
  );
  return rowCount ?? 0;
}

/** Those that are on record of a job. */
export async function readExecutionKeys(
  pool: Pool,
  environment: string,
  job: string,
): Promise<ExecutionKey[]> {
  const { rows } = await pool.query<{ scheduled_at: Date; attempt: number }>(
    'select scheduled_at, attempt from cron_execution where environment = $1 and job = $2',
    [environment, job],
  );
  return rows.map(({ scheduled_at: at, attempt }) => ({ job, scheduledAt: at.getTime(), attempt }));
}

/** Pauses, steps of clocks and jobs of which nothing is on record any more are of no use after so long. */
export async function pruneCronHistory(pool: Pool, environment: string, before: number): Promise<void> {
  const at = new Date(before);
  await pool.query('delete from cron_pause where environment = $1 and resumed_at < $2', [environment, at]);
  await pool.query('delete from cron_clock_step where environment = $1 and to_at < $2', [environment, at]);
}

/** Writes why a run is about to be ended; one that waits is over by it. */
export async function noteCancel(
  pool: Pool,
  environment: string,
  { job, scheduledAt, attempt }: ExecutionKey,
  reason: string,
): Promise<void> {
  await pool.query(
    `update cron_execution set reason = $5, recorded_at = now(),
       verdict = case when has_started then verdict else 'skipped' end
     where environment = $1 and job = $2 and scheduled_at = $3 and attempt = $4 and verdict = 'running'`,
    [environment, job, new Date(scheduledAt), attempt, reason],
  );
}
