/** The questions to the tables of runs, for our own tables and for those of others alike. */
import { leastMilliseconds } from '../../domain/run-values.js';
import { runColumnNames, stepColumnNames } from '../../domain/run-settings.js';
import type { ColumnKind, PlacedColumn, PlacedTable, RunLayout } from './run-source-layout.js';

/** A text is kept up to this, characters: whoever logs into a table does not fill our memory. */
const longestText = 10_000;

/** How ids travel: in the type of their column, so that its index is used; as text where that cannot be sure. */
type KeyType = 'text' | 'int8' | 'uuid';

export interface RunQueries {
  /** `[id, hash]` of the runs to look at. $1: look back, ms; $2: words that end a run. */
  openRuns: string;
  /** `[id, count, sum of hashes]` of steps. $1: ids. */
  stepMarks: string;
  /** `[...columns of the run, has step, ...columns of a step]`: a row for each step. $1: ids. */
  runs: string;
  /** Those ids that can be in the tables at all, by their type. */
  possibleIds(ids: readonly string[]): string[];
}

export function runQueries({ runs, steps }: RunLayout): RunQueries {
  const id = needed(runs, 'id');
  const runId = needed(steps, 'run_id');
  const type = keyType(id.kind, runId.kind);
  const runKey = keySql('r', id, type);
  const stepKey = keySql('s', runId, type);
  const runFacts = factColumns('r', runs, runColumnNames);
  const stepFacts = factColumns('s', steps, stepColumnNames);
  return {
    openRuns: `
      select r.${id.sql}::text, ${hashOf('r', runs, runColumnNames)}::text from ${runs.sql} r
      where r.${id.sql} is not null and (${[isOpen(runs), ...isRecent(runs)].join(' or ')})`,
    stepMarks: `
      select k.key::text, count(*)::int, sum(${hashOf('s', steps, stepColumnNames)})::text
      from unnest($1::${type}[]) as k(key) join ${steps.sql} s on ${stepKey} = k.key group by k.key`,
    runs: `
      select ${runFacts}, s.${runId.sql} is not null, ${stepFacts}
      from unnest($1::${type}[]) as k(key)
      join ${runs.sql} r on ${runKey} = k.key
      left join ${steps.sql} s on ${stepKey} = k.key`,
    possibleIds: (ids) => [...new Set(ids)].filter(isPossible[type]),
  };
}

function needed(table: PlacedTable, name: string): PlacedColumn {
  const column = table.columns.get(name);
  if (column === undefined) throw new Error(`${table.sql} has no column for ${name}`);
  return column;
}

function keyType(id: ColumnKind, runId: ColumnKind): KeyType {
  if (id === 'integer' && runId === 'integer') return 'int8';
  return id === 'uuid' && runId === 'uuid' ? 'uuid' : 'text';
}

/** A text column is left as it is: a cast would hide its index. */
const keySql = (alias: string, { sql, kind }: PlacedColumn, type: KeyType): string =>
  type !== 'text' || kind === 'text' ? `${alias}.${sql}` : `${alias}.${sql}::text`;

const largest = 2n ** 63n - 1n;
const isPossible: Record<KeyType, (id: string) => boolean> = {
  text: (id) => !id.includes('\u0000'),
  int8: (id) => /^-?\d{1,19}$/.test(id) && BigInt(id) <= largest && BigInt(id) >= -largest,
  uuid: (id) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id),
};

const timeNames = ['started_at', 'updated_at', 'finished_at'];

/** Times of the types that PostgreSQL knows as epoch ms; others as text, which JavaScript reads without failing. */
function factOf(alias: string, name: string, column: PlacedColumn | undefined): string {
  if (column === undefined) return 'null';
  const value = `${alias}.${column.sql}`;
  const isTyped = column.kind === 'instant' || column.kind === 'local' || column.kind === 'date';
  if (timeNames.includes(name) && isTyped) return `(extract(epoch from ${value}) * 1000)::float8`;
  return name === 'error' ? `left(${value}::text, ${longestText})` : `${value}::text`;
}

const factColumns = (alias: string, table: PlacedTable, names: readonly string[]): string =>
  names.map((name) => factOf(alias, name, table.columns.get(name))).join(', ');

/** Over the plain values, which is much faster than over what `factOf` makes of them. */
function hashOf(alias: string, table: PlacedTable, names: readonly string[]): string {
  const values = names.flatMap((name) => {
    const column = table.columns.get(name);
    if (column === undefined || name === 'id' || name === 'run_id') return [];
    const value = `${alias}.${column.sql}`;
    return [name === 'error' ? `left(${value}::text, ${longestText})` : value];
  });
  return `hashtextextended(row(${values.join(', ')})::text, 0)`;
}

function isOpen({ columns }: PlacedTable): string {
  const state = columns.get('state');
  // `$2` must have a type, also where nothing is compared with it.
  if (state === undefined) return '$2::text[] is not null';
  const word = `r.${state.sql}::text`;
  // Lower case costs more than all the rest: only words that are not plainly final are looked at more closely.
  return `r.${state.sql} is null or (not ${word} = any($2::text[]) and not lower(btrim(${word})) = any($2::text[]))`;
}

/** Each time that lies within the look back, and rows without any. */
function isRecent({ columns }: PlacedTable): string[] {
  const times = timeNames.flatMap((name) => columns.get(name) ?? []);
  if (times.length === 0) return ['$1::float8 is not null'];
  const none = times.map((column) => isNoTime(`r.${column.sql}`, column.kind)).join(' and ');
  return [...times.map((column) => isAfter(`r.${column.sql}`, column.kind)), `(${none})`];
}

const lookBack = `now() - $1::float8 * interval '1 millisecond'`;
// Plain, so that its share of the rows can be estimated.
const since = `(${lookBack})`;
// As questions of their own these are answered once, and not for each row.
const sinceLocal = `(select (${lookBack}) at time zone 'UTC')`;
const sinceDate = `(select ((${lookBack}) at time zone 'UTC')::date)`;
const sinceDay = `(select (((${lookBack}) at time zone 'UTC')::date - 1)::text)`;
const sinceMs = `(select (extract(epoch from ${lookBack}) * 1000)::float8)`;
const looksLikeDate = (value: string): string => `${value}::text ~ '^\\s*\\d{4}-\\d\\d-\\d\\d'`;
const looksLikeNumber = (value: string): string => `${value}::text ~ '^\\s*\\d{1,15}(\\.\\d*)?\\s*$'`;

const isNumberAfter = (value: string): string =>
  `(case when ${value} > ${leastMilliseconds} then ${value} else ${value} * 1000 end) >= ${sinceMs}`;

function isAfter(value: string, kind: ColumnKind): string {
  switch (kind) {
    case 'instant':
      return `${value} >= ${since}`;
    case 'local':
    case 'date':
      return `${value} >= ${kind === 'date' ? sinceDate : sinceLocal}`;
    case 'integer':
    case 'number':
      return isNumberAfter(`${value}::float8`);
    case 'uuid':
    case 'text':
    case 'other':
      // The zone is not looked at: a day more does no harm. CASE, so that nothing is cast that is no number.
      return `case when ${looksLikeDate(value)}
                   then left(btrim(${value}::text), 10) >= ${sinceDay}
                   when ${looksLikeNumber(value)} then ${isNumberAfter(`${value}::text::float8`)} else false end`;
  }
}

function isNoTime(value: string, kind: ColumnKind): string {
  if (kind === 'integer' || kind === 'number') return `coalesce(${value}, 0) <= 0`;
  if (kind === 'instant' || kind === 'local' || kind === 'date') return `${value} is null`;
  return `(${value} is null or not (${looksLikeDate(value)} or ${looksLikeNumber(value)}))`;
}
