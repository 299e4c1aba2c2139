/** What an environment knows of runs, as the watcher and the workflows of runs write it. */
import type { Pool } from 'pg';
import type { RunArchiveState } from '../../domain/documents.js';
import type { RunArchive, RunState, StepFacts } from '../../domain/run.js';

/** What the watcher writes of a run. */
export interface RunSighting {
  id: string;
  source: string;
  name: string | null;
  state: RunState;
  steps: StepFacts[];
  workDirectory: string | null;
  startedAt: number | null;
  finishedAt: number | null;
  progressAt: number | null;
  completion: number;
  detectedAt: number | null;
  archiveState: RunArchiveState;
  archive: RunArchive | null;
  problem: string | null;
  stallCount: number;
  /** Failures of steps that were told: step → instant of its end, or 0. */
  toldSteps: Record<string, number>;
}

export interface RunRecord extends RunSighting {
  report: string | null;
  firstSeenAt: number;
}

interface RecordRow {
  id: string;
  source: string;
  name: string | null;
  state: RunState;
  steps: StepFacts[];
  work_directory: string | null;
  started_at: Date | null;
  finished_at: Date | null;
  progress_at: Date | null;
  completion: number;
  detected_at: Date | null;
  archive_state: RunArchiveState;
  archive: RunArchive | null;
  report: string | null;
  problem: string | null;
  stall_count: number;
  told_steps: Record<string, number>;
  first_seen_at: Date;
}

const ms = (at: Date | null): number | null => at?.getTime() ?? null;
const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

export async function readRunRecords(
  pool: Pool,
  environment: string,
  ids: readonly string[],
): Promise<Map<string, RunRecord>> {
  const { rows } = await pool.query<RecordRow>({
    name: 'read-run-records',
    text: `select id, source, name, state, steps, work_directory, started_at, finished_at, progress_at, completion, detected_at,
             archive_state, archive, report, problem, stall_count, told_steps, first_seen_at
           from run_record where environment = $1 and id = any($2)`,
    values: [environment, ids],
  });
  return new Map(rows.map((row) => [row.id, recordOf(row)]));
}

const recordOf = (row: RecordRow): RunRecord => ({
  id: row.id,
  source: row.source,
  name: row.name,
  state: row.state,
  steps: row.steps,
  workDirectory: row.work_directory,
  startedAt: ms(row.started_at),
  finishedAt: ms(row.finished_at),
  progressAt: ms(row.progress_at),
  completion: row.completion,
  detectedAt: ms(row.detected_at),
  archiveState: row.archive_state,
  archive: row.archive,
  report: row.report,
  problem: row.problem,
  stallCount: row.stall_count,
  toldSteps: row.told_steps,
  firstSeenAt: row.first_seen_at.getTime(),
});

/** Writes what was seen of runs, all at once. What is known of an archive is left alone while the completion is the same. */
export async function writeSightings(
  pool: Pool,
  environment: string,
  sightings: readonly RunSighting[],
): Promise<void> {
  if (sightings.length === 0) return;
  const rows = sightings.map((run) => ({
    ...run,
    startedAt: iso(run.startedAt),
    finishedAt: iso(run.finishedAt),
    progressAt: iso(run.progressAt),
    detectedAt: iso(run.detectedAt),
  }));
  await pool.query({
    name: 'write-run-sightings',
    text: `insert into run_record as known (environment, id, source, name, state, steps, work_directory, started_at, finished_at,
             progress_at, completion, detected_at, archive_state, archive, problem, stall_count, told_steps, updated_at)
           select $1, id, source, name, state, steps, "workDirectory", "startedAt", "finishedAt", "progressAt", completion,
             "detectedAt", "archiveState", nullif(archive, 'null'), problem, "stallCount", "toldSteps", now()
           from jsonb_to_recordset($2) as seen (id text, source text, name text, state text, steps jsonb, "workDirectory" text,
             "startedAt" timestamptz, "finishedAt" timestamptz, "progressAt" timestamptz, completion integer,
             "detectedAt" timestamptz, "archiveState" text, archive jsonb, problem text, "stallCount" integer, "toldSteps" jsonb)
           on conflict (environment, id) do update set
             source = excluded.source, name = excluded.name, state = excluded.state, steps = excluded.steps,
             work_directory = excluded.work_directory, started_at = excluded.started_at, finished_at = excluded.finished_at,
             progress_at = excluded.progress_at, detected_at = excluded.detected_at, stall_count = excluded.stall_count,
             told_steps = excluded.told_steps, updated_at = now(), completion = excluded.completion,
             archive_state = case when known.completion = excluded.completion and known.completion > 0 and known.archive_state <> 'elsewhere'
               then known.archive_state else excluded.archive_state end,
             archive = case when known.completion = excluded.completion and known.completion > 0 and known.archive_state <> 'elsewhere'
               then known.archive else coalesce(excluded.archive, known.archive) end,
             problem = case when known.completion = excluded.completion and known.completion > 0 and known.archive_state <> 'elsewhere'
               then known.problem else excluded.problem end`,
    values: [environment, JSON.stringify(rows)],
  });
}

/** What became of a run's archive and report. Left out: as it was. */
export interface RunOutcome {
  id: string;
  completion: number;
  archiveState?: RunArchiveState;
  archive?: RunArchive | null;
  report?: string;
  /** Null: nothing stands in the way any more. */
  problem?: string | null;
}

/** Writes it, unless a later completion is on record. */
export async function writeRunOutcome(pool: Pool, environment: string, outcome: RunOutcome): Promise<void> {
  const { id, completion, archiveState, archive, report, problem } = outcome;
  await pool.query({
    name: 'write-run-outcome',
    text: `update run_record set
             archive_state = coalesce($4, archive_state),
             archive = case when $5 then $6::jsonb else archive end,
             report = coalesce($7, report),
             problem = case when $8 then $9 else problem end,
             updated_at = now()
           where environment = $1 and id = $2 and completion <= $3`,
    values: [
      environment,
      id,
      completion,
      archiveState ?? null,
      archive !== undefined,
      archive === undefined || archive === null ? null : JSON.stringify(archive),
      report ?? null,
      problem !== undefined,
      problem ?? null,
    ],
  });
}

/** Instant of the database's clock, epoch ms: what several machines write has one clock. */
export async function databaseNow(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ now: Date }>('select clock_timestamp() as now');
  return rows[0]?.now.getTime() ?? Date.now();
}
