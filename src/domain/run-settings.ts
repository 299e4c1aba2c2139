/** The validated form of `runs` in opsloop.yaml: where runs are found, and what happens to those that are over. */
import type { Secretive } from './service.js';

export const runColumnNames = [
  'id',
  'name',
  'state',
  'work_directory',
  'started_at',
  'updated_at',
  'finished_at',
] as const;
export type RunColumn = (typeof runColumnNames)[number];

export const stepColumnNames = [
  'run_id',
  'name',
  'state',
  'error',
  'started_at',
  'updated_at',
  'finished_at',
] as const;
export type StepColumn = (typeof stepColumnNames)[number];

/** Tables of somebody else's: what they and their columns are called there. */
export interface RunSource {
  /** PostgreSQL. */
  url: Secretive;
  /** `table` or `schema.table`. */
  runs: string;
  steps: string;
  /** Our name → theirs. A column that a table does not have is taken as null; `id`, `run_id` and step `name` must be there. */
  columns: { runs: Record<RunColumn, string>; steps: Record<StepColumn, string> };
  /** Their word (any case) → ours. Our own words need no entry. */
  states: Record<string, string>;
  /** Whether a table of claims may be made there, so that several opsloops with databases of their own share the work. */
  claims: boolean;
}

export interface RunSettings {
  /** Null: only our own tables. Those are watched with a source, too: pushed events go there. */
  source: RunSource | null;
  /** Absolute: the folder of opsloop.yaml, where relative paths in the tables begin. */
  directory: string;
  /** Absolute; `{run}` stands for the id as a file name. */
  workDirectory: string;
  /** Absolute, or relative to the state directory. */
  archiveDirectory: string;
  reportDirectory: string;
  /** Remove the work directory of a run once its archive is verified and on record. */
  removeWorkDirectory: boolean;
  /** No progress for this long makes a run stalled. */
  stalledAfterMs: number;
  /** A run that no step of has begun for this long since it was announced is stalled, too; null: not judged. */
  startWithinMs: number | null;
  /** A run that takes longer than this is stalled, too; null: not judged. */
  maxDurationMs: number | null;
  /** The safety net under the notifications. */
  pollMs: number;
  /** Runs that ended longer ago than this when they are first seen are history: they are listed, not archived. */
  lookBackMs: number;
}
