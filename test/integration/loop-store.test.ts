/** The row of a loop in a real PostgreSQL. */
import { describe, expect, it } from 'vitest';
import { readLoopCounts, writeLoop } from '../../src/adapters/postgres/loop-store.js';
import { loopStatus } from '../support/loop-statuses.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const { pool, rowsOf } = useScratchSchema();

const rowOf = async (id: string): Promise<Record<string, unknown> | undefined> =>
  (await rowsOf('loop')).find((row) => row['id'] === id);

describe('the row of a loop', () => {
  it('holds what `loops list` shows', async () => {
    const status = loopStatus({
      id: 'all',
      state: 'paused',
      pausedBy: 'alice',
      note: 'why',
      nextAt: null,
      missed: 3,
    });
    await writeLoop(pool(), 'shop', status);
    expect(await rowOf('all')).toMatchObject({
      environment: 'shop',
      loop: 'heartbeat',
      target: '0',
      state: 'paused',
      paused_by: 'alice',
      note: 'why',
      last_at: new Date(status.lastAt ?? 0),
      next_at: null,
      every_ms: '30000',
      count: '1',
      missed: '3',
    });
  });

  it('is replaced by newer ones and by changes within the same tick, never by one with fewer ticks', async () => {
    await writeLoop(pool(), 'shop', loopStatus({ id: 'order', count: 5 }));
    await writeLoop(pool(), 'shop', loopStatus({ id: 'order', count: 5, state: 'paused', pausedBy: 'bob' }));
    await writeLoop(pool(), 'shop', loopStatus({ id: 'order', count: 4 }));
    expect(await rowOf('order')).toMatchObject({ count: '5', state: 'paused', paused_by: 'bob' });
    await writeLoop(pool(), 'shop', loopStatus({ id: 'order', count: 6 }));
    expect(await rowOf('order')).toMatchObject({ count: '6', state: 'running', paused_by: null });
  });

  it('counts beyond what 32 bits hold', async () => {
    const counts = { count: 5_000_000_000, missed: 4_999_999_999 };
    await writeLoop(pool(), 'shop', loopStatus({ id: 'many', ...counts }));
    expect(await readLoopCounts(pool(), 'shop', 'many')).toEqual(counts);
  });

  it('is nothing for a loop that never ran, and of each environment its own', async () => {
    expect(await readLoopCounts(pool(), 'shop', 'nobody')).toBeNull();
    await writeLoop(pool(), 'shop', loopStatus({ id: 'own', count: 8 }));
    expect(await readLoopCounts(pool(), 'elsewhere', 'own')).toBeNull();
  });

  it('is refused with a state that no loop has', async () => {
    const state = 'dancing' as 'running';
    await expect(writeLoop(pool(), 'shop', loopStatus({ id: 'odd', state }))).rejects.toThrow(
      /check constraint/,
    );
  });
});
