// Runs as the tables tell them: our own, and foreign ones of several shapes, in a real PostgreSQL.
import fc from 'fast-check';
import type { Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPool } from '../../src/adapters/postgres/pool.js';
import {
  foreignRunSource,
  ownRunSource,
  type RunSourceReader,
} from '../../src/adapters/postgres/run-source.js';
import { makeRunSource, type RunSourceParts } from '../support/run-sources.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const schema = useScratchSchema();
const week = 7 * 86_400_000;
const marksOf = async (source: RunSourceReader): Promise<string[]> =>
  [...(await source.readMarks(week)).keys()].sort();

describe('our own tables', () => {
  beforeEach(async () => {
    await schema.pool().query('truncate runs, steps');
  });

  it('tell runs that are open or changed lately, and not those that ended long ago', async () => {
    await schema.pool().query(`
      insert into runs (id, state, updated_at, finished_at) values
        ('open', 'running', now() - interval '90 days', null),
        ('unsaid', null, now() - interval '90 days', null),
        ('fresh', 'succeeded', now() - interval '1 day', now() - interval '1 day'),
        ('old', 'succeeded', now() - interval '8 days', now() - interval '8 days');
      insert into steps (run_id, name) values ('nobody', 'a')`);
    expect(await marksOf(ownRunSource(schema.pool()))).toEqual(['fresh', 'open', 'unsaid']);
  });

  it('give all facts of a run, its steps by name, and leave out what is not there', async () => {
    await schema.pool().query(`
      insert into runs values ('r', 'Nightly', 'running', '/work/r', '2026-11-25T10:00Z', '2026-11-25T10:01Z', null);
      insert into steps values ('r', 'b', 'Failed', 'disk full', '2026-11-25T10:00Z', '2026-11-25T10:01:00.5Z', '2026-11-25T10:01Z'),
                               ('r', 'a', 'odd word', null, null, '2026-11-25T10:01Z', null)`);
    const runs = await ownRunSource(schema.pool()).readRuns(['r', 'nobody', 'r', 'x\u0000y']);
    const at = Date.UTC(2026, 10, 25, 10);
    expect(runs).toEqual([
      {
        id: 'r',
        name: 'Nightly',
        state: 'running',
        workDirectory: '/work/r',
        startedAt: at,
        updatedAt: at + 60_000,
        finishedAt: null,
        steps: [
          {
            name: 'a',
            state: 'odd word',
            error: null,
            startedAt: null,
            updatedAt: at + 60_000,
            finishedAt: null,
          },
          {
            name: 'b',
            state: 'failed',
            error: 'disk full',
            startedAt: at,
            updatedAt: at + 60_500,
            finishedAt: at + 60_000,
          },
        ],
      },
    ]);
  });

  it('give more runs than are asked for at once', async () => {
    await schema
      .pool()
      .query(`insert into runs (id, state) select 'r' || i, 'running' from generate_series(1, 2500) i`);
    const source = ownRunSource(schema.pool());
    expect(await source.readRuns(await marksOf(source))).toHaveLength(2500);
  });

  it('have other marks exactly when the facts are others', async () => {
    const source = ownRunSource(schema.pool());
    const value = (...values: string[]) => fc.constantFrom('null', ...values);
    const times = ["'2026-11-25T10:00Z'", "'2026-11-25T10:00:00.001Z'", 'now()'];
    const change = fc.oneof(
      fc.tuple(fc.constant('runs'), fc.constantFrom('started_at', 'finished_at'), value(...times)),
      fc.tuple(fc.constant('runs'), fc.constantFrom('name', 'work_directory'), value("''", "'a'", "'b'")),
      fc.tuple(fc.constant('runs'), fc.constant('state'), value("'pending'", "'failed'")),
      fc.tuple(fc.constant('steps'), fc.constantFrom('started_at', 'finished_at'), value(...times)),
      fc.tuple(fc.constant('steps'), fc.constant('state'), fc.constantFrom("''", "'running'", "'failed'")),
      fc.tuple(fc.constant('steps'), fc.constant('error'), value("''", "'a,b'", "'a'")),
      fc.tuple(fc.constant('steps'), fc.constant('name'), fc.constantFrom("'x'", "'y'")),
    );
    const seen = async (): Promise<{ marks: string; facts: string }> => {
      const marks = await source.readMarks(week);
      return { marks: marks.get('r') ?? '', facts: JSON.stringify(await source.readRuns(['r'])) };
    };
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
        await schema.pool().query(`truncate runs, steps; insert into runs (id) values ('r');
          insert into steps (run_id, name) values ('r', 'x'), ('r', 'z')`);
        for (const [table, column, to] of changes) {
          const before = await seen();
          const where = table === 'runs' ? "id = 'r'" : "run_id = 'r' and name <> 'z'";
          await schema.pool().query(`update ${table} set ${column} = ${to} where ${where}`);
          const after = await seen();
          expect(after.marks === before.marks).toBe(after.facts === before.facts);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('have other marks when a step comes or goes, and the same ones when rows only move', async () => {
    const source = ownRunSource(schema.pool());
    const mark = async () => (await source.readMarks(week)).get('r');
    await schema.pool().query(`insert into runs (id) values ('r')`);
    const none = await mark();
    await schema.pool().query(`insert into steps (run_id, name) values ('r', 'a'), ('r', 'b')`);
    const two = await mark();
    await schema.pool().query(`create temporary table kept as select * from steps; truncate steps;
      alter table steps disable trigger user;
      insert into steps select * from kept order by name desc; alter table steps enable trigger user; drop table kept`);
    expect(await mark()).toBe(two);
    await schema.pool().query(`delete from steps where name = 'b'`);
    expect(new Set([none, two, await mark()]).size).toBe(3);
    await schema.pool().query(`delete from steps`);
    expect(await mark()).toBe(none);
  });
});

describe('foreign tables', () => {
  let database: ScratchDatabase;
  let pool: Pool;
  beforeEach(async () => {
    database = await createScratchDatabase();
    pool = createPool({ url: database.url });
  });
  afterEach(async () => {
    await pool.end();
    await database.drop();
  });
  const sourceOf = (parts: RunSourceParts): RunSourceReader =>
    foreignRunSource({ pool, source: makeRunSource(parts), name: 'there' });

  it('are read with quoted names, uuid ids, an enum of states, and times without zone', async () => {
    await pool.query(`
      create schema "Pipe.Line";
      create type "Mood" as enum ('DONE', 'BUSY');
      create table "Pipe.Line"."Job Runs" ("runUuid" uuid primary key, "the ""name""" varchar(40), mood "Mood", began timestamp, ended timestamp);
      create table "Pipe.Line".tasks (run uuid not null, "Task" text, mood text, began timestamp);
      set timezone = 'Asia/Tokyo';
      insert into "Pipe.Line"."Job Runs" values ('0a1b2c3d-0000-4000-8000-00000000000a', 'n', 'DONE', '2026-11-25 10:00', now()),
        ('0a1b2c3d-0000-4000-8000-00000000000b', 'old', 'DONE', '2020-11-25 10:00', '2020-11-25 11:00'),
        ('0a1b2c3d-0000-4000-8000-00000000000c', 'busy', 'BUSY', '2020-11-25 10:00', null);
      insert into "Pipe.Line".tasks values ('0a1b2c3d-0000-4000-8000-00000000000a', 'Build', 'done', '2026-11-25 10:00')`);
    const source = sourceOf({
      runs: '"Pipe.Line"."Job Runs"',
      steps: '"Pipe.Line".tasks',
      runColumns: {
        id: 'runUuid',
        name: 'the "name"',
        state: 'mood',
        started_at: 'began',
        finished_at: 'ended',
      },
      stepColumns: { run_id: 'run', name: 'Task', state: 'mood', started_at: 'began' },
      states: { done: 'succeeded', busy: 'running' },
    });
    const [a = '', c = ''] = await marksOf(source);
    expect([a.at(-1), c.at(-1)]).toEqual(['a', 'c']);
    const [run, ...others] = await source.readRuns([a, 'no uuid']);
    expect(others).toEqual([]);
    const at = Date.UTC(2026, 10, 25, 10);
    expect(run).toMatchObject({
      id: a,
      name: 'n',
      state: 'succeeded',
      workDirectory: null,
      startedAt: at,
      updatedAt: null,
    });
    expect(run?.steps).toEqual([
      { name: 'Build', state: 'succeeded', error: null, startedAt: at, updatedAt: null, finishedAt: null },
    ]);
  });

  it('are read with numbers as ids and states, and epochs in seconds and milliseconds', async () => {
    await pool.query(`
      create table runs (id int primary key, state int, started_at bigint, updated_at double precision, finished_at numeric);
      create table steps (run_id bigint, name text, state smallint, updated_at numeric);
      insert into runs values (1, 2, 1764000000, 1764000000123.4, 'NaN'), (2, 9, 5, null, 0), (3, 2, 5, 5, 5),
        (4, 2, 0, null, null), (5, 2, 5, extract(epoch from now()), null), (6, 2, 5, null, extract(epoch from now()) * 1000);
      insert into steps values (1, 'a', 2, 1764000000.5), (1, 'b', 1, null), (77, 'x', 1, null)`);
    const source = sourceOf({ states: { '2': 'succeeded', '1': 'running' } });
    // 3 ended long ago; 4 has no time at all; 1 has a time that is no number, later than everything.
    expect(await marksOf(source)).toEqual(['1', '2', '4', '5', '6']);
    const runs = await source.readRuns(['1', '2', '99', 'x', '9'.repeat(30), '1.0']);
    expect(runs.map(({ id }) => id).sort()).toEqual(['1', '2']);
    expect(runs.find(({ id }) => id === '1')).toMatchObject({
      state: 'succeeded',
      startedAt: 1_764_000_000_000,
      updatedAt: 1_764_000_000_123,
      finishedAt: null,
      steps: [
        { name: 'a', state: 'succeeded', updatedAt: 1_764_000_000_500 },
        { name: 'b', state: 'running' },
      ],
    });
    expect(runs.find(({ id }) => id === '2')?.state).toBeNull();
  });

  it('are read with texts as times, and bad ones are none', async () => {
    await pool.query(`
      create table runs (id uuid, state text, started_at text, finished_at text);
      create table steps (run_id text, name text, state text, started_at text, finished_at date);
      insert into runs values ('0a1b2c3d-0000-4000-8000-000000000001', 'succeeded', 'soon', to_char(now(), 'YYYY-MM-DD HH24:MI')),
        ('0a1b2c3d-0000-4000-8000-000000000002', 'succeeded', '1', '2020-01-01T00:00:00Z'),
        ('0a1b2c3d-0000-4000-8000-000000000003', 'succeeded', 'never', ''),
        ('0a1b2c3d-0000-4000-8000-000000000004', 'succeeded', ' 4e9999', extract(epoch from now())::text);
      insert into steps values ('0a1b2c3d-0000-4000-8000-000000000001', 's', 'running', '2026-11-25T10:00:00+01:00', '2026-11-25')`);
    const source = sourceOf({});
    const ids = await marksOf(source);
    expect(ids.map((id) => id.at(-1))).toEqual(['1', '3', '4']);
    const [run] = await source.readRuns(ids.slice(0, 1));
    expect(run).toMatchObject({
      startedAt: null,
      steps: [{ startedAt: Date.UTC(2026, 10, 25, 9), finishedAt: Date.UTC(2026, 10, 25) }],
    });
  });

  it('may be views without states and times, with several attempts of a step of which the newest counts', async () => {
    await pool.query(`
      create table attempts (id serial, run text, task text, result text, finished timestamptz);
      insert into attempts (run, task, result, finished) values ('r', 't', 'failed', '2026-11-25T10:00Z'),
        ('r', 't', 'succeeded', '2026-11-25T11:00Z'), ('r', 't', 'failed', '2026-11-25T09:00Z');
      create view runs as select distinct run as id from attempts;
      create view steps as select run as run_id, task as name, result as state, finished as finished_at from attempts`);
    const source = sourceOf({});
    expect(await marksOf(source)).toEqual(['r']);
    expect(await source.readRuns(['r'])).toMatchObject([
      { state: null, name: null, steps: [{ name: 't', state: 'succeeded' }] },
    ]);
  });

  it('are looked for once more when they were changed', async () => {
    await pool.query('create table runs (id int); create table steps (run_id int, name text, state text)');
    const source = sourceOf({});
    await pool.query(`insert into runs values (1)`);
    expect(await marksOf(source)).toEqual(['1']);
    await pool.query(
      'alter table steps drop column state; alter table runs alter column id type text; alter table steps alter run_id type text',
    );
    await pool.query(`insert into runs values ('two')`);
    expect(await marksOf(source)).toEqual(['1', 'two']);
    expect((await source.readRuns(['two'])).map(({ id }) => id)).toEqual(['two']);
  });

  it('that are not there, or lack a column, are named with what to write', async () => {
    await expect(sourceOf({ runs: 'pipe.runs' }).readMarks(week)).rejects.toMatchObject({
      reason: 'invalidInput',
      field: 'runs.source.runs',
      message: expect.stringContaining('no table "pipe.runs" in there') as unknown,
    });
    await pool.query('create table runs (job_id int, title text); create table steps (run_id int)');
    await expect(sourceOf({}).readRuns(['1'])).rejects.toMatchObject({
      field: 'runs.source.columns.runs.id',
      message: expect.stringContaining(
        'public.runs has no column "id"; it has job_id, title. For example columns: {runs: {id: job_id}}',
      ) as unknown,
    });
    await expect(sourceOf({ runColumns: { id: 'job_id' } }).readMarks(week)).rejects.toMatchObject({
      field: 'runs.source.columns.steps.name',
    });
  });

  it('of the name of our own are meant when they share the database with ours', async () => {
    await pool.query(`create schema opsloop; create table opsloop.runs (id int); create table opsloop.steps (run_id int, name text);
      insert into opsloop.runs values (1);
      create table public.runs (id int); create table public.steps (run_id int, name text); insert into public.runs values (2)`);
    expect(await marksOf(sourceOf({}))).toEqual(['2']);
    expect(await marksOf(sourceOf({ runs: 'opsloop.runs', steps: 'opsloop.steps' }))).toEqual(['1']);
  });
});
