/** What people ask about runs: what our own tables tell at this moment, with what is on record of each. */
import type { Pool } from 'pg';
import type {
  RunArchiveState,
  RunDetailDocument,
  RunDocument,
  RunStepDocument,
} from '../../domain/documents.js';
import { begunAt, judgeRun } from '../../domain/run-judgement.js';
import type { RunArchive, RunState, StepFacts } from '../../domain/run.js';
import { liveStateSql, readLiveRuns, type LiveRun } from './run-live-facts.js';

export interface RunListOptions {
  /** Only those in one of these states; null: all. */
  states: readonly RunState[] | null;
  limit: number;
}

interface RecordRow {
  id: string;
  source: string;
  name: string | null;
  state: RunState;
  total: number;
  succeeded: number;
  failed: number;
  work_directory: string | null;
  started_at: Date | null;
  finished_at: Date | null;
  detected_at: Date | null;
  completion: number;
  archive_state: RunArchiveState;
  archive: RunArchive | null;
  report: string | null;
  problem: string | null;
  /** Only of one run. */
  step_list: StepFacts[] | null;
}

/** What is over on record stays over until the watcher saw it go on; what is open there may be over already. */
const recordedStateSql = `case
  when k.source = '' and k.state in ('running', 'stalled') then coalesce(
    (select case when l.state = 'running' then k.state else l.state end
     from (select ${liveStateSql} as state from runs r where r.id = k.id) l), k.state)
  else k.state end`;

/**
 * By begin, or when it was first heard of; each part stops at the limit. `materialized`: otherwise the states of all runs would
 * be worked out before those on record fall away.
 */
const chooseSql = (isFiltered: boolean): string => `
  with recorded as (
    select k.id, coalesce(k.started_at, k.first_seen_at) as at from run_record k
    where k.environment = $1 and ${isFiltered ? `${recordedStateSql} = any($3)` : '$3::text[] is null'}
    order by coalesce(k.started_at, k.first_seen_at) desc limit $2
  ), unrecorded as materialized (
    select r.id, r.state, coalesce(r.started_at, r.updated_at, now()) as at from runs r
    where not exists (select from run_record k where k.environment = $1 and k.id = r.id)
  ), unseen as (
    select r.id, r.at from unrecorded r ${isFiltered ? `where ${liveStateSql} = any($3)` : ''}
    order by r.at desc limit $2
  )
  select id from (select * from recorded union all select * from unseen) as found order by at desc, id limit $2`;

/** Newest first. */
export async function readRuns(
  pool: Pool,
  environment: string,
  { states, limit }: RunListOptions,
): Promise<RunDocument[]> {
  const { rows } = await pool.query<{ id: string }>(chooseSql(states !== null), [environment, limit, states]);
  const ids = rows.map(({ id }) => id);
  const [live, records] = await Promise.all([
    readLiveRuns(pool, ids, { isWhole: false }),
    readRecords(pool, environment, { ids, isWhole: false }),
  ]);
  return ids.flatMap((id) => {
    const run = merge(id, live.get(id), records.get(id));
    return run === null ? [] : [run];
  });
}

/** One run with its steps; its `progress` is not known here. Null: there is none. */
export async function readRun(
  pool: Pool,
  environment: string,
  id: string,
): Promise<RunDetailDocument | null> {
  const [live, records] = await Promise.all([
    readLiveRuns(pool, [id], { isWhole: true }),
    readRecords(pool, environment, { ids: [id], isWhole: true }),
  ]);
  const record = records.get(id);
  const own = isOwn(record) ? live.get(id) : undefined;
  const document = merge(id, own, record);
  if (document === null) return null;
  return {
    ...document,
    // On record it is absolute; before that it is as the pipeline wrote it.
    workDirectory: record?.work_directory ?? own?.facts.workDirectory ?? null,
    completion: record?.completion ?? 0,
    stepList: (own?.facts.steps ?? record?.step_list ?? []).map(stepDocument),
    progress: null,
  };
}

/** False: no look at the tables has found it yet. */
export async function isRunRecorded(pool: Pool, environment: string, id: string): Promise<boolean> {
  const { rows } = await pool.query('select from run_record where environment = $1 and id = $2', [
    environment,
    id,
  ]);
  return rows.length > 0;
}

/** Names of the newest runs, to find one that is nearly called like another. */
export async function readRunIds(pool: Pool, environment: string): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(chooseSql(false), [environment, 1000, null]);
  return rows.map(({ id }) => id);
}

async function readRecords(
  pool: Pool,
  environment: string,
  { ids, isWhole }: { ids: readonly string[]; isWhole: boolean },
): Promise<Map<string, RecordRow>> {
  const { rows } = await pool.query<RecordRow>(
    `select id, source, name, state, jsonb_array_length(steps) as total, counted.*, work_directory, started_at, finished_at,
       detected_at, completion, archive_state, archive, report, problem, ${isWhole ? 'steps' : 'null'} as step_list
     from run_record cross join lateral (
       select count(*) filter (where step->>'state' = 'succeeded')::int as succeeded,
         count(*) filter (where step->>'state' = 'failed')::int as failed
       from jsonb_array_elements(steps) as step
     ) as counted
     where environment = $1 and id = any($2)`,
    [environment, ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

/** A run of the same id in a foreign source keeps the name: our own row is left alone. */
const isOwn = (record: RecordRow | undefined): boolean => record === undefined || record.source === '';

const iso = (at: number | Date | null): string | null => (at === null ? null : new Date(at).toISOString());

/** What happens now is told by the tables, what became of it by the record. */
function merge(id: string, live: LiveRun | undefined, record: RecordRow | undefined): RunDocument | null {
  if (live === undefined && record === undefined) return null;
  const own = isOwn(record) ? live : undefined;
  const { total = 0, succeeded = 0, failed = 0 } = record ?? {};
  const archive = record?.archive ?? null;
  return {
    id,
    name: own === undefined ? (record?.name ?? null) : own.facts.name,
    ...(own === undefined
      ? {
          state: record?.state ?? 'running',
          startedAt: iso(record?.started_at ?? null),
          finishedAt: iso(record?.finished_at ?? null),
        }
      : stateOf(own, record)),
    steps: own === undefined ? { total, succeeded, failed } : own.steps,
    detectedAt: iso(record?.detected_at ?? null),
    archive:
      archive === null
        ? null
        : {
            path: archive.path,
            bytes: archive.bytes,
            sha256: archive.sha256,
            entries: archive.entries,
            verifiedAt: new Date(archive.verifiedAt).toISOString(),
          },
    archiveState: record?.archive_state ?? 'none',
    report: record?.report ?? null,
    problem: record?.problem ?? null,
  };
}

function stateOf(
  { facts }: LiveRun,
  record: RecordRow | undefined,
): Pick<RunDocument, 'state' | 'startedAt' | 'finishedAt'> {
  const judgement = judgeRun(facts);
  const startedAt = iso(begunAt(facts));
  if (judgement.kind === 'complete')
    return { state: judgement.verdict, startedAt, finishedAt: iso(judgement.finishedAt) };
  return { state: record?.state === 'stalled' ? 'stalled' : 'running', startedAt, finishedAt: null };
}

const stepDocument = ({ name, state, error, startedAt, finishedAt }: StepFacts): RunStepDocument => ({
  name,
  state,
  error,
  startedAt: iso(startedAt),
  finishedAt: iso(finishedAt),
});
