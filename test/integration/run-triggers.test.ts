// The SQL for foreign sources, run in databases with odd names.
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runTriggersSql } from '../../src/domain/run-triggers.js';
import { eventually } from '../support/eventually.js';
import { makeRunSource } from '../support/run-sources.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const schema = useScratchSchema();
let database: ScratchDatabase;
let client: pg.Client;
let heard: string[];

beforeEach(async () => {
  database = await createScratchDatabase();
  client = new pg.Client({ connectionString: database.url });
  heard = [];
  client.on('notification', ({ payload }) => heard.push(payload ?? ''));
  await client.connect();
  await client.query('listen opsloop_runs');
});
afterEach(async () => {
  await client.end();
  await database.drop();
});

const columnsOf = async (db: pg.Client | ReturnType<typeof schema.pool>, table: string): Promise<unknown[]> =>
  (
    await db.query<Record<string, unknown>>(
      `select column_name, data_type, is_nullable, column_default from information_schema.columns
       where table_name = $1 order by column_name`,
      [table],
    )
  ).rows;

describe('the SQL for a foreign source', () => {
  it('notifies of uuids in quoted columns of a schema of its own, and may be run again', async () => {
    await client.query(`
      create schema "Pipe.Line";
      create table "Pipe.Line"."Job's Runs" ("runUuid" uuid primary key);
      create table "Pipe.Line"."Tasks" ("of ""Run""" uuid, "Name" text)`);
    const sql = runTriggersSql(
      makeRunSource({
        runs: `"Pipe.Line"."Job's Runs"`,
        steps: '"Pipe.Line".Tasks',
        runColumns: { id: 'runUuid' },
        stepColumns: { run_id: 'of "Run"', name: 'Name' },
      }),
    );
    await client.query(sql);
    await client.query(sql);
    const [a, b] = ['0a1b2c3d-0000-4000-8000-00000000000a', '0a1b2c3d-0000-4000-8000-00000000000b'];
    await client.query(`insert into "Pipe.Line"."Job's Runs" values ('${a}')`);
    await client.query(`insert into "Pipe.Line"."Tasks" values ('${b}', 'x')`);
    await client.query(`update "Pipe.Line"."Tasks" set "Name" = 'y'`);
    await eventually('three notifications', () => heard.length === 3);
    expect(heard).toEqual([a, b, b]);
    const { rows } = await client.query(
      `select table_schema from information_schema.tables where table_name = 'opsloop_run_claim'`,
    );
    expect(rows).toEqual([{ table_schema: 'Pipe.Line' }]);
  });

  it('makes all beside a table whose schema is not named, with the columns of our own claims', async () => {
    await client.query(`
      create schema pipe; create table pipe.runs (id text); create table pipe.steps (run_id bigint, name text);
      set search_path = public, pipe`);
    await client.query(runTriggersSql(makeRunSource()));
    expect((await client.query('show search_path')).rows).toEqual([{ search_path: 'public, pipe' }]);
    const { rows } = await client.query<{ place: string | null }>(
      `select to_regclass('pipe.opsloop_run_claim')::text as place`,
    );
    expect(rows[0]?.place).toBe('opsloop_run_claim');
    expect(await columnsOf(client, 'opsloop_run_claim')).toEqual(await columnsOf(schema.pool(), 'run_claim'));
    await client.query(`insert into pipe.steps values (7, 'x'), (null, 'y')`);
    await client.query(`insert into pipe.runs values (repeat('x', 7900)), (repeat('x', 7901))`);
    await eventually('four notifications', () => heard.length === 4);
    expect(heard.map((id) => id.length)).toEqual([1, 0, 7900, 0]);
  });

  it('leaves nothing behind where a table is missing', async () => {
    await client.query('create table runs (id text)');
    await expect(client.query(runTriggersSql(makeRunSource({ runs: 'public.runs' })))).rejects.toThrow(
      /steps/,
    );
    await client.query('rollback');
    const { rows } = await client.query(`select to_regclass('public.opsloop_run_claim') as place`);
    expect(rows).toEqual([{ place: null }]);
  });
});
