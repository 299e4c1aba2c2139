/** Lets pipelines write to `runs` and `steps` without naming our schema, in a database that is opsloop's alone. */
import type { ClientBase } from 'pg';
import { schemaName } from './pool.js';

/** Tables and views of anybody else, and a search path that somebody has chosen; what belongs to extensions does not count. */
const isSharedSql = `
  select exists (
    select from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f')
      and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', $1)
      and not exists (select from pg_depend d
                      where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'))
  or exists (
    select from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase,
                unnest(s.setconfig) as setting
    where d.datname = current_database() and s.setrole = 0 and setting like 'search_path=%') as shared`;

/**
 * Sets the database's search path, for sessions that begin later, when it holds nothing but our schema. A database that is
 * shared with a product is left alone, and so is one that this user may not alter. Safe to repeat.
 */
export async function showSchemaByDefault(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ shared: boolean }>(isSharedSql, [schemaName]);
  if (rows[0]?.shared !== false) return;
  try {
    await client.query(`do $$ begin
      execute format('alter database %I set search_path = ${schemaName}, public', current_database());
    end $$`);
  } catch (error) {
    // 42501: not the owner. Then plain names are not for this database; everything of ours works without it.
    if (!(error instanceof Error && 'code' in error && error.code === '42501')) throw error;
  }
}
