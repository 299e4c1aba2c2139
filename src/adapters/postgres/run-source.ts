/** The tables of runs and steps as the watcher reads them: our own, or somebody else's with other names and types. */
import type { Pool } from 'pg';
import type { RunSource } from '../../domain/run-settings.js';
import type { RunFacts, StepFacts } from '../../domain/run.js';
import { instantOf, stateWords, type StateWords } from '../../domain/run-values.js';
import { ownLayout, readRunLayout } from './run-source-layout.js';
import { runQueries, type RunQueries } from './run-source-sql.js';

export interface RunSourceReader {
  /** `''` for our own tables; otherwise `host:port/database schema.runs`, without user and password. */
  readonly name: string;
  /**
   * One cheap row for each run whose own state is open, or that changed within `lookBackMs`: its id and a mark that differs
   * whenever anything differs that `readRuns` would tell of it.
   */
  readMarks(lookBackMs: number): Promise<Map<string, string>>;
  /** Everything about these runs; those that are not there (any more) are left out. */
  readRuns(ids: readonly string[]): Promise<RunFacts[]>;
}

const longestLookBackMs = 100 * 365 * 86_400_000;
/** Runs asked for at once. */
const batchSize = 1_000;

/** Reads `opsloop.runs` and `opsloop.steps`. Safe to repeat: it changes nothing. */
export function ownRunSource(pool: Pool): RunSourceReader {
  const queries = runQueries(ownLayout);
  return readerOf({ pool, name: '', words: stateWords({}), ask: (question) => question(queries) });
}

export interface ForeignRunSourceOptions {
  /** On the foreign database. */
  pool: Pool;
  source: RunSource;
  /** What people call it: `host:port/database schema.runs`. */
  name: string;
}

/**
 * Reads the tables that `source` names; they are only read. Throws OpsError `invalidInput` when a table is missing, or a
 * column that must be there; columns are looked up once, and again after an error.
 */
export function foreignRunSource({ pool, source, name }: ForeignRunSourceOptions): RunSourceReader {
  let known: RunQueries | null = null;
  const ask = async <T>(question: (queries: RunQueries) => Promise<T>): Promise<T> => {
    const isFresh = known === null;
    known ??= runQueries(await readRunLayout(pool, source, name));
    try {
      return await question(known);
    } catch (error) {
      known = null;
      // Somebody changed his tables since they were looked at.
      if (!isFresh && isAboutTables(error)) return ask(question);
      throw error;
    }
  };
  return readerOf({ pool, name, words: stateWords(source.states), ask });
}

/** Undefined tables, columns, functions and types, and types that do not fit any more. */
const isAboutTables = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^(42|22)/.test(String(error.code));

interface ReaderOptions {
  pool: Pool;
  name: string;
  words: StateWords;
  ask<T>(question: (queries: RunQueries) => Promise<T>): Promise<T>;
}

function readerOf({ pool, name, words, ask }: ReaderOptions): RunSourceReader {
  const rowsOf = async <Row extends unknown[]>(text: string, values: unknown[]): Promise<Row[]> =>
    (await pool.query<Row>({ text, values, rowMode: 'array' })).rows;
  return {
    name,
    readMarks: (lookBackMs) =>
      ask(async ({ openRuns, stepMarks }) => {
        const lookBack = Math.min(Math.max(0, lookBackMs), longestLookBackMs);
        const runs = await rowsOf<[string, string]>(openRuns, [lookBack, words.finalOfRun]);
        const marks = new Map(runs);
        if (marks.size === 0) return marks;
        const steps = await rowsOf<[string, number, string]>(stepMarks, [[...marks.keys()]]);
        for (const [id, count, sum] of steps) marks.set(id, `${marks.get(id) ?? ''}:${count}:${sum}`);
        return marks;
      }),
    readRuns: (ids) =>
      ask(async (queries) => {
        const possible = queries.possibleIds(ids);
        const runs: RunFacts[] = [];
        for (let from = 0; from < possible.length; from += batchSize) {
          const rows = await rowsOf<FactRow>(queries.runs, [possible.slice(from, from + batchSize)]);
          runs.push(...runsOf(rows, words));
        }
        return runs;
      }),
  };
}

type Text = string | null;
type Instant = string | number | null;
type FactRow = [
  ...[id: string, name: Text, state: Text, workDirectory: Text, Instant, Instant, Instant],
  hasStep: boolean,
  ...[runId: Text, name: Text, state: Text, error: Text, Instant, Instant, Instant],
];

/** One row for each step becomes one run with its steps by name. */
function runsOf(rows: FactRow[], words: StateWords): RunFacts[] {
  const runs = new Map<string, { run: RunFacts; steps: Map<string, StepFacts> }>();
  for (const row of rows) {
    const known = runs.get(row[0]) ?? { run: runOf(row, words), steps: new Map<string, StepFacts>() };
    runs.set(row[0], known);
    if (!row[7]) continue;
    const step = stepOf(row, words);
    const other = known.steps.get(step.name);
    if (other === undefined || isLater(step, other)) known.steps.set(step.name, step);
  }
  return [...runs.values()].map(({ run, steps }) => ({
    ...run,
    steps: [...steps.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
  }));
}

const runOf = (row: FactRow, words: StateWords): RunFacts => ({
  id: row[0],
  name: row[1],
  state: words.ofRun(row[2]),
  workDirectory: row[3],
  startedAt: instantOf(row[4]),
  updatedAt: instantOf(row[5]),
  finishedAt: instantOf(row[6]),
  steps: [],
});

const stepOf = (row: FactRow, words: StateWords): StepFacts => ({
  name: row[9] ?? '',
  state: words.ofStep(row[10]),
  error: row[11],
  startedAt: instantOf(row[12]),
  updatedAt: instantOf(row[13]),
  finishedAt: instantOf(row[14]),
});

/** Tables that keep every attempt have several rows of one step: the newest counts. */
function isLater(step: StepFacts, than: StepFacts): boolean {
  const at = ({ startedAt, updatedAt, finishedAt }: StepFacts): number =>
    Math.max(startedAt ?? 0, updatedAt ?? 0, finishedAt ?? 0);
  return at(step) === at(than) ? JSON.stringify(step) > JSON.stringify(than) : at(step) > at(than);
}
