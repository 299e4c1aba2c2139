/** Push checks in a real PostgreSQL: what is kept of pings, how many, and when many come at once. */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import {
  pushServiceOf,
  readPings,
  readPushChecks,
  writePing,
} from '../../src/adapters/postgres/push-store.js';
import type { Ping } from '../../src/domain/push.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

const begin = Date.UTC(2026, 0, 1);
let database: ScratchDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createScratchDatabase();
  pool = createPool({ url: database.url });
  await migrate(pool);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const write = (service: string, ping: Partial<Ping> & { at: number }): Promise<{ isNews: boolean }> =>
  writePing(pool, 'shop', {
    service,
    ping: { kind: 'success', exitCode: null, rid: null, body: '', ...ping },
    source: '127.0.0.1',
  });
const checkOf = async (service: string, now = begin) =>
  (await readPushChecks(pool, 'shop', { services: [service], now })).get(service);
const count = async (service: string, where = 'true'): Promise<number> => {
  const { rows } = await pool.query<{ n: number }>(
    `select count(*)::int as n from push_ping where environment = 'shop' and service = $1 and ${where}`,
    [service],
  );
  return rows[0]?.n ?? -1;
};
const setState = (service: string, state: string): Promise<unknown> =>
  pool.query(
    `insert into heartbeat_service (environment, service, shard, state, since) values ('shop', $1, 0, $2, now())
     on conflict (environment, service) do update set state = excluded.state`,
    [service, state],
  );

describe('readPushChecks', () => {
  it('begins the time of a check once, when it is first asked for', async () => {
    const first = await checkOf('fresh');
    expect(first).toMatchObject({ firstAppliedAt: begin, lastSuccessAt: null, lastPingAt: null });
    expect(await checkOf('fresh', begin + 60_000)).toEqual(first);
    expect(await pushServiceOf(pool, 'shop', first?.uuid ?? '')).toBe('fresh');
    expect(await pushServiceOf(pool, 'other', first?.uuid ?? '')).toBeNull();
  });

  it('begins a check once also when many ask at the same moment', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, (_, index) => checkOf('raced', begin + index)));
    expect(new Set(all.map((each) => each?.uuid)).size).toBe(1);
    expect(new Set(all.map((each) => each?.firstAppliedAt)).size).toBe(1);
  });
});

describe('writePing', () => {
  it('keeps the latest 100 pings, and the bodies of the latest 10', async () => {
    for (let index = 0; index < 115; index += 1)
      await write('many', { at: begin + index, kind: 'log', body: `line ${index}\nmore` });
    expect(await count('many')).toBe(100);
    expect(await count('many', 'body is not null')).toBe(10);
    const pings = await readPings(pool, 'shop', { service: 'many', limit: 1000 });
    expect(pings[0]).toEqual({
      at: begin + 114,
      kind: 'log',
      exitCode: null,
      durationMs: null,
      rid: null,
      firstLine: 'line 114',
    });
    expect(pings.at(-1)?.firstLine).toBe('line 15');
    expect(await readPings(pool, 'shop', { service: 'many', limit: 3 })).toHaveLength(3);
  });

  it('loses none of 20 pings that come at once', async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => write('busy', { at: begin + index, body: `${index}` })),
    );
    expect(await count('busy')).toBe(20);
    expect(await checkOf('busy')).toMatchObject({ lastSuccessAt: begin + 19, lastPingAt: begin + 19 });
  });

  it('does not let a ping that arrives late take back a newer one', async () => {
    await write('late', { at: begin + 1000 });
    await write('late', { at: begin, kind: 'fail', body: 'old trouble' });
    expect(await checkOf('late')).toMatchObject({ lastSuccessAt: begin + 1000, lastFailAt: begin });
  });

  it('measures runs by their ids, also when they overlap, and by the last start without any', async () => {
    const [a, b] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
    await write('runs', { at: begin, kind: 'start', rid: a });
    await write('runs', { at: begin + 100, kind: 'start', rid: b });
    await write('runs', { at: begin + 300, rid: a, exitCode: 0 });
    expect(await checkOf('runs')).toMatchObject({ durationMs: 300, exitCode: 0 });
    await write('runs', { at: begin + 900, kind: 'fail', rid: b, exitCode: 3 });
    expect(await checkOf('runs')).toMatchObject({ durationMs: 800, exitCode: 3 });
    await write('plain', { at: begin, kind: 'start' });
    await write('plain', { at: begin + 50 });
    await write('plain', { at: begin + 90 });
    const durations = (await readPings(pool, 'shop', { service: 'plain', limit: 9 })).map(
      ({ durationMs }) => durationMs,
    );
    expect(durations).toEqual([null, 50, null]);
  });

  it('tells the heartbeat only what changes something', async () => {
    expect(await write('news', { at: begin })).toEqual({ isNews: true });
    await setState('news', 'healthy');
    expect(await write('news', { at: begin + 1 })).toEqual({ isNews: false });
    expect(await write('news', { at: begin + 2, kind: 'log' })).toEqual({ isNews: false });
    expect(await write('news', { at: begin + 3, kind: 'start' })).toEqual({ isNews: true });
    expect(await write('news', { at: begin + 4, kind: 'fail' })).toEqual({ isNews: true });
    await setState('news', 'unhealthy');
    expect(await write('news', { at: begin + 5 })).toEqual({ isNews: true });
  });

  it('keeps nothing of a ping that cannot be written whole', async () => {
    await expect(write('torn', { at: begin, rid: 'no uuid' })).rejects.toThrow('uuid');
    expect(await count('torn')).toBe(0);
    const { rows } = await pool.query("select 1 from push_check where service = 'torn'");
    expect(rows).toEqual([]);
    await write('torn', { at: begin });
    expect(await count('torn')).toBe(1);
  });
});
