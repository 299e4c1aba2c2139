/** Runs as our own tables tell them at this moment, also before anybody looked at them. */
import type { Pool } from 'pg';
import { runRowStates, type RunFacts, type RunRowState, type StepFacts } from '../../domain/run.js';

export interface LiveRun {
  /** The steps are all, or one stand-in for each state that some of them are in. */
  facts: RunFacts;
  steps: { total: number; succeeded: number; failed: number };
}

/**
 * SQL of the state of a run of our own, `r` being its row; the same rules as `judgeRun`, which decides what is shown: this only
 * chooses rows.
 */
export const liveStateSql = `case
  when lower(r.state) in ('succeeded', 'failed', 'cancelled') then lower(r.state)
  else (select case
      when count(*) = 0 or bool_or(lower(s.state) not in ('succeeded', 'failed', 'skipped', 'cancelled')) then 'running'
      when bool_or(lower(s.state) = 'failed') then 'failed'
      when bool_or(lower(s.state) = 'cancelled') then 'cancelled'
      else 'succeeded' end
    from steps s where s.run_id = r.id)
  end`;

interface RunRow {
  id: string;
  name: string | null;
  state: string | null;
  work_directory: string | null;
  started_at: Date | null;
  updated_at: Date | null;
  finished_at: Date | null;
}

interface StepRow extends Omit<RunRow, 'id' | 'work_directory' | 'name' | 'state'> {
  run_id: string;
  name: string;
  state: string;
  error: string | null;
  count: number;
}

const ms = (at: Date | null): number | null => at?.getTime() ?? null;

const timesOf = (row: Pick<RunRow, 'started_at' | 'updated_at' | 'finished_at'>) => ({
  startedAt: ms(row.started_at),
  updatedAt: ms(row.updated_at),
  finishedAt: ms(row.finished_at),
});

const groupedSql = `select run_id, lower(state) as name, lower(state) as state, null as error, count(*)::int as count,
    min(started_at) as started_at, max(updated_at) as updated_at, max(coalesce(finished_at, updated_at)) as finished_at
  from steps where run_id = any($1) group by run_id, lower(state)`;

const wholeSql = `select run_id, name, lower(state) as state, error, 1 as count, started_at, updated_at, finished_at
  from steps where run_id = any($1) order by run_id, name collate "C"`;

/** Those of the runs that our own tables hold, by id. With `isWhole` each step by itself. */
export async function readLiveRuns(
  pool: Pool,
  ids: readonly string[],
  { isWhole }: { isWhole: boolean },
): Promise<Map<string, LiveRun>> {
  const [runs, steps] = await Promise.all([
    pool.query<RunRow>(
      'select id, name, state, work_directory, started_at, updated_at, finished_at from runs where id = any($1)',
      [ids],
    ),
    pool.query<StepRow>(isWhole ? wholeSql : groupedSql, [ids]),
  ]);
  const live = new Map(runs.rows.map((row) => [row.id, liveRun(row)]));
  for (const row of steps.rows) {
    const run = live.get(row.run_id);
    if (run !== undefined) addStep(run, row);
  }
  return live;
}

const liveRun = (row: RunRow): LiveRun => {
  const state = (row.state ?? '').toLowerCase();
  return {
    facts: {
      id: row.id,
      name: row.name,
      state: runRowStates.find((word): word is RunRowState => word === state) ?? null,
      workDirectory: row.work_directory === '' ? null : row.work_directory,
      ...timesOf(row),
      steps: [],
    },
    steps: { total: 0, succeeded: 0, failed: 0 },
  };
};

function addStep({ facts, steps }: LiveRun, row: StepRow): void {
  const { name, state, error, count } = row;
  const step: StepFacts = { name, state, error, ...timesOf(row) };
  facts.steps.push(step);
  steps.total += count;
  if (state === 'succeeded') steps.succeeded += count;
  if (state === 'failed') steps.failed += count;
}
