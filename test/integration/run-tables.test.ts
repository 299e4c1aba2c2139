// The tables that pipelines write: their triggers, and finding them without naming the schema.
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { askDatabase } from '../support/database-question.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const schema = useScratchSchema();

describe('the triggers of runs and steps', () => {
  beforeEach(async () => {
    await schema.pool().query('truncate runs, steps');
  });
  const updatedAt = async (): Promise<number | undefined> => {
    const { rows } = await schema.pool().query<{ at: Date }>('select updated_at as at from steps');
    return rows[0]?.at.getTime();
  };

  it('write updated_at for whoever does not, when something changed', async () => {
    await schema
      .pool()
      .query(`insert into steps (run_id, name, started_at) values ('r', 'a', '2026-01-01T00:00Z')`);
    expect(await updatedAt()).toBe(Date.UTC(2026, 0, 1));
    await schema.pool().query(`update steps set state = 'pending'`);
    expect(await updatedAt()).toBe(Date.UTC(2026, 0, 1));
    await schema.pool().query(`update steps set state = 'running'`);
    expect(await updatedAt()).toBeGreaterThan(Date.UTC(2026, 0, 1));
    await schema.pool().query(`update steps set state = 'failed', updated_at = '2026-02-01T00:00Z'`);
    expect(await updatedAt()).toBe(Date.UTC(2026, 1, 1));
  });

  it('write an instant when a row comes without any', async () => {
    await schema.pool().query(`insert into runs (id) values ('r')`);
    const { rows } = await schema
      .pool()
      .query<{ is: boolean }>(`select updated_at > now() - interval '1 minute' as is from runs`);
    expect(rows).toEqual([{ is: true }]);
  });

  it('work for a pipeline that writes with the schema named and its own search path', async () => {
    const client = new pg.Client({ connectionString: schema.url() });
    await client.connect();
    try {
      await client.query('set search_path = pg_catalog');
      await client.query(`insert into opsloop.runs (id) values ('r')`);
      await client.query(`update opsloop.runs set state = 'succeeded'`);
    } finally {
      await client.end();
    }
    expect(await schema.rowsOf('runs')).toMatchObject([{ id: 'r', state: 'succeeded' }]);
  });
});

describe('plain names of the tables', () => {
  let database: ScratchDatabase;
  beforeEach(async () => {
    database = await createScratchDatabase();
  });
  afterEach(() => database.drop());
  const path = (url = database.url): Promise<Record<string, unknown> | undefined> =>
    askDatabase(url, 'show search_path');

  it("are found in a database of opsloop's own, also with extensions in it", async () => {
    await askDatabase(database.url, 'create extension if not exists pg_stat_statements').catch(
      () => undefined,
    );
    await migrate(database.url);
    await askDatabase(database.url, `insert into runs (id) values ('r')`);
    await askDatabase(database.url, `insert into steps (run_id, name) values ('r', 'a')`);
    expect(await askDatabase(database.url, 'select id from opsloop.runs')).toEqual({ id: 'r' });
  });

  it.each(['create table public.runs (id int)', 'create view public.orders as select 1 as a'])(
    'are the business of the product that shares the database: %s',
    async (product) => {
      await askDatabase(database.url, product);
      const before = await path();
      await migrate(database.url);
      expect(await path()).toEqual(before);
    },
  );

  it('are left as somebody chose to have them', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await askDatabase(database.url, `alter database ${name} set search_path = public`);
    await migrate(database.url);
    expect(await path()).toEqual({ search_path: 'public' });
  });

  it('need the owner of the database, and nothing fails without him', async () => {
    const role = `guest_${randomBytes(4).toString('hex')}`;
    const name = new URL(database.url).pathname.slice(1);
    await askDatabase(database.url, `create role ${role} login password 'guest'`);
    try {
      await askDatabase(database.url, `grant create on database ${name} to ${role}`);
      const url = new URL(database.url);
      [url.username, url.password] = [role, 'guest'];
      const before = await path(url.href);
      expect((await migrate(url.href)).applied).not.toEqual([]);
      expect(await path(url.href)).toEqual(before);
    } finally {
      await askDatabase(database.url, `drop owned by ${role} cascade`);
      await askDatabase(database.url, `drop role ${role}`);
    }
  });
});
