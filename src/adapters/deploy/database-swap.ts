/** Two databases change names in one transaction: under the name of the live one there is always a whole database. */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { OpsError } from '../../domain/errors.js';
import { quotedName } from '../../domain/sql-names.js';
import { messageOf, sqlStateOf, type SqlSession } from './postgres-address.js';

export interface Swap {
  /** Does the work. */
  session: SqlSession;
  /** Cuts connections meanwhile; another session of the same server. Neither is in one of the databases. */
  cutter: SqlSession;
  live: { name: string; oid: number };
  /** Takes its name, and its comment. */
  restored: { name: string; oid: number; comment: string | null };
  /** What the live one is called afterwards, and its comment then. */
  before: { name: string; comment: string };
}

const attempts = 2;
const cutEveryMs = 50;
const lockTimeout = '15s';

/**
 * Renaming locks a database against new connections before it looks whether somebody is in it, and gives those there 5 s to go; they are
 * ended meanwhile. So nothing has to be forbidden, and a cut at any instant leaves the names as they were, or swapped.
 */
export async function swapDatabases(swap: Swap): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await swapOnce(swap);
      return;
    } catch (error) {
      // 55006: somebody is still in it; 55P03: somebody else has locked it.
      const state = sqlStateOf(error);
      if (state !== '55006' && state !== '55P03') throw error;
      if (attempt === attempts) throw await inUseError(swap, error);
    }
  }
}

async function swapOnce({ session, cutter, live, restored, before }: Swap): Promise<void> {
  const cutting = new AbortController();
  const cut = cutConnections(cutter, [live.oid, restored.oid], cutting.signal);
  try {
    await session.query('begin');
    await session.query(`set local lock_timeout = '${lockTimeout}'`);
    await session.query(`alter database ${quotedName(live.name)} rename to ${quotedName(before.name)}`);
    await session.query(`alter database ${quotedName(restored.name)} rename to ${quotedName(live.name)}`);
    await session.query(commentSql(before.name, before.comment));
    await session.query(commentSql(live.name, restored.comment));
    await session.query('commit');
  } catch (error) {
    await session.query('rollback').catch(() => undefined);
    throw error;
  } finally {
    cutting.abort();
    await cut;
  }
}

export const commentSql = (database: string, comment: string | null): string =>
  `comment on database ${quotedName(database)} is ${comment === null ? 'null' : pg.escapeLiteral(comment)}`;

/** Ends whoever is in the databases, until `signal`. Never rejects: who cannot be ended makes the renaming fail. */
async function cutConnections(cutter: SqlSession, oids: number[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { rows } = await cutter
      .query<{ pid: number }>('select pid from pg_stat_activity where datid = any($1::oid[])', [oids])
      .catch(() => ({ rows: [] }));
    // One by one: a session of a superuser, which this user may not end, spares no other.
    for (const { pid } of rows)
      await cutter.query('select pg_terminate_backend($1)', [pid]).catch(() => undefined);
    await delay(cutEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

async function inUseError({ cutter, live, restored }: Swap, cause: unknown): Promise<OpsError> {
  const { rows } = await cutter
    .query<{ who: string }>(
      `select concat(usename, ' (', nullif(application_name, '') || ', ', 'pid ', pid, ')') as who from pg_stat_activity
       where datid = any($1::oid[]) order by backend_start limit 5`,
      [[live.oid, restored.oid]],
    )
    .catch(() => ({ rows: [] }));
  const who = rows.length === 0 ? '' : `; still connected: ${rows.map((row) => row.who).join(', ')}`;
  return new OpsError(
    'conflict',
    `database ${live.name} could not be swapped with the restored ${restored.name}, and is unchanged: ${messageOf(cause)}${detailOf(cause)}${who}. ` +
      'The user of its url must be allowed to end these sessions (role pg_signal_backend).',
    { retryable: true, cause },
  );
}

/** PostgreSQL tells in it of prepared transactions, which nobody can end from outside. */
const detailOf = (error: unknown): string =>
  error instanceof Error && 'detail' in error && typeof error.detail === 'string' ? ` (${error.detail})` : '';
