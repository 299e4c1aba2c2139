/** Deliveries of alerts in PostgreSQL: one row per message and channel, written before the send and after it. */
import type { Pool } from 'pg';
import type { Alert } from '../../domain/alert.js';

export interface StoredDelivery {
  channel: string;
  alert: Alert;
  state: 'pending' | 'sent' | 'failed';
  attempts: number;
  /** Epoch ms; null unless sent. */
  sentAt: number | null;
  reason: string;
}

/** Writes what is known of a delivery; `sent` and `failed` are final. */
export async function writeDelivery(pool: Pool, delivery: StoredDelivery): Promise<void> {
  const { alert } = delivery;
  await pool.query(
    `insert into alert_delivery as known (environment, key, channel, event, target, severity, state, attempts, at, sent_at, reason, message)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
     on conflict (environment, key, channel) do update set
       state = excluded.state, attempts = greatest(known.attempts, excluded.attempts), sent_at = excluded.sent_at, reason = excluded.reason
     where known.state = 'pending'`,
    [
      alert.environment,
      alert.key,
      delivery.channel,
      alert.event,
      alert.target,
      alert.severity,
      delivery.state,
      delivery.attempts,
      new Date(alert.at),
      delivery.sentAt === null ? null : new Date(delivery.sentAt),
      delivery.reason,
      JSON.stringify(alert),
    ],
  );
}

/** True when the message went out on this channel already. */
export async function isDelivered(
  pool: Pool,
  alert: Pick<Alert, 'environment' | 'key'>,
  channel: string,
): Promise<boolean> {
  const { rows } = await pool.query<{ state: string }>(
    'select state from alert_delivery where environment = $1 and key = $2 and channel = $3',
    [alert.environment, alert.key, channel],
  );
  return rows[0]?.state === 'sent';
}
