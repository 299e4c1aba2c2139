/** Where the columns of runs and steps are in somebody else's tables, and of which types; found in the catalogue once. */
import type { Pool } from 'pg';
import { OpsError } from '../../domain/errors.js';
import { runColumnNames, stepColumnNames, type RunSource } from '../../domain/run-settings.js';
import { quotedName, quotedTable, tableNameOf, type TableName } from '../../domain/sql-names.js';
import { schemaName } from './pool.js';

/** `instant`: timestamptz; `local`: timestamp without time zone. */
export type ColumnKind = 'instant' | 'local' | 'date' | 'number' | 'integer' | 'uuid' | 'text' | 'other';

export interface PlacedColumn {
  /** Quoted. */
  sql: string;
  kind: ColumnKind;
}

export interface PlacedTable {
  /** Quoted, with its schema. */
  sql: string;
  /** Quoted. */
  schema: string;
  /** By our names; those that are not there are left out. */
  columns: ReadonlyMap<string, PlacedColumn>;
}

export interface RunLayout {
  runs: PlacedTable;
  steps: PlacedTable;
}

const ownKind = (name: string): ColumnKind => (name.endsWith('_at') ? 'instant' : 'text');
const ownTable = (table: string, names: readonly string[]): PlacedTable => ({
  sql: `${schemaName}.${table}`,
  schema: schemaName,
  columns: new Map(names.map((name) => [name, { sql: quotedName(name), kind: ownKind(name) }])),
});

/** Our own tables, as migration 0007 makes them. */
export const ownLayout: RunLayout = {
  runs: ownTable('runs', runColumnNames),
  steps: ownTable('steps', stepColumnNames),
};

const kinds: Record<string, ColumnKind> = {
  timestamptz: 'instant',
  timestamp: 'local',
  date: 'date',
  numeric: 'number',
  float4: 'number',
  float8: 'number',
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  uuid: 'uuid',
  text: 'text',
  varchar: 'text',
};

interface CatalogRow {
  schema: string;
  table: string;
  isVisible: boolean;
  columns: { name: string; type: string }[];
}

/** Views count, too. `base` sees through a domain. */
const catalogSql = `
  select n.nspname as schema, c.relname as table, pg_table_is_visible(c.oid) as "isVisible",
         coalesce(json_agg(json_build_object('name', a.attname, 'type', coalesce(base.typname, t.typname))
                           order by a.attnum) filter (where a.attname is not null), '[]') as columns
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_type t on t.oid = a.atttypid
  left join pg_type base on base.oid = t.typbasetype and t.typtype = 'd'
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
    and lower(c.relname) = lower($1) and ($2::text is null or lower(n.nspname) = lower($2))
  group by n.nspname, c.relname, c.oid`;

/** The exact name first, then the visible ones, and our own schema last: its tables are read anyway. */
function nearest(rows: CatalogRow[], { schema, table }: TableName) {
  const rank = (row: CatalogRow): number =>
    (row.table === table ? 0 : 8) +
    (schema === null || row.schema === schema ? 0 : 4) +
    (schema === null && row.schema === schemaName ? 2 : 0) +
    (row.isVisible ? 0 : 1);
  return rows.toSorted((a, b) => rank(a) - rank(b) || (a.schema < b.schema ? -1 : 1))[0];
}

async function placeTable(
  pool: Pool,
  { source, which, where }: { source: RunSource; which: 'runs' | 'steps'; where: string },
): Promise<PlacedTable> {
  const name = tableNameOf(source[which]);
  const { rows } = await pool.query<CatalogRow>(catalogSql, [name.table, name.schema]);
  const found = nearest(rows, name);
  if (found === undefined) {
    const problem =
      `runs.source.${which}: there is no table "${source[which]}" in ${where}, or this user may not see it. ` +
      `Name it with its schema, for example ${which}: public.${name.table}`;
    throw new OpsError('invalidInput', problem, { field: `runs.source.${which}` });
  }
  const table = `${found.schema}.${found.table}`;
  const columns = new Map<string, PlacedColumn>();
  for (const [ours, theirs] of Object.entries(source.columns[which])) {
    const column =
      found.columns.find((candidate) => candidate.name === theirs) ??
      found.columns.find((candidate) => candidate.name === theirs.toLowerCase());
    if (column !== undefined)
      columns.set(ours, { sql: quotedName(column.name), kind: kinds[column.type] ?? 'other' });
    else if (ours === 'id' || ours === 'run_id' || (ours === 'name' && which === 'steps')) {
      const field = `runs.source.columns.${which}.${ours}`;
      const there = found.columns.map((candidate) => candidate.name).join(', ');
      const example = `columns: {${which}: {${ours}: ${found.columns[0]?.name ?? theirs}}}`;
      const problem = `${field}: the table ${table} has no column "${theirs}"; it has ${there}. For example ${example}`;
      throw new OpsError('invalidInput', problem, { field });
    }
  }
  return { sql: quotedTable(found), schema: quotedName(found.schema), columns };
}

/**
 * Finds the tables and columns that `source` names. Throws OpsError `invalidInput` when a table or a column that must be
 * there is not; `where` is what people call the database.
 */
export async function readRunLayout(pool: Pool, source: RunSource, where: string): Promise<RunLayout> {
  // One after the other, so that of two problems always the same one is told.
  const runs = await placeTable(pool, { source, which: 'runs', where });
  return { runs, steps: await placeTable(pool, { source, which: 'steps', where }) };
}
