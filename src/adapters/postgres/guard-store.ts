/** Alerts about resources in PostgreSQL: the latest of each service and metric, until it is resolved or has run out. */
import type { Pool } from 'pg';
import { guardPushMs, type GuardAlert, type GuardLevel, type GuardPush } from '../../domain/guard.js';

/**
 * Takes an alert in the place of the one before of the same service and metric; committed when it resolves. Gives the instant
 * until which it counts, epoch ms; null: it ended what was there. Removes what has run out.
 */
export async function writeGuardPush(
  pool: Pool,
  environment: string,
  alert: GuardAlert,
): Promise<{ expiresAt: number | null }> {
  const { service, metric, level } = alert;
  if (level === null) {
    await pool.query(
      `delete from guard_push where environment = $1 and service = $2 and ($3 = '' or metric = $3)`,
      [environment, service, metric],
    );
    return { expiresAt: null };
  }
  await removeExpired(pool, environment);
  const { rows } = await pool.query<{ expires_at: Date }>(
    `insert into guard_push as known (environment, service, metric, level, document, received_at, expires_at)
     values ($1, $2, $3, $4, $5, now(), now() + $6 * interval '1 millisecond')
     on conflict (environment, service, metric) do update set
       level = excluded.level, document = excluded.document, received_at = excluded.received_at, expires_at = excluded.expires_at
     returning expires_at`,
    [environment, service, metric, level, JSON.stringify(documentOf(alert)), guardPushMs],
  );
  const expiresAt = rows[0]?.expires_at.getTime();
  if (expiresAt === undefined) throw new Error('the row of an alert was not returned');
  return { expiresAt };
}

const documentOf = ({ service, metric, level, threshold, currentValue, at }: GuardAlert) => ({
  service,
  status: level,
  metric,
  threshold,
  current_value: currentValue,
  timestamp: at === null ? null : new Date(at).toISOString(),
});

/** Rows that somebody else removes or renews at this moment are left to him. */
async function removeExpired(pool: Pool, environment: string): Promise<void> {
  await pool.query(
    `delete from guard_push where (environment, service, metric) in (
       select environment, service, metric from guard_push
       where environment = $1 and expires_at <= now() for update skip locked)`,
    [environment],
  );
}

interface PushRow {
  service: string;
  metric: string;
  level: GuardLevel;
  document: { threshold: number | null; current_value: number | null };
  received_ms_ago: number;
  expires_in_ms: number;
}

/** What counts now. Instants are by this machine's clock, whatever the database's says. */
export async function readGuardPushes(pool: Pool, environment: string): Promise<GuardPush[]> {
  const { rows } = await pool.query<PushRow>(
    `select service, metric, level, document,
       (extract(epoch from now() - received_at) * 1000)::float8 as received_ms_ago,
       (extract(epoch from expires_at - now()) * 1000)::float8 as expires_in_ms
     from guard_push where environment = $1 and expires_at > now()
     order by received_at desc, service, metric`,
    [environment],
  );
  const now = Date.now();
  return rows.map(({ service, metric, level, document, received_ms_ago, expires_in_ms }) => ({
    service,
    metric,
    level,
    threshold: document.threshold,
    currentValue: document.current_value,
    receivedAt: Math.round(now - received_ms_ago),
    expiresAt: Math.round(now + expires_in_ms),
  }));
}
