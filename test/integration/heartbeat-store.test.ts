/** The heartbeat's facts in a real PostgreSQL: added up once, never replaced by older ones, kept as long as they shall be. */
import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  pruneHeartbeat,
  readKnownServices,
  readTracks,
  writeChanges,
  writeTick,
  type StoredSample,
  type StoredTick,
} from '../../src/adapters/postgres/heartbeat-store.js';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import type { ServiceChange } from '../../src/domain/heartbeat.js';
import { checkedService, createShard, hour, minute, play } from '../support/heartbeat-facts.js';
import { loopStatus } from '../support/loop-statuses.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

const environment = 'shop';
const at = Date.UTC(2026, 0, 1, 12);
let database: ScratchDatabase;
let pool: Pool;

beforeAll(async () => {
  database = await createScratchDatabase();
  pool = createPool({ url: database.url });
  await migrate(pool);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

beforeEach(() =>
  pool.query('truncate heartbeat_service, heartbeat_sample, heartbeat_hour, heartbeat_tick, loop'),
);

const sample = (service: string, more: Partial<StoredSample> = {}): StoredSample => ({
  service,
  at,
  verdict: 'healthy',
  latencyMs: 5,
  reason: '',
  baseline: { meanMs: 5, variance: 1, count: 30 },
  ...more,
});

const tick = (samples: StoredSample[], more: Partial<StoredTick> = {}): StoredTick => ({
  environment,
  shard: 0,
  scheduledAt: at,
  startedAt: at + 3,
  durationMs: 12.5,
  healthy: samples.length,
  unhealthy: 0,
  unknown: 0,
  isolated: false,
  isTriggered: false,
  missed: 0,
  samples,
  loop: loopStatus(),
  ...more,
});

const change = (name: string, more: Partial<ServiceChange> = {}): ServiceChange => ({
  name,
  from: 'healthy',
  to: 'unhealthy',
  since: at,
  reason: 'connection refused',
  track: null,
  ...more,
});

/** A change as the loop makes it, with a whole track. */
function changeOf(letters: string): ServiceChange {
  const shard = createShard({ services: { api: {} } });
  play(shard, 'api', letters);
  const track = shard.memory.tracks['api'];
  if (track === undefined) throw new Error(`the loop remembers nothing after ${letters}`);
  return change('api', { to: track.state, since: track.since, reason: track.reason, track });
}

const write = (version: number, changes: ServiceChange[], gone: string[] = []): Promise<void> =>
  writeChanges(pool, { environment, shard: 0, version, changes, gone });

const rowsOf = async (table: string): Promise<Record<string, unknown>[]> =>
  (await pool.query<Record<string, unknown>>(`select * from ${table} order by 1, 2, 3`)).rows;

const stateOf = async (name: string): Promise<Record<string, unknown> | undefined> =>
  (await rowsOf('heartbeat_service')).find(({ service }) => service === name);

describe('a tick', () => {
  it('is one row, with a sample, an hour and the newest state of each service, and the loop', async () => {
    await writeTick(pool, tick([sample('api'), sample('db', { verdict: 'unhealthy', reason: 'refused' })]));
    expect(await rowsOf('heartbeat_tick')).toMatchObject([
      {
        shard: 0,
        scheduled_at: new Date(at),
        started_at: new Date(at + 3),
        duration_ms: 12.5,
        checked: 2,
        missed: 0,
      },
    ]);
    expect(await rowsOf('heartbeat_sample')).toHaveLength(2);
    expect(await rowsOf('heartbeat_hour')).toMatchObject([
      {
        service: 'api',
        hour: new Date(at),
        checks: 1,
        healthy: 1,
        unhealthy: 0,
        latency_sum_ms: 5,
        latency_max_ms: 5,
      },
      { service: 'db', checks: 1, healthy: 0, unhealthy: 1 },
    ]);
    expect(await stateOf('api')).toMatchObject({ state: 'healthy', last_verdict: 'healthy', latency_ms: 5 });
    expect(await stateOf('db')).toMatchObject({
      state: 'unknown',
      last_verdict: 'unhealthy',
      reason: 'refused',
    });
    expect(await rowsOf('loop')).toMatchObject([{ id: 'heartbeat:shop:0', state: 'running', count: '1' }]);
  });

  it('that is written twice adds up once', async () => {
    const same = tick([sample('api'), sample('db', { verdict: 'unhealthy' })]);
    await writeTick(pool, same);
    await writeTick(pool, same);
    expect(await rowsOf('heartbeat_tick')).toHaveLength(1);
    expect(await rowsOf('heartbeat_sample')).toHaveLength(2);
    expect((await rowsOf('heartbeat_hour')).map(({ checks }) => checks)).toEqual([1, 1]);
  });

  it('that is written twice at once adds up once, too', async () => {
    const same = tick(Array.from({ length: 250 }, (_, index) => sample(`s-${index}`)));
    await Promise.all([writeTick(pool, same), writeTick(pool, same), writeTick(pool, same)]);
    expect((await rowsOf('heartbeat_hour')).filter(({ checks }) => checks === 1)).toHaveLength(250);
  });

  it('takes two results of one service, a late one and the present one, and shows the newer', async () => {
    const late = sample('api', {
      at: at - 3_000,
      verdict: 'unhealthy',
      reason: 'no answer within 3s',
      latencyMs: 3_000,
    });
    for (const samples of [
      [late, sample('api')],
      [sample('db'), { ...late, service: 'db' }],
    ])
      await writeTick(pool, tick(samples));
    expect(await rowsOf('heartbeat_sample')).toHaveLength(4);
    for (const name of ['api', 'db'])
      expect(await stateOf(name)).toMatchObject({ last_verdict: 'healthy', last_check_at: new Date(at) });
  });

  it('puts each sample into its own hour, across midnight and the turn of the year', async () => {
    const midnight = Date.UTC(2027, 0, 1);
    const instants = [midnight - 1, midnight, midnight + 1, midnight + hour];
    await writeTick(pool, tick(instants.map((instant) => sample('api', { at: instant }))));
    expect((await rowsOf('heartbeat_hour')).map(({ hour: begin, checks }) => [begin, checks])).toEqual([
      [new Date(midnight - hour), 1],
      [new Date(midnight), 2],
      [new Date(midnight + hour), 1],
    ]);
  });

  it('that comes late changes neither the newest result nor what is usual', async () => {
    await writeTick(pool, tick([sample('api', { at: at + minute, latencyMs: 7 })]));
    const old = sample('api', {
      latencyMs: 900,
      verdict: 'unhealthy',
      baseline: { meanMs: 1, variance: 1, count: 99 },
    });
    await writeTick(pool, tick([old], { scheduledAt: at - minute }));
    expect(await stateOf('api')).toMatchObject({
      last_verdict: 'healthy',
      latency_ms: 7,
      baseline_mean_ms: 5,
    });
    expect(await rowsOf('heartbeat_sample')).toHaveLength(2);
  });

  it('keeps what is usual when the writer could not read it, as while the database was away', async () => {
    await writeTick(pool, tick([sample('api', { baseline: { meanMs: 5, variance: 1, count: 30 } })]));
    const unaware = sample('api', { at: at + minute, baseline: { meanMs: 80, variance: 0, count: 1 } });
    await writeTick(pool, tick([unaware], { scheduledAt: at + minute }));
    expect(await stateOf('api')).toMatchObject({
      baseline_mean_ms: 5,
      baseline_variance: 1,
      baseline_count: 30,
      last_check_at: new Date(at + minute),
    });
  });

  it('without any service is still on record', async () => {
    await writeTick(pool, tick([]));
    expect(await rowsOf('heartbeat_tick')).toMatchObject([{ checked: 0 }]);
  });
});

describe('a service that nobody knew', () => {
  it('is healthy from its first good result on', async () => {
    await writeTick(pool, tick([sample('api', { verdict: 'unknown' })]));
    expect(await stateOf('api')).toMatchObject({ state: 'unknown' });
    await writeTick(pool, tick([sample('api', { at: at + minute })], { scheduledAt: at + minute }));
    expect(await stateOf('api')).toMatchObject({ state: 'healthy', since: new Date(at + minute) });
  });

  it('is what the loop decides, as soon as the loop remembers it', async () => {
    await write(1, [changeOf('bb')]);
    await writeTick(pool, tick([sample('api')]));
    expect(await stateOf('api')).toMatchObject({ state: 'unhealthy', last_verdict: 'healthy' });
  });
});

describe('changes', () => {
  it('are replaced by newer ones, never by older or the same', async () => {
    await write(5, [change('api', { reason: 'fifth' })]);
    await write(4, [change('api', { to: 'healthy', reason: 'fourth' })]);
    await write(5, [change('api', { to: 'healthy', reason: 'fifth again' })]);
    expect(await stateOf('api')).toMatchObject({ state: 'unhealthy', reason: 'fifth' });
    await write(6, [change('api', { to: 'flapping', reason: 'sixth' })]);
    expect(await stateOf('api')).toMatchObject({ state: 'flapping', reason: 'sixth', track_version: '6' });
  });

  it('give the track back as it was', async () => {
    const { track } = changeOf('bbgbgb');
    await write(1, [change('api', { to: 'flapping', track })]);
    expect((await readTracks(pool, environment)).get('api')).toEqual(track);
    expect((await readTracks(pool, 'elsewhere')).size).toBe(0);
  });

  it('keep the number of the last episode when the rest is forgotten', async () => {
    await write(1, [changeOf('bbggbb')]);
    await write(2, [change('api', { to: 'healthy', track: null })]);
    expect((await readTracks(pool, environment)).get('api')).toEqual({ episodes: { unhealthy: 2 } });
    await write(3, [change('api', { to: 'healthy', track: null })]);
    expect((await readTracks(pool, environment)).get('api')).toEqual({ episodes: { unhealthy: 2 } });
  });

  it('do not move the beginning of a state that stays', async () => {
    await writeTick(pool, tick([sample('api')]));
    const blip = changeOf('b');
    expect(blip).toMatchObject({ to: 'healthy' });
    await write(1, [{ ...blip, since: at + 10 * minute }]);
    expect(await stateOf('api')).toMatchObject({ state: 'healthy', since: new Date(at) });
    await write(2, [change('api', { since: at + 11 * minute })]);
    expect(await stateOf('api')).toMatchObject({ state: 'unhealthy', since: new Date(at + 11 * minute) });
  });

  it('remove what is gone, but not what was written later', async () => {
    await write(5, [change('old'), change('new')]);
    await write(7, [change('new')]);
    await write(6, [], ['old', 'new', 'never-there']);
    expect((await rowsOf('heartbeat_service')).map(({ service }) => service)).toEqual(['new']);
  });

  it('let a service that comes back count on from its last episode', async () => {
    await write(1, [changeOf('bb')]);
    await write(2, [], ['api']);
    expect((await readTracks(pool, environment)).get('api')).toEqual({ episodes: { unhealthy: 1 } });
    expect(await readKnownServices(pool, environment, ['api'])).toMatchObject(
      new Map([['api', { state: 'unknown', verdict: null, checkedAt: null, hasIncident: false }]]),
    );
    await writeTick(pool, tick([sample('api')]));
    expect(await stateOf('api')).toMatchObject({ state: 'healthy', since: new Date(at) });
  });

  it('are all kept or none', async () => {
    const broken = change('db', { since: Number.NaN });
    await expect(write(1, [change('api'), broken])).rejects.toThrow();
    expect(await rowsOf('heartbeat_service')).toEqual([]);
  });
});

describe('what is known of services', () => {
  it('is read by name, within an environment', async () => {
    await writeTick(pool, tick([sample('api'), sample('db'), sample('web')]));
    const known = await readKnownServices(pool, environment, ['api', 'web', 'nobody']);
    expect([...known.keys()].sort()).toEqual(['api', 'web']);
    expect(known.get('api')).toEqual({
      state: 'healthy',
      verdict: 'healthy',
      checkedAt: at,
      baseline: { meanMs: 5, variance: 1, count: 30 },
      hasIncident: false,
      isExpiring: false,
    });
    expect((await readKnownServices(pool, 'elsewhere', ['api'])).size).toBe(0);
  });

  it('tells whether it is told to be unhealthy, and whether it only expires', async () => {
    const after = async (version: number, letters: string): Promise<(boolean | undefined)[]> => {
      await write(version, [changeOf(letters)]);
      const known = (await readKnownServices(pool, environment, ['api'])).get('api');
      return [known?.hasIncident, known?.isExpiring];
    };
    expect(await after(1, 'b')).toEqual([false, false]);
    expect(await after(2, 'bb')).toEqual([true, false]);
    expect(await after(3, 'bgbgb')).toEqual([true, false]);
    expect(await after(4, 'ee')).toEqual([false, true]);
    expect(await after(5, 'eebb')).toEqual([true, false]);
  });
});

describe('pruning', () => {
  it('removes samples after two days and the rest after forty, of one environment', async () => {
    const day = 24 * hour;
    const now = Date.now();
    for (const [index, age] of [0, day, 3 * day, 39 * day, 41 * day].entries())
      for (const where of [environment, 'elsewhere'])
        await writeTick(
          pool,
          tick([sample('api', { at: now - age })], {
            environment: where,
            scheduledAt: now - age,
            shard: index,
          }),
        );
    await pruneHeartbeat(pool, environment);
    const own = async (table: string): Promise<number> =>
      (await rowsOf(table)).filter((row) => row['environment'] === environment).length;
    expect([await own('heartbeat_sample'), await own('heartbeat_tick'), await own('heartbeat_hour')]).toEqual(
      [2, 4, 4],
    );
    expect(await rowsOf('heartbeat_sample')).toHaveLength(2 + 5);
    expect((await readKnownServices(pool, environment, ['api'])).size).toBe(1);
  });
});

describe('texts from outside', () => {
  it('are stored as they are, whatever they hold', async () => {
    const reason = `'; drop table heartbeat_service; -- "\\ 🙂 \n\t`;
    await writeTick(pool, tick([sample(`it's "api"`, { verdict: 'unhealthy', reason })]));
    expect(await stateOf(`it's "api"`)).toMatchObject({ reason });
    const checked = checkedService('api', 'bad', { reason });
    await write(1, [change('api', { reason: checked.reason })]);
    expect(await stateOf('api')).toMatchObject({ reason });
  });
});
