/** SQL that the owner of a foreign source may run, so that its changes are heard at once and shared between opsloops. */
import type { RunSource } from './run-settings.js';
import { quotedName, quotedTable, tableNameOf } from './sql-names.js';

interface Hearer {
  /** `run` or `step`. */
  what: string;
  /** Quoted. */
  table: string;
  /** Quoted: the column with the id of the run. */
  column: string;
  /** Quoted, with a dot; or empty. */
  schema: string;
}

/** PostgreSQL takes payloads below 8,000 bytes; a longer id means: look at everything. */
const triggerSql = ({ what, table, column, schema }: Hearer): string => `
create or replace function ${schema}opsloop_notify_of_${what}() returns trigger language plpgsql as $opsloop$
declare
  id text := coalesce(new.${column}::text, '');
begin
  perform pg_notify('opsloop_runs', case when octet_length(id) <= 7900 then id else '' end);
  return null;
end $opsloop$;
drop trigger if exists opsloop_notify_of_${what} on ${table};
create trigger opsloop_notify_of_${what} after insert or update on ${table}
  for each row execute function ${schema}opsloop_notify_of_${what}();
`;

/** Without a schema of its own, all is made where the table of runs is found. */
const findSchemaSql = (table: string): string => `
select set_config('search_path', quote_ident(n.nspname) || ', ' || current_setting('search_path'), true)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.oid = '${table.replaceAll("'", "''")}'::regclass;
`;

/** The table of claims under a quoted name, as migration 0007 makes our own. */
export const claimTableSql = (table: string): string => `create table if not exists ${table} (
  run_id      text primary key,
  completion  integer not null,
  is_open     boolean not null default false,
  facts       jsonb not null,
  owner       text not null,
  lease_until timestamptz not null,
  done_at     timestamptz,
  archive     jsonb
)`;

/**
 * Triggers on both tables that notify of each change, and the table of claims. It may be run again at any time, by whoever
 * owns the tables; views have no such triggers, their tables have.
 */
export function runTriggersSql({ runs, steps, columns }: RunSource): string {
  const name = tableNameOf(runs);
  const runTable = quotedTable(name);
  const schema = name.schema === null ? '' : `${quotedName(name.schema)}.`;
  const stepTable = quotedTable(tableNameOf(steps));
  return `-- opsloop hears of each change of these tables at once: it listens to the channel opsloop_runs.
begin;
${name.schema === null ? findSchemaSql(runTable) : ''}${[
    triggerSql({ what: 'run', table: runTable, column: quotedName(columns.runs.id), schema }),
    triggerSql({ what: 'step', table: stepTable, column: quotedName(columns.steps.run_id), schema }),
  ].join('')}
-- Several opsloops with databases of their own share the runs by this table (runs.source.claims).
${claimTableSql(`${schema}opsloop_run_claim`)};
create index if not exists opsloop_run_claim_open on ${schema}opsloop_run_claim (owner) where done_at is null;
commit;
`;
}
