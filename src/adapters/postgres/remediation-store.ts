/** What remedies do, in PostgreSQL: the intent of each step before it is done, its result after it. */
import type { Pool } from 'pg';
import type { Verdict } from '../../domain/observation.js';
import type { RemedyInput, RemedySnapshot, RemedyStepResult } from '../../domain/remedy.js';

export interface StoredIntent {
  remedy: RemedyInput;
  /** Verbs in order; `none` where nothing can be done. */
  steps: readonly string[];
  before: RemedySnapshot;
  /** Epoch ms. */
  at: number;
}

/** Rows of all steps at once; those that are there stay as they are. */
export async function writeIntent(pool: Pool, { remedy, steps, before, at }: StoredIntent): Promise<void> {
  await pool.query(
    `insert into remediation (environment, incident, episode, attempt, step, agent, started_at, action, target, before)
     select $1, $2, $3, $4, step, 'remedy', $5, action, $6, $7
     from unnest($8::text[]) with ordinality as steps (action, step)
     on conflict do nothing`,
    [
      remedy.environment,
      remedy.incident,
      remedy.episode,
      remedy.attempt,
      new Date(at),
      remedy.target,
      JSON.stringify(before),
      steps,
    ],
  );
}

export interface StoredStep {
  remedy: RemedyInput;
  /** Counted from 1. */
  step: number;
  /** Null: what is known of it stays. */
  result: RemedyStepResult | null;
  after: RemedySnapshot | null;
}

/** Adds a result, or the state afterwards, to the row of a step; a result that is there is never replaced. */
export async function writeStep(pool: Pool, { remedy, step, result, after }: StoredStep): Promise<void> {
  await pool.query(
    `update remediation set
       method = coalesce(method, $6), endpoint = coalesce(endpoint, $7), success = coalesce(success, $8),
       error = case when finished_at is null then $9 else error end,
       finished_at = coalesce(finished_at, $10), after = coalesce($11, after)
     where environment = $1 and incident = $2 and episode = $3 and attempt = $4 and step = $5`,
    [
      remedy.environment,
      remedy.incident,
      remedy.episode,
      remedy.attempt,
      step,
      result?.method ?? null,
      result?.endpoint ?? null,
      result?.isSuccess ?? null,
      result?.error ?? null,
      result === null ? null : new Date(result.finishedAt),
      after === null ? null : JSON.stringify(after),
    ],
  );
}

/** The result of a step that was finished; null while there is none. */
export async function readStepResult(
  pool: Pool,
  remedy: RemedyInput,
  step: number,
): Promise<RemedyStepResult | null> {
  const { rows } = await pool.query<{
    method: string | null;
    endpoint: string | null;
    success: boolean;
    error: string | null;
    finished_at: Date;
  }>(
    `select method, endpoint, success, error, finished_at from remediation
     where environment = $1 and incident = $2 and episode = $3 and attempt = $4 and step = $5 and finished_at is not null`,
    [remedy.environment, remedy.incident, remedy.episode, remedy.attempt, step],
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { method, endpoint, success: isSuccess, error, finished_at } = row;
  return { method, endpoint, isSuccess, error, finishedAt: finished_at.getTime() };
}

/** What decides whether a service may be repaired now. */
export interface RepairFacts {
  isFlapping: boolean;
  /** True when a prober of the environment thinks that it is cut off itself. */
  isIsolated: boolean;
  /** Null: not checked yet. */
  verdict: Verdict | null;
  reason: string;
}

export async function readRepairFacts(
  pool: Pool,
  environment: string,
  service: string,
): Promise<RepairFacts> {
  const { rows } = await pool.query<{
    isolated: boolean;
    state: string | null;
    last_verdict: Verdict | null;
    reason: string | null;
  }>(
    `select state, last_verdict, reason, exists (
       select from incident where environment = $1 and type = 'isolated' and state <> 'resolved') as isolated
     from (select) as one left join heartbeat_service on environment = $1 and service = $2`,
    [environment, service],
  );
  const row = rows[0];
  return {
    isFlapping: row?.state === 'flapping',
    isIsolated: row?.isolated ?? false,
    verdict: row?.last_verdict ?? null,
    reason: row?.reason ?? '',
  };
}
