/** Silences in PostgreSQL: also those that are over, so that people can see who held back what. */
import type { Pool } from 'pg';
import type { Matcher } from '../../domain/alert-policy.js';
import type { SilenceRecord, Silences } from '../../domain/silence.js';

const at = (epochMs: number | null): Date | null => (epochMs === null ? null : new Date(epochMs));

/** Writes a silence as it is now; one that somebody ended stays ended. */
export async function writeSilence(pool: Pool, silence: SilenceRecord): Promise<void> {
  await pool.query(
    `insert into silence as known (environment, id, match, by, note, starts_at, ends_at, ended_at, ended_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (environment, id) do update set
       note = excluded.note, ends_at = excluded.ends_at, ended_at = excluded.ended_at, ended_by = excluded.ended_by
     where known.ended_at is null`,
    [
      silence.environment,
      silence.id,
      JSON.stringify(silence.match),
      silence.by,
      silence.note,
      at(silence.startsAt),
      at(silence.endsAt),
      at(silence.endedAt),
      silence.endedBy,
    ],
  );
}

interface SilenceRow {
  id: string;
  match: Matcher;
  by: string;
  note: string;
  starts_at: Date;
  ends_at: Date;
}

/** What a router that starts anew takes over: the active silences, and the number of the last one. */
export async function readActiveSilences(pool: Pool, environment: string): Promise<Silences> {
  const [active, last] = await Promise.all([
    pool.query<SilenceRow>(
      `select id, match, by, note, starts_at, ends_at from silence
       where environment = $1 and ended_at is null and ends_at > now() order by starts_at limit 500`,
      [environment],
    ),
    pool.query<{ last: string | null }>(
      `select max(substr(id, 2)::bigint) as last from silence where environment = $1 and id ~ '^s[0-9]{1,15}$'`,
      [environment],
    ),
  ]);
  return {
    active: active.rows.map(({ starts_at, ends_at, ...row }) => ({
      ...row,
      startsAt: starts_at.getTime(),
      endsAt: ends_at.getTime(),
    })),
    count: Number(last.rows[0]?.last ?? 0),
  };
}
