// Migrations against a real PostgreSQL.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, requireCurrentSchema, schemaState } from '../../src/adapters/postgres/migrations.js';
import { asDatabaseError, createPool, databaseAddress } from '../../src/adapters/postgres/pool.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

let database: ScratchDatabase;
let pool: Pool;
let folder: string;

beforeEach(async () => {
  database = await createScratchDatabase();
  pool = createPool({ url: database.url });
  folder = await mkdtemp(join(tmpdir(), 'opsloop-migrations-'));
  await writeFile(join(folder, '0001_first.sql'), 'create table first (id int);');
});
afterEach(async () => {
  await pool.end();
  await database.drop();
  await rm(folder, { recursive: true });
});

const tables = async (): Promise<string[]> => {
  const { rows } = await pool.query<{ name: string }>(
    `select table_schema || '.' || table_name as name from information_schema.tables
     where table_schema in ('opsloop', 'public') order by 1`,
  );
  return rows.map(({ name }) => name);
};

describe('migrate', () => {
  it('brings an empty database up to date, into its own schema, and does nothing the second time', async () => {
    expect((await schemaState(pool)).kind).toBe('old');
    await expect(requireCurrentSchema(pool)).rejects.toThrow(/Run `opsloop apply`/);
    const { applied } = await migrate(database.url);
    expect(applied[0]).toMatch(/^0001_/);
    expect(await tables()).toContain('opsloop.heartbeat_service');
    expect((await tables()).filter((name) => name.startsWith('public.'))).toEqual([]);
    expect(await migrate(pool)).toEqual({ applied: [] });
    await requireCurrentSchema(pool);
  });

  it('lets one of several runners work while the others wait', async () => {
    const results = await Promise.all([1, 2, 3, 4].map(() => migrate(database.url, { folder })));
    expect(results.flatMap(({ applied }) => applied)).toEqual(['0001_first.sql']);
  });

  it('applies what is new in order, and keeps nothing of a file that fails', async () => {
    await migrate(pool, { folder });
    await writeFile(join(folder, '0003_third.sql'), 'create table third (id int); select 1 / 0;');
    await writeFile(join(folder, '0002_second.sql'), 'create table second (id int);');
    await expect(migrate(pool, { folder })).rejects.toThrow(/0003_third\.sql failed.*division by zero/);
    expect(await tables()).toEqual(['opsloop.first', 'opsloop.schema_migration', 'opsloop.second']);
    expect(await schemaState(pool, { folder })).toEqual({ kind: 'old', missing: ['0003_third.sql'] });
    await writeFile(join(folder, '0003_third.sql'), 'create table third (id int);');
    expect(await migrate(pool, { folder })).toEqual({ applied: ['0003_third.sql'] });
  });

  it('runs a file outside a transaction when its first line says so', async () => {
    await writeFile(
      join(folder, '0002_index.sql'),
      '-- no transaction\ncreate index concurrently first_id on first (id);',
    );
    expect((await migrate(pool, { folder })).applied).toEqual(['0001_first.sql', '0002_index.sql']);
  });

  it('refuses a file that was changed after it was applied', async () => {
    await migrate(pool, { folder });
    await writeFile(join(folder, '0001_first.sql'), 'create table first (id bigint);');
    await expect(migrate(pool, { folder })).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringMatching(/0001_first\.sql is not the file that was applied/) as string,
    });
  });

  it('refuses a database of a newer release and changes nothing', async () => {
    await writeFile(join(folder, '0002_second.sql'), 'create table second (id int);');
    await migrate(pool, { folder });
    await rm(join(folder, '0002_second.sql'));
    await writeFile(join(folder, '0003_third.sql'), 'create table third (id int);');
    await expect(migrate(pool, { folder })).rejects.toThrow(
      /newer opsloop: it has 0002_second\.sql.*Upgrade/,
    );
    expect(await schemaState(pool, { folder })).toEqual({ kind: 'newer', unknown: '0002_second.sql' });
    await expect(requireCurrentSchema(pool, { folder })).rejects.toThrow(/Upgrade opsloop/);
    expect(await tables()).not.toContain('opsloop.third');
  });
});

describe('createPool', () => {
  it('looks into the schema of opsloop first on every connection', async () => {
    const paths = await Promise.all(
      [1, 2, 3].map(
        async () => (await pool.query<{ search_path: string }>('show search_path')).rows[0]?.search_path,
      ),
    );
    expect(paths).toEqual(Array.from({ length: 3 }, () => 'opsloop, public'));
  });

  it('survives the loss of an idle connection', async () => {
    await pool.query('select 1');
    const killer = createPool({ url: database.url, max: 1 });
    await killer.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()',
    );
    await killer.end();
    await expect.poll(() => pool.totalCount).toBe(0);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('fails with the address and what to do, and without the password', async () => {
    const url = 'postgres://user:hunter2@127.0.0.1:1/shop';
    const nowhere = createPool({ url });
    const error = await nowhere.query('select 1').catch((problem: unknown) => asDatabaseError(problem, url));
    await nowhere.end();
    expect(error).toMatchObject({ reason: 'unavailable' });
    expect(String(error)).toContain('127.0.0.1:1/shop');
    expect(String(error)).toContain('opsloop up');
    expect(String(error)).not.toContain('hunter2');
    expect(databaseAddress('postgres:///shop?host=/run/pg')).toBe('/run/pg:5432/shop');
  });
});
