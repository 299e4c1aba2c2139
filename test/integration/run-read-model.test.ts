// What people read about runs, from rows in a real PostgreSQL: live ones, recorded ones, and both together.
import * as fc from 'fast-check';
import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { readRun, readRunIds, readRuns } from '../../src/adapters/postgres/run-read-model.js';
import {
  writeRunOutcome,
  writeSightings,
  type RunSighting,
} from '../../src/adapters/postgres/run-record-store.js';
import { ownRunSource } from '../../src/adapters/postgres/run-source.js';
import { judgeRun } from '../../src/domain/run-judgement.js';
import { runStates, type RunState } from '../../src/domain/run.js';
import { step } from '../support/run-facts.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

const environment = 'shop';
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();
const ms = (minute: number): number => Date.parse(at(minute));
let database: ScratchDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createScratchDatabase();
  pool = createPool({ url: database.url });
  await migrate(pool);
});
beforeEach(async () => {
  await pool.query('truncate runs, steps, run_record');
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const addRun = (id: string, state: string | null, startedAt: string | null = at(0)) =>
  pool.query('insert into runs (id, state, started_at) values ($1, $2, $3)', [id, state, startedAt]);

const addStep = (run: string, name: string, state: string, finishedAt: string | null = null) =>
  pool.query('insert into steps (run_id, name, state, finished_at) values ($1, $2, $3, $4)', [
    run,
    name,
    state,
    finishedAt,
  ]);

const record = (id: string, changes: Partial<RunSighting> = {}) =>
  writeSightings(pool, environment, [
    {
      id,
      source: '',
      name: null,
      state: 'running',
      steps: [],
      workDirectory: null,
      startedAt: ms(0),
      finishedAt: null,
      progressAt: null,
      completion: 0,
      detectedAt: null,
      archiveState: 'none',
      archive: null,
      problem: null,
      stallCount: 0,
      toldSteps: {},
      ...changes,
    },
  ]);

const list = (states: RunState[] | null = null, limit = 1000) =>
  readRuns(pool, environment, { states, limit });
const idsOf = async (states: RunState[] | null = null, limit = 1000) =>
  (await list(states, limit)).map(({ id }) => id);

describe('a run of our own tables', () => {
  it('is seen at once, before anybody looked at it', async () => {
    await addRun('r-1', 'pending', null);
    expect(await list()).toEqual([
      {
        id: 'r-1',
        name: null,
        state: 'running',
        steps: { total: 0, succeeded: 0, failed: 0 },
        startedAt: null,
        finishedAt: null,
        detectedAt: null,
        archive: null,
        archiveState: 'none',
        report: null,
        problem: null,
      },
    ]);
  });

  it('is over as soon as its steps are, whatever the record still says', async () => {
    await addRun('r-1', 'running');
    await addStep('r-1', 'build', 'succeeded', at(1));
    await addStep('r-1', 'load', 'FAILED', at(3));
    await addStep('r-1', 'clean', 'skipped', at(2));
    await record('r-1', { state: 'stalled' });
    expect(await list()).toMatchObject([
      { state: 'failed', steps: { total: 3, succeeded: 1, failed: 1 }, startedAt: at(0), finishedAt: at(3) },
    ]);
    expect(await idsOf(['failed'])).toEqual(['r-1']);
    expect(await idsOf(['running', 'stalled'])).toEqual([]);
  });

  it('is stalled when the record says so and it is not over', async () => {
    await addRun('r-1', 'running');
    await addStep('r-1', 'build', 'running');
    expect(await idsOf(['stalled'])).toEqual([]);
    await record('r-1', { state: 'stalled' });
    expect(await list(['stalled'])).toMatchObject([{ id: 'r-1', state: 'stalled', finishedAt: null }]);
    expect(await idsOf(['running'])).toEqual([]);
  });

  it('has what became of it from the record', async () => {
    await addRun('r-1', 'succeeded');
    await record('r-1', {
      state: 'succeeded',
      completion: 1,
      detectedAt: ms(5),
      archiveState: 'pending',
    });
    await writeRunOutcome(pool, environment, {
      id: 'r-1',
      completion: 1,
      archiveState: 'done',
      archive: { path: '/a/r-1.zip', bytes: 10, sha256: 'ab', entries: 3, verifiedAt: ms(6) },
      report: '/r/r-1_summary.json',
      problem: '1 link was left out',
    });
    expect(await list()).toMatchObject([
      {
        state: 'succeeded',
        detectedAt: at(5),
        archive: { path: '/a/r-1.zip', bytes: 10, sha256: 'ab', entries: 3, verifiedAt: at(6) },
        archiveState: 'done',
        report: '/r/r-1_summary.json',
        problem: '1 link was left out',
      },
    ]);
  });

  it('that goes on is running again, and keeps the archive that it has', async () => {
    const archive = { path: '/a/r-1.zip', bytes: 1, sha256: 'ab', entries: 1, verifiedAt: ms(6) };
    await record('r-1', { state: 'succeeded', completion: 1, archiveState: 'done', archive });
    await addRun('r-1', 'running');
    await addStep('r-1', 'build', 'succeeded');
    await addStep('r-1', 'late', 'pending');
    expect(await list()).toMatchObject([{ state: 'running', archive: { path: '/a/r-1.zip' } }]);
  });

  it('whose row is gone is told by its record', async () => {
    await record('r-1', { state: 'cancelled', problem: 'its row is gone', steps: [step('build', 'failed')] });
    expect(await list()).toMatchObject([
      { state: 'cancelled', problem: 'its row is gone', steps: { total: 1, succeeded: 0, failed: 1 } },
    ]);
  });

  it('is seen by every environment, and the record only by its own', async () => {
    await addRun('r-1', 'running');
    await record('r-1', { state: 'stalled', problem: 'told here' });
    await record('r-2');
    const elsewhere = await readRuns(pool, 'elsewhere', { states: null, limit: 10 });
    expect(elsewhere).toMatchObject([{ id: 'r-1', state: 'running', problem: null }]);
  });
});

describe('a run of a foreign source', () => {
  it('is what its record says, also when our own tables have one of the same id', async () => {
    await record('f-1', {
      source: 'db:5432/x runs',
      name: 'nightly',
      state: 'failed',
      finishedAt: ms(9),
      steps: [step('a', 'succeeded'), step('b', 'failed', { error: 'disk full' }), step('c', 'queued')],
      workDirectory: '/data/f-1',
    });
    await addRun('f-1', 'running', at(50));
    const expected = {
      id: 'f-1',
      name: 'nightly',
      state: 'failed',
      startedAt: at(0),
      finishedAt: at(9),
      steps: { total: 3, succeeded: 1, failed: 1 },
    };
    expect(await list()).toMatchObject([expected]);
    expect(await list(['failed'])).toHaveLength(1);
    expect(await readRun(pool, environment, 'f-1')).toMatchObject({
      ...expected,
      workDirectory: '/data/f-1',
      stepList: [
        { name: 'a', state: 'succeeded', error: null },
        { name: 'b', state: 'failed', error: 'disk full' },
        { name: 'c', state: 'queued', error: null },
      ],
    });
  });
});

describe('one run', () => {
  it('has its steps by name, each with its times', async () => {
    await addRun('r-1', 'running');
    await pool.query(
      `insert into steps (run_id, name, state, error, started_at, finished_at) values
         ('r-1', 'b', 'failed', 'no', $1, $2), ('r-1', 'Z', 'pending', null, null, null), ('r-2', 'x', 'failed', null, null, null)`,
      [at(1), at(2)],
    );
    await record('r-1', { completion: 2 });
    expect(await readRun(pool, environment, 'r-1')).toMatchObject({
      state: 'running',
      completion: 2,
      workDirectory: null,
      progress: null,
      stepList: [
        { name: 'Z', state: 'pending', error: null, startedAt: null, finishedAt: null },
        { name: 'b', state: 'failed', error: 'no', startedAt: at(1), finishedAt: at(2) },
      ],
    });
  });

  it('that nobody knows is null, also when it has steps', async () => {
    await addStep('r-9', 'build', 'running');
    expect(await readRun(pool, environment, 'r-9')).toBeNull();
  });
});

describe('the list', () => {
  it('is newest first across tables and records, up to the limit', async () => {
    await addRun('live-3', 'running', at(3));
    await addRun('live-1', 'succeeded', at(1));
    await record('kept-2', { source: 'x', startedAt: ms(2) });
    await record('kept-4', { source: 'x', startedAt: ms(4) });
    expect(await idsOf()).toEqual(['kept-4', 'live-3', 'kept-2', 'live-1']);
    expect(await idsOf(null, 2)).toEqual(['kept-4', 'live-3']);
    expect(await idsOf(['running'], 2)).toEqual(['kept-4', 'live-3']);
    expect(await idsOf(['succeeded'], 1)).toEqual(['live-1']);
    expect(await readRunIds(pool, environment)).toHaveLength(4);
  });

  it('chooses by the same states that it shows, and shows what the watcher would find', async () => {
    const word = fc.constantFrom('pending', 'running', 'succeeded', 'Failed', 'skipped', 'cancelled', 'odd');
    const rowState = fc.constantFrom(null, 'pending', 'running', 'succeeded', 'failed', 'cancelled');
    const runs = fc.array(fc.tuple(rowState, fc.array(word, { maxLength: 4 })), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(runs, async (made) => {
        await pool.query('truncate runs, steps, run_record');
        for (const [index, [state, steps]] of made.entries()) {
          await addRun(`r-${index}`, state);
          for (const [position, of] of steps.entries()) await addStep(`r-${index}`, `s-${position}`, of);
        }
        const all = new Map((await list()).map(({ id, state }) => [id, state]));
        const facts = await ownRunSource(pool).readRuns([...all.keys()]);
        for (const run of facts) {
          const judged = judgeRun(run);
          expect(all.get(run.id)).toBe(judged.kind === 'complete' ? judged.verdict : 'running');
        }
        for (const wanted of runStates)
          expect((await idsOf([wanted])).sort()).toEqual(
            [...all].flatMap(([id, state]) => (state === wanted ? [id] : [])).sort(),
          );
      }),
      { numRuns: 25 },
    );
  });
});

describe('a long history', () => {
  it('is listed by its indexes, and never read as a whole with its steps', async () => {
    await pool.query(`
      insert into runs (id, state, started_at) select 'r-' || n, 'succeeded', now() - n * interval '1 minute'
        from generate_series(1, 20000) n;
      insert into steps (run_id, name, state) select 'r-' || n, 's-' || s, 'succeeded'
        from generate_series(1, 20000) n, generate_series(1, 3) s;
      insert into run_record (environment, id, source, state, started_at, steps)
        select 'shop', 'r-' || n, '', 'succeeded', now() - n * interval '1 minute', '[]' from generate_series(1, 20000) n;
    `);
    await pool.query('analyze runs; analyze steps; analyze run_record');
    expect(await idsOf(null, 3)).toEqual(['r-1', 'r-2', 'r-3']);
    expect(await idsOf(['failed'], 3)).toEqual([]);
    // One connection: its own counts are written when it asks for that.
    const alone = createPool({ url: database.url, max: 1 });
    const wholeReads = async (act: () => Promise<unknown>): Promise<number> => {
      const before = await stepScans(alone);
      await act();
      return (await stepScans(alone)) - before;
    };
    try {
      for (const states of [null, ['succeeded'], ['running', 'stalled']] satisfies (RunState[] | null)[])
        expect(await wholeReads(() => readRuns(alone, environment, { states, limit: 100 }))).toBe(0);
      expect(await wholeReads(() => alone.query('select max(error) from steps'))).toBeGreaterThan(0);
    } finally {
      await alone.end();
    }
  });
});

/** How often the table of steps was read from end to end. */
async function stepScans(connection: Pool): Promise<number> {
  await connection.query('select pg_stat_force_next_flush()');
  await connection.query('select pg_stat_clear_snapshot()');
  const { rows } = await connection.query<{ seq_scan: string }>(
    `select seq_scan from pg_stat_user_tables where relname = 'steps'`,
  );
  return Number(rows[0]?.seq_scan ?? 0);
}
