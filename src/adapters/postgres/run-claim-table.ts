/** The table of claims in somebody else's database: made where that is allowed, so that several opsloops share the work. */
import type { Pool } from 'pg';
import { claimTableSql } from '../../domain/run-triggers.js';

const name = 'opsloop_run_claim';

/**
 * The name of the table in a schema (quoted: that of the table of runs); null when it is not there and may not be made: then opsloops with
 * databases of their own each archive for themselves, which is said once.
 */
export async function ensureClaimTable(
  pool: Pool,
  schema: string,
  log: { warn(message: string, detail?: object): void },
): Promise<string | null> {
  const table = `${schema}.${name}`;
  try {
    const { rows } = await pool.query<{ found: string | null }>('select to_regclass($1)::text as found', [
      table,
    ]);
    if (typeof rows[0]?.found === 'string') return table;
    await pool.query(claimTableSql(table));
    return table;
  } catch (error) {
    // Two who make it at the same moment: for one of them it is there already, however `if not exists` reads.
    if (isThereAlready(error)) return table;
    if (!isForbidden(error)) throw error;
    log.warn(
      `the table ${name} is not in the source of runs and may not be made there: several opsloops that watch it would each ` +
        'archive for themselves. Run the SQL of `opsloop runs triggers` there once, or set runs.source.claims to false.',
      { error: String(error) },
    );
    return null;
  }
}

const isThereAlready = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '23505' || error.code === '42P07');

/** SQLSTATE of a missing permission, and of a database that is read only. */
const isForbidden = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '42501' || error.code === '25006');
