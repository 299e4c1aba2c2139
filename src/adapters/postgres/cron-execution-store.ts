/** Executions of jobs in PostgreSQL: whose turn it is is decided here, one after the other per job. */
import type { Pool, PoolClient } from 'pg';
import type { CronExecution, CronTrigger, ExecutionKey, WorkOutcome } from '../../domain/cron-execution.js';
import type { AttemptVerdict } from '../../domain/cron-verdict.js';
import { decideOverlap, type OtherRun, type OverlapDecision } from '../../domain/cron-overlap.js';
import type { OverlapPolicy } from '../../domain/job.js';
import { executionColumns, executionOf, type ExecutionRow } from './cron-execution-row.js';
import { inTransaction } from './transaction.js';

export interface ClaimRequest extends ExecutionKey {
  trigger: CronTrigger;
  workflowId: string;
  host: string;
  overlap: OverlapPolicy;
  isPatient: boolean;
  /** Epoch ms. */
  now: number;
}

export type ClaimAnswer =
  /** It may run; `isNew` false: it was told so before, and may be under way. */
  | { kind: 'go'; isNew: boolean; host: string; startedAt: number }
  | Extract<OverlapDecision, { kind: 'wait' }>
  /** It has its verdict, or another workflow looks after it. */
  | { kind: 'settled'; execution: CronExecution };

/** Everything that decides about runs of one job takes turns. */
async function lockJob(client: PoolClient, environment: string, job: string): Promise<void> {
  await client.query(
    `select pg_advisory_xact_lock(hashtextextended('opsloop cron ' || $1 || ':' || $2, 0))`,
    [environment, job],
  );
}

const keyOf = ({ job, scheduledAt, attempt }: ExecutionKey): [string, Date, number] => [
  job,
  new Date(scheduledAt),
  attempt,
];

async function readRow(
  client: PoolClient,
  environment: string,
  key: ExecutionKey,
): Promise<ExecutionRow | undefined> {
  const { rows } = await client.query<ExecutionRow>({
    name: 'cron-read-execution',
    text: `select ${executionColumns} from cron_execution
           where environment = $1 and job = $2 and scheduled_at = $3 and attempt = $4`,
    values: [environment, ...keyOf(key)],
  });
  return rows[0];
}

async function readOthers(client: PoolClient, environment: string, key: ExecutionKey): Promise<OtherRun[]> {
  const { rows } = await client.query<ExecutionRow>({
    name: 'cron-read-others',
    text: `select ${executionColumns} from cron_execution
           where environment = $1 and job = $2 and verdict = 'running' and (scheduled_at <> $3 or attempt <> $4)
           order by scheduled_at, attempt`,
    values: [environment, ...keyOf(key)],
  });
  return rows.map((row) => ({
    scheduledAt: row.scheduled_at.getTime(),
    attempt: row.attempt,
    hasStarted: row.has_started,
    workflowId: row.workflow_id,
  }));
}

/** Whether the execution may run now. Safe to repeat: the same workflow gets the same answer, or a later truth. */
export async function claimExecution(
  pool: Pool,
  environment: string,
  request: ClaimRequest,
): Promise<ClaimAnswer> {
  return inTransaction(pool, async (client) => {
    await lockJob(client, environment, request.job);
    const row = await readRow(client, environment, request);
    if (row !== undefined && (row.verdict !== 'running' || row.workflow_id !== request.workflowId))
      return { kind: 'settled', execution: executionOf(row) };
    if (row?.has_started === true && row.started_at !== null)
      return {
        kind: 'go',
        isNew: false,
        host: row.host ?? request.host,
        startedAt: row.started_at.getTime(),
      };
    const others = await readOthers(client, environment, request);
    const decision = decideOverlap(request.overlap, { ...request, others });
    if (decision.kind === 'wait') {
      await supersede(client, environment, { by: request, others: decision.supersede });
      await writeClaim(client, environment, { ...request, reason: decision.reason, hasStarted: false });
      return decision;
    }
    if (decision.kind === 'skip') {
      const execution = settledExecution(request, { verdict: 'skipped', reason: decision.reason });
      await writeSettled(client, environment, execution);
      return { kind: 'settled', execution };
    }
    await writeClaim(client, environment, { ...request, reason: null, hasStarted: true });
    return { kind: 'go', isNew: true, host: request.host, startedAt: request.now };
  });
}

async function supersede(
  client: PoolClient,
  environment: string,
  { by, others }: { by: ExecutionKey; others: readonly OtherRun[] },
): Promise<void> {
  for (const { scheduledAt, attempt } of others)
    await client.query(
      `update cron_execution set verdict = 'skipped', reason = $5, recorded_at = now()
       where environment = $1 and job = $2 and scheduled_at = $3 and attempt = $4 and verdict = 'running' and not has_started`,
      [
        environment,
        ...keyOf({ job: by.job, scheduledAt, attempt }),
        `overlap: the slot of ${new Date(by.scheduledAt).toISOString()} came before it could start`,
      ],
    );
}

async function writeClaim(
  client: PoolClient,
  environment: string,
  claim: ClaimRequest & { reason: string | null; hasStarted: boolean },
): Promise<void> {
  await client.query({
    name: 'cron-write-claim',
    text: `insert into cron_execution (environment, job, scheduled_at, attempt, trigger, verdict, reason, has_started, started_at, host, workflow_id)
           values ($1, $2, $3, $4, $5, 'running', $6, $7, $8, $9, $10)
           on conflict (environment, job, scheduled_at, attempt) do update set
             reason = excluded.reason, has_started = excluded.has_started, started_at = excluded.started_at, host = excluded.host,
             recorded_at = now()`,
    values: [
      environment,
      ...keyOf(claim),
      claim.trigger,
      claim.reason,
      claim.hasStarted,
      claim.hasStarted ? new Date(claim.now) : null,
      claim.host,
      claim.workflowId,
    ],
  });
}

/** An execution that never started. */
export const settledExecution = (
  {
    job,
    scheduledAt,
    attempt,
    trigger,
    workflowId,
  }: ExecutionKey & {
    trigger: CronTrigger;
    workflowId: string | null;
  },
  { verdict, reason }: Pick<CronExecution, 'verdict' | 'reason'>,
): CronExecution => ({
  job,
  scheduledAt,
  attempt,
  trigger,
  verdict,
  reason,
  startedAt: null,
  finishedAt: null,
  exitCode: null,
  signal: null,
  outputHead: null,
  outputEnd: null,
  outputFile: null,
  cpuMs: null,
  peakBytes: null,
  host: null,
  workflowId,
});

async function writeSettled(
  client: Pool | PoolClient,
  environment: string,
  execution: CronExecution,
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'cron-write-settled',
    text: `insert into cron_execution as known (environment, job, scheduled_at, attempt, trigger, verdict, reason, workflow_id)
           values ($1, $2, $3, $4, $5, $6, $7, $8)
           on conflict (environment, job, scheduled_at, attempt) do update set
             verdict = excluded.verdict, reason = excluded.reason, recorded_at = now()
           where known.verdict = 'running' and not known.has_started`,
    values: [
      environment,
      ...keyOf(execution),
      execution.trigger,
      execution.verdict,
      execution.reason,
      execution.workflowId,
    ],
  });
  return rowCount === 1;
}

/** Settles a slot that never started. False: it had its verdict already, or runs. */
export const settleSlot = (pool: Pool, environment: string, execution: CronExecution): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    await lockJob(client, environment, execution.job);
    return writeSettled(client, environment, execution);
  });

/** Marks one that has not started as waiting, so that people see why. */
export async function deferExecution(
  pool: Pool,
  environment: string,
  request: ClaimRequest & { reason: string },
): Promise<void> {
  await inTransaction(pool, async (client) => {
    await lockJob(client, environment, request.job);
    const row = await readRow(client, environment, request);
    if (row !== undefined && (row.verdict !== 'running' || row.has_started)) return;
    await writeClaim(client, environment, { ...request, hasStarted: false });
  });
}

/** Who waits for a turn of the job, the earliest first. */
export async function readWaiting(pool: Pool, environment: string, job: string): Promise<string[]> {
  const { rows } = await pool.query<{ workflow_id: string }>(
    `select workflow_id from cron_execution
     where environment = $1 and job = $2 and verdict = 'running' and not has_started and workflow_id is not null
     order by scheduled_at, attempt limit 2`,
    [environment, job],
  );
  return rows.map(({ workflow_id: id }) => id);
}

export async function readExecution(
  pool: Pool,
  environment: string,
  key: ExecutionKey,
): Promise<CronExecution | null> {
  const { rows } = await pool.query<ExecutionRow>(
    `select ${executionColumns} from cron_execution
     where environment = $1 and job = $2 and scheduled_at = $3 and attempt = $4`,
    [environment, ...keyOf(key)],
  );
  return rows[0] === undefined ? null : executionOf(rows[0]);
}

/** Writes how an attempt that had started ended. What has its verdict keeps it. */
export async function finishExecution(
  pool: Pool,
  environment: string,
  { key, outcome, verdict }: { key: ExecutionKey; outcome: WorkOutcome; verdict: AttemptVerdict },
): Promise<void> {
  await pool.query({
    name: 'cron-finish-execution',
    text: `update cron_execution set verdict = $5, reason = $6, started_at = $7, finished_at = $8, exit_code = $9, signal = $10,
             output_head = $11, output_end = $12, output_file = $13, cpu_ms = $14, peak_bytes = $15, recorded_at = now()
           where environment = $1 and job = $2 and scheduled_at = $3 and attempt = $4 and verdict = 'running'`,
    values: [
      environment,
      ...keyOf(key),
      verdict.verdict,
      verdict.reason,
      new Date(outcome.startedAt),
      new Date(outcome.finishedAt),
      outcome.exitCode,
      outcome.signal,
      outcome.outputHead,
      outcome.outputEnd,
      outcome.outputFile,
      outcome.cpuMs,
      outcome.peakBytes === null ? null : Math.round(outcome.peakBytes),
    ],
  });
}

/** Records what a job told by pings: a later truth takes the place of an earlier one. Gives those that changed. */
export async function writePingedExecutions(
  pool: Pool,
  environment: string,
  executions: readonly (CronExecution & { rid: string | null })[],
): Promise<void> {
  if (executions.length === 0) return;
  const rows = executions.map((execution) => ({
    ...execution,
    scheduledAt: new Date(execution.scheduledAt).toISOString(),
    startedAt: execution.startedAt === null ? null : new Date(execution.startedAt).toISOString(),
    finishedAt: execution.finishedAt === null ? null : new Date(execution.finishedAt).toISOString(),
  }));
  await pool.query(
    `insert into cron_execution as known (environment, job, scheduled_at, attempt, trigger, verdict, reason, has_started, started_at,
       finished_at, exit_code, output_end, rid)
     select $1, job, "scheduledAt", attempt, 'ping', verdict, reason, "startedAt" is not null, "startedAt", "finishedAt", "exitCode",
       "outputEnd", rid
     from jsonb_to_recordset($2) as told (job text, "scheduledAt" timestamptz, attempt integer, verdict text, reason text,
       "startedAt" timestamptz, "finishedAt" timestamptz, "exitCode" integer, "outputEnd" text, rid text)
     on conflict (environment, job, scheduled_at, attempt) do update set
       verdict = excluded.verdict, reason = excluded.reason, has_started = excluded.has_started, started_at = excluded.started_at,
       finished_at = excluded.finished_at, exit_code = excluded.exit_code, output_end = excluded.output_end, rid = excluded.rid,
       recorded_at = now()`,
    [environment, JSON.stringify(rows)],
  );
}
