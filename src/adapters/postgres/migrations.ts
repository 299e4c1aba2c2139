/** Brings opsloop's schema up to date: numbered SQL files, each applied once, in order, and never changed again. */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ClientBase, Pool } from 'pg';
import { OpsError } from '../../domain/errors.js';
import { createPool, schemaName } from './pool.js';
import { showSchemaByDefault } from './search-path.js';

/** The folder beside `src` and `dist`; this file is three levels below it in both. */
const migrationsFolder = fileURLToPath(new URL('../../../migrations/', import.meta.url));

// Any number does, as long as no other program takes the same lock in this database.
const migrationLock = 7_120_040_551;

interface Migration {
  number: number;
  name: string;
  sql: string;
  sha256: string;
}

interface AppliedMigration {
  number: number;
  name: string;
  sha256: string;
}

export interface MigrationOptions {
  /** Folder of the numbered SQL files; default: the ones of this release. */
  folder?: string;
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_\w+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(`${folder}/${name}`, 'utf8');
      const sha256 = createHash('sha256').update(sql).digest('hex');
      return { number: Number(name.slice(0, 4)), name, sql, sha256 };
    }),
  );
}

async function readApplied(database: Pool | ClientBase): Promise<AppliedMigration[]> {
  const { rows: found } = await database.query<{ exists: boolean }>(
    `select to_regclass('${schemaName}.schema_migration') is not null as exists`,
  );
  if (found[0]?.exists !== true) return [];
  const { rows } = await database.query<AppliedMigration>(
    `select number, name, sha256 from ${schemaName}.schema_migration order by number`,
  );
  return rows;
}

function newerSchemaError(name: string): OpsError {
  return new OpsError(
    'conflict',
    `the database was made by a newer opsloop: it has ${name}, which this version does not know. ` +
      'Nothing was changed. Upgrade opsloop, or point it at another database.',
  );
}

/** The files not applied yet; throws when the database is newer, or an applied file has been changed since. */
function pendingMigrations(known: Migration[], applied: AppliedMigration[]): Migration[] {
  const knownByNumber = new Map(known.map((migration) => [migration.number, migration]));
  for (const { number, name, sha256 } of applied) {
    const file = knownByNumber.get(number);
    if (file === undefined) throw newerSchemaError(name);
    if (file.sha256 !== sha256) {
      throw new OpsError(
        'conflict',
        `migration ${file.name} is not the file that was applied (sha256 ${file.sha256.slice(0, 12)}…, ` +
          `applied ${sha256.slice(0, 12)}…). Applied files never change: restore it and put the change into a new file.`,
      );
    }
  }
  const appliedNumbers = new Set(applied.map(({ number }) => number));
  return known.filter(({ number }) => !appliedNumbers.has(number));
}

/**
 * A file whose first line is `-- no transaction` runs outside of one (CREATE INDEX CONCURRENTLY). It holds a single
 * statement that can be repeated: the server would wrap several into a transaction after all.
 */
async function applyMigration(client: ClientBase, { number, name, sql, sha256 }: Migration): Promise<void> {
  const isInTransaction = !/^-- no transaction\b/.test(sql);
  const record = `insert into ${schemaName}.schema_migration (number, name, sha256) values ($1, $2, $3)`;
  try {
    if (isInTransaction) await client.query('begin');
    await client.query(sql);
    await client.query(record, [number, name, sha256]);
    if (isInTransaction) await client.query('commit');
  } catch (error) {
    if (isInTransaction) await client.query('rollback').catch(() => undefined);
    const message = error instanceof Error ? error.message : String(error);
    const left = isInTransaction
      ? 'nothing of it was kept'
      : 'it runs outside a transaction: look at what it left';
    throw new OpsError('conflict', `migration ${name} failed (${left}): ${message}`, { cause: error });
  }
}

async function migrateLocked(client: ClientBase, folder: string): Promise<string[]> {
  await client.query('select pg_advisory_lock($1)', [migrationLock]);
  try {
    // The schema first: pendingMigrations may refuse, and then nothing must have been created.
    const pending = pendingMigrations(await readMigrations(folder), await readApplied(client));
    if (pending.length === 0) return [];
    await client.query(`create schema if not exists ${schemaName}`);
    await client.query(`create table if not exists ${schemaName}.schema_migration (
      number integer primary key, name text not null, sha256 text not null,
      applied_at timestamptz not null default now())`);
    for (const migration of pending) await applyMigration(client, migration);
    await showSchemaByDefault(client);
    return pending.map(({ name }) => name);
  } finally {
    await client.query('select pg_advisory_unlock($1)', [migrationLock]).catch(() => undefined);
  }
}

/**
 * Applies what is missing, one runner at a time (the others wait), and returns the names of the files applied.
 * Safe to repeat. Throws OpsError `conflict` when the database is newer than this release, when an applied
 * file was changed, or when a file fails (it then leaves nothing behind).
 */
export async function migrate(
  database: string | Pool,
  { folder = migrationsFolder }: MigrationOptions = {},
): Promise<{ applied: string[] }> {
  if (typeof database === 'string') {
    const pool = createPool({ url: database, max: 1, applicationName: 'opsloop-migrate' });
    try {
      return await migrate(pool, { folder });
    } finally {
      await pool.end();
    }
  }
  const client = await database.connect();
  try {
    return { applied: await migrateLocked(client, folder) };
  } finally {
    client.release();
  }
}

export type SchemaState =
  | { kind: 'upToDate' }
  /** `missing` are the files that `opsloop apply` would run. */
  | { kind: 'old'; missing: string[] }
  /** `unknown` is the newest migration that this release does not know. */
  | { kind: 'newer'; unknown: string };

/** Compares the database with the migrations of this release; changes nothing. */
export async function schemaState(
  database: Pool,
  { folder = migrationsFolder }: MigrationOptions = {},
): Promise<SchemaState> {
  const [known, applied] = await Promise.all([readMigrations(folder), readApplied(database)]);
  const knownNumbers = new Set(known.map(({ number }) => number));
  const unknown = applied.findLast(({ number }) => !knownNumbers.has(number));
  if (unknown !== undefined) return { kind: 'newer', unknown: unknown.name };
  const appliedNumbers = new Set(applied.map(({ number }) => number));
  const missing = known.filter(({ number }) => !appliedNumbers.has(number)).map(({ name }) => name);
  return missing.length === 0 ? { kind: 'upToDate' } : { kind: 'old', missing };
}

/** Throws OpsError `conflict` with what to do unless the database fits this release; for worker, API and CLI. */
export async function requireCurrentSchema(database: Pool, options: MigrationOptions = {}): Promise<void> {
  const state = await schemaState(database, options);
  switch (state.kind) {
    case 'upToDate':
      return;
    case 'old':
      throw new OpsError(
        'conflict',
        `the database has an old schema (${state.missing.join(', ')} not applied yet). Run \`opsloop apply\`.`,
      );
    case 'newer':
      throw newerSchemaError(state.unknown);
  }
}
