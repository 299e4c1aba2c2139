/** The row of a loop. */
import type { Pool, PoolClient } from 'pg';
import type { LoopStatus } from '../../domain/loop.js';

/** Replaces the loop's row, unless it shows more ticks already. */
export async function writeLoop(
  database: Pool | PoolClient,
  environment: string,
  loop: LoopStatus,
): Promise<void> {
  const at = (epochMs: number | null): Date | null => (epochMs === null ? null : new Date(epochMs));
  await database.query({
    name: 'write-loop',
    text: `insert into loop as known (environment, id, loop, target, state, paused_by, note, last_at, next_at, every_ms, count, missed, updated_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now())
           on conflict (environment, id) do update set
             state = excluded.state, paused_by = excluded.paused_by, note = excluded.note, last_at = excluded.last_at,
             next_at = excluded.next_at, every_ms = excluded.every_ms, count = excluded.count, missed = excluded.missed, updated_at = now()
           where known.count <= excluded.count`,
    values: [
      environment,
      loop.id,
      loop.loop,
      loop.target,
      loop.state,
      loop.pausedBy,
      loop.note,
      at(loop.lastAt),
      at(loop.nextAt),
      loop.everyMs,
      loop.count,
      loop.missed,
    ],
  });
}

/** Ticks and missed ticks on record; null when the loop was never started. */
export async function readLoopCounts(
  pool: Pool,
  environment: string,
  id: string,
): Promise<{ count: number; missed: number } | null> {
  const { rows } = await pool.query<{ count: string; missed: string }>(
    'select count, missed from loop where environment = $1 and id = $2',
    [environment, id],
  );
  const row = rows[0];
  return row === undefined ? null : { count: Number(row.count), missed: Number(row.missed) };
}
