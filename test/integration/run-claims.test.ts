/** Claims on runs that are over: however many opsloops ask, each completion has one that takes care of it. */
import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { createRunClaims, type RunClaims } from '../../src/adapters/postgres/run-claim-store.js';
import { ensureClaimTable } from '../../src/adapters/postgres/run-claim-table.js';
import { completedFacts, type CompletedFacts } from '../../src/domain/run-judgement.js';
import { runOf, step } from '../support/run-facts.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

let database: ScratchDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createScratchDatabase();
  pool = createPool({ url: database.url, max: 8 });
  await migrate(pool);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});
beforeEach(() => pool.query('truncate run_claim'));

const claimsOf = (owner: string): RunClaims => createRunClaims({ pool, table: 'run_claim', owner });
const ended = (at: number): CompletedFacts =>
  completedFacts(runOf({ steps: [step('a', 'succeeded', { finishedAt: at })] }), 'succeeded');
const one = (facts: CompletedFacts): Map<string, CompletedFacts> => new Map([['r-1', facts]]);
const archive = { path: '/a/r-1.zip', bytes: 7, sha256: 'ab', entries: 2, verifiedAt: 5 };
/** As if the owner had not been heard of for longer than a lease. */
const forget = (owner: string) =>
  pool.query(`update run_claim set lease_until = now() - interval '1 second' where owner = $1`, [owner]);

describe('a completion', () => {
  it('is of the one that asks first, and stays so when it asks again', async () => {
    const [a, b] = [claimsOf('a'), claimsOf('b')];
    expect((await a.claim(one(ended(1)))).get('r-1')).toMatchObject({
      completion: 1,
      isMine: true,
      isDone: false,
    });
    expect((await b.claim(one(ended(1)))).get('r-1')).toMatchObject({
      completion: 1,
      isMine: false,
      owner: 'a',
    });
    expect((await a.claim(one(ended(1)))).get('r-1')).toMatchObject({ completion: 1, isMine: true });
  });

  it('has one owner, however many ask at once', async () => {
    const askers = Array.from({ length: 12 }, (_none, index) => claimsOf(`asker-${index}`));
    const runs = new Map(Array.from({ length: 20 }, (_none, index) => [`r-${index}`, ended(1)]));
    const answers = await Promise.all(askers.map((claims) => claims.claim(runs)));
    for (const run of runs.keys()) {
      const claims = answers.map((answer) => answer.get(run));
      expect(claims.filter((claim) => claim?.isMine)).toHaveLength(1);
      expect(new Set(claims.map((claim) => claim?.completion))).toEqual(new Set([1]));
    }
  });

  it('is another one when the run ended anew, also when it was seen to go on with the same end', async () => {
    const a = claimsOf('a');
    await a.claim(one(ended(1)));
    await a.finish('r-1', 1, archive);
    expect((await a.claim(one(ended(2)))).get('r-1')).toMatchObject({
      completion: 2,
      isDone: false,
      archive: null,
    });
    await a.finish('r-1', 2, archive);
    await a.reopen(['r-1']);
    expect((await claimsOf('b').claim(one(ended(2)))).get('r-1')).toMatchObject({
      completion: 3,
      isMine: true,
    });
  });

  it('is taken over from one that is gone, unless that had done it', async () => {
    const [a, b] = [claimsOf('a'), claimsOf('b')];
    await a.claim(one(ended(1)));
    await forget('a');
    expect((await b.claim(one(ended(1)))).get('r-1')).toMatchObject({
      completion: 1,
      isMine: true,
      isDone: false,
    });
    expect(await a.finish('r-1', 1, archive)).toBe(false);
    expect(await b.finish('r-1', 1, archive)).toBe(true);
    await forget('b');
    expect((await a.claim(one(ended(1)))).get('r-1')).toMatchObject({
      isMine: false,
      isDone: true,
      owner: 'b',
      archive,
    });
  });

  it('is kept by one that says it is alive', async () => {
    const [a, b] = [claimsOf('a'), claimsOf('b')];
    await a.claim(one(ended(1)));
    await forget('a');
    await a.renew();
    const { isMine, leaseUntil } = (await b.claim(one(ended(1)))).get('r-1') ?? {};
    expect(isMine).toBe(false);
    expect(leaseUntil).toBeGreaterThan(Date.now() + 60_000);
  });

  it('that nobody claimed is nobody’s', async () => {
    expect(await claimsOf('a').read('r-1')).toBeNull();
    expect(await claimsOf('a').finish('r-1', 1, null)).toBe(false);
  });
});

describe('the table of claims in another database', () => {
  it('is made once, beside the runs, and does the same', async () => {
    await pool.query('create schema "Their Data"');
    const warnings: string[] = [];
    const log = { warn: (message: string) => void warnings.push(message) };
    const tables = await Promise.all([1, 2].map(() => ensureClaimTable(pool, '"Their Data"', log)));
    expect(tables).toEqual(['"Their Data".opsloop_run_claim', '"Their Data".opsloop_run_claim']);
    const claims = createRunClaims({ pool, table: tables[0] ?? '', owner: 'a' });
    expect((await claims.claim(one(ended(1)))).get('r-1')).toMatchObject({ completion: 1, isMine: true });
    expect(warnings).toEqual([]);
  });

  it('is not made where that is forbidden, which is said', async () => {
    await pool.query(
      `create role reader login password 'secret'; create schema closed; grant usage on schema closed to reader`,
    );
    const url = new URL(database.url);
    url.username = 'reader';
    url.password = 'secret';
    const warnings: string[] = [];
    const reader = createPool({ url: url.href });
    try {
      const log = { warn: (message: string) => void warnings.push(message) };
      expect(await ensureClaimTable(reader, 'closed', log)).toBeNull();
      expect(warnings.join()).toContain('opsloop runs triggers');
    } finally {
      await reader.end();
      await pool.query('drop schema closed cascade; drop role reader');
    }
  });
});
