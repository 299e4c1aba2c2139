/** Takes pushed events into our own tables of runs: a call is there as a whole, or not at all. */
import type { Pool, PoolClient } from 'pg';
import { inTransaction } from './transaction.js';
import type { RunFacts, RunRowState, StepFacts } from '../../domain/run.js';
import type { RunEvent } from '../../domain/run-event.js';
import { emptyRun, mergeRunEvents } from '../../domain/run-merge.js';

interface TimeRow {
  started_at: Date | null;
  updated_at: Date | null;
  finished_at: Date | null;
}
interface RunRow extends TimeRow {
  name: string | null;
  state: RunRowState | null;
  work_directory: string | null;
}
interface StepRow extends TimeRow {
  name: string;
  state: string;
  error: string | null;
}

/**
 * Takes the events of one run in one transaction, makes the run's row when it is missing, and resolves when all are
 * committed. `now` in ms. Safe to repeat: events that are known change nothing.
 */
export async function storeRunEvents(
  pool: Pool,
  runId: string,
  { events, now }: { events: readonly RunEvent[]; now: number },
): Promise<void> {
  await inTransaction(pool, async (client) => {
    await lockRun(client, runId);
    const names = new Set(events.flatMap((event) => (event.kind === 'step' ? [event.step] : [])));
    const known = await readKnown(client, runId, [...names]);
    const merged = mergeRunEvents(known.run, events, now);
    if (!known.hasRow || merged.hasRunChanged) await writeRun(client, merged.run);
    const changed = new Set(merged.changedSteps);
    const steps = merged.run.steps.filter(({ name }) => changed.has(name));
    if (steps.length > 0) await writeSteps(client, runId, steps);
  });
}

/** Pushes of one run take turns, so that two can never wait for each other; the trigger leaves `updated_at` to us. */
async function lockRun(client: PoolClient, runId: string): Promise<void> {
  await client.query(
    `select pg_advisory_xact_lock(hashtextextended('opsloop run ' || $1, 0)),
            set_config('opsloop.writes_updated_at', 'on', true)`,
    [runId],
  );
}

const timesOf = ({ started_at, updated_at, finished_at }: TimeRow) => ({
  startedAt: started_at?.getTime() ?? null,
  updatedAt: updated_at?.getTime() ?? null,
  finishedAt: finished_at?.getTime() ?? null,
});

/** Rows locked: a pipeline may write to them by itself as well. Steps may be there before their run. */
async function readKnown(
  client: PoolClient,
  runId: string,
  names: string[],
): Promise<{ run: RunFacts; hasRow: boolean }> {
  const { rows: runs } = await client.query<RunRow>(
    'select name, state, work_directory, started_at, updated_at, finished_at from runs where id = $1 for update',
    [runId],
  );
  const { rows: steps } = await client.query<StepRow>(
    `select name, state, error, started_at, updated_at, finished_at from steps
     where run_id = $1 and name = any($2) order by name for update`,
    [runId, names],
  );
  const facts = steps.map((step) => ({
    name: step.name,
    state: step.state,
    error: step.error,
    ...timesOf(step),
  }));
  const [row] = runs;
  if (row === undefined) return { run: { ...emptyRun(runId), steps: facts }, hasRow: false };
  const { name, state, work_directory: workDirectory } = row;
  return { run: { id: runId, name, state, workDirectory, ...timesOf(row), steps: facts }, hasRow: true };
}

const instant = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

async function writeRun(client: PoolClient, run: RunFacts): Promise<void> {
  await client.query(
    `insert into runs (id, name, state, work_directory, started_at, updated_at, finished_at)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (id) do update set name = excluded.name, state = excluded.state,
       work_directory = excluded.work_directory, started_at = excluded.started_at,
       updated_at = excluded.updated_at, finished_at = excluded.finished_at`,
    [
      ...[run.id, run.name, run.state, run.workDirectory],
      ...[instant(run.startedAt), instant(run.updatedAt), instant(run.finishedAt)],
    ],
  );
}

async function writeSteps(client: PoolClient, runId: string, steps: readonly StepFacts[]): Promise<void> {
  const rows = steps.map(({ name, state, error, startedAt, updatedAt, finishedAt }) => ({
    ...{ name, state, error },
    started_at: instant(startedAt),
    updated_at: instant(updatedAt),
    finished_at: instant(finishedAt),
  }));
  await client.query(
    `insert into steps (run_id, name, state, error, started_at, updated_at, finished_at)
     select $1, name, state, error, started_at, updated_at, finished_at
     from jsonb_to_recordset($2::jsonb) as taken (
       name text, state text, error text, started_at timestamptz, updated_at timestamptz, finished_at timestamptz)
     on conflict (run_id, name) do update set state = excluded.state, error = excluded.error,
       started_at = excluded.started_at, updated_at = excluded.updated_at, finished_at = excluded.finished_at`,
    [runId, JSON.stringify(rows)],
  );
}
