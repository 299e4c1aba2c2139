/** Pings of jobs in a real PostgreSQL: kept in bounds, and no run is read in half. */
import { describe, expect, it } from 'vitest';
import { readIsEndsOnly, readJobPings, writeJobPing } from '../../src/adapters/postgres/job-ping-store.js';
import type { Ping } from '../../src/domain/push.js';
import { minute, noon, ping } from '../support/job-pings.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const { pool } = useScratchSchema();

const day = 1440 * minute;
const environment = 'pings';

const write = async (job: string, pings: readonly Ping[]): Promise<void> => {
  for (const one of pings) await writeJobPing(pool(), environment, { job, ping: one, source: 'test' });
};

/** Many pings, one a second from an instant on (epoch ms), in one statement. */
const fill = (job: string, from: number, count: number) =>
  pool().query(
    `insert into cron_ping (environment, job, at, kind, body, source)
     select $1, $2, to_timestamp($3::float8 / 1000 + second), 'log', 'said', 'test' from generate_series(1, $4) as second`,
    [environment, job, from, count],
  );

const kept = async (job: string): Promise<{ pings: number; bodies: number }> => {
  const { rows } = await pool().query<{ pings: number; bodies: number }>(
    `select count(*)::int as pings, (count(*) filter (where body <> ''))::int as bodies
     from cron_ping where environment = $1 and job = $2`,
    [environment, job],
  );
  return rows[0] ?? { pings: 0, bodies: 0 };
};

describe('the pings that are read', () => {
  it('are those since an instant, in their order, with what the same runs told before', async () => {
    const a = { rid: 'a', body: 'words' };
    await write('copy', [
      ping('start', -300),
      ping('success', -290),
      ping('start', -100),
      ping('log', -99, { body: 'of nobody' }),
      ping('start', -80, a),
      ping('log', -70, a),
      ping('start', -80, { rid: 'b' }),
      ping('success', 5, { rid: 'a', exitCode: 0 }),
      ping('success', 2),
    ]);
    const read = await readJobPings(pool(), environment, { job: 'copy', since: noon });
    expect(read).toEqual([
      ping('start', -100),
      ping('start', -80, a),
      ping('log', -70, a),
      ping('success', 2),
      ping('success', 5, { rid: 'a', exitCode: 0 }),
    ]);
    expect(await readJobPings(pool(), environment, { job: 'none', since: noon })).toEqual([]);
  });

  it('tell whether a job tells the ends of its runs only', async () => {
    expect(await readIsEndsOnly(pool(), environment, 'ends')).toBe(false);
    await write('ends', [ping('log', 0), ping('success', 1), ping('fail', 2)]);
    expect(await readIsEndsOnly(pool(), environment, 'ends')).toBe(true);
    await write('ends', [ping('start', 3)]);
    expect(await readIsEndsOnly(pool(), environment, 'ends')).toBe(false);
  });
});

describe('the pings that are kept', () => {
  it('are a thousand, with fifty bodies, however old they are', async () => {
    await fill('old', noon - 10 * day, 1_200);
    await write('old', [ping('success', 0, { body: 'newest' })]);
    expect(await kept('old')).toEqual({ pings: 1_000, bodies: 50 });
    const newest = await readJobPings(pool(), environment, { job: 'old', since: noon });
    expect(newest).toEqual([ping('success', 0, { body: 'newest' })]);
  });

  it('are those of three days, too, up to ten thousand', async () => {
    await fill('new', noon - day, 1_200);
    await write('new', [ping('success', 0)]);
    expect((await kept('new')).pings).toBe(1_201);
    await fill('new', noon - day, 12_000);
    await write('new', [ping('success', 1)]);
    expect((await kept('new')).pings).toBe(10_000);
  });

  it('are all there when many come at once, also those of one job', async () => {
    await fill('busy', noon - 10 * day, 1_500);
    const many = Array.from({ length: 60 }, (_, index) =>
      writeJobPing(pool(), environment, {
        job: 'busy',
        ping: ping('log', index, { body: 'x' }),
        source: 'test',
      }),
    );
    await Promise.all(many);
    expect(await readJobPings(pool(), environment, { job: 'busy', since: noon })).toHaveLength(60);
    expect((await kept('busy')).bodies).toBeLessThanOrEqual(60);
  });
});
