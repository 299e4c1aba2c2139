/** Deliveries of alerts in PostgreSQL: one row per message and channel, written before the send and after it. */
import type { Pool } from 'pg';
import type { Alert, AlertMessage } from '../../domain/alert.js';

export interface StoredDelivery {
  channel: string;
  message: AlertMessage;
  state: 'pending' | 'sent' | 'failed' | 'suppressed';
  attempts: number;
  /** Epoch ms; null unless sent. */
  sentAt: number | null;
  reason: string;
}

/** What a build before messages left in the spool. */
interface StoredAlert extends Omit<StoredDelivery, 'message'> {
  alert: Alert;
}

const messageOf = (delivery: StoredDelivery | StoredAlert): AlertMessage =>
  'message' in delivery
    ? delivery.message
    : {
        ...{ key: delivery.alert.key, event: delivery.alert.event, status: delivery.alert.status },
        ...{
          severity: delivery.alert.severity,
          environment: delivery.alert.environment,
          at: delivery.alert.at,
        },
        ...{ groupKey: '', groupLabels: {}, alerts: [delivery.alert] },
      };

/**
 * Writes what is known of a delivery. `sent` and `failed` are final; what was suppressed may be told after all. Rows of
 * alerts that were held back and are now told together say in which message.
 */
export async function writeDelivery(pool: Pool, delivery: StoredDelivery): Promise<void> {
  const message = messageOf(delivery);
  const { environment, key, alerts } = message;
  const targets = [...new Set(alerts.map(({ target }) => target))];
  const members = alerts.map((alert) => alert.key).filter((member) => member !== key);
  const sentAt = delivery.sentAt === null ? null : new Date(delivery.sentAt);
  await pool.query(
    `with members as (
       update alert_delivery set state = $7, attempts = $8, sent_at = $10, reason = 'told together as ' || $2
       where environment = $1 and channel = $3 and key = any ($14) and state in ('suppressed', 'pending') and $7 = 'sent'
     )
     insert into alert_delivery as known (environment, key, channel, event, target, severity, state, attempts, at, sent_at, reason, message, targets)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     on conflict (environment, key, channel) do update set
       state = excluded.state, attempts = greatest(known.attempts, excluded.attempts), sent_at = excluded.sent_at, reason = excluded.reason
     where known.state in ('pending', 'suppressed')`,
    [
      environment,
      key,
      delivery.channel,
      message.event,
      targets[0] ?? '',
      message.severity,
      delivery.state,
      delivery.attempts,
      new Date(message.at),
      sentAt,
      delivery.reason,
      JSON.stringify(message),
      targets,
      members,
    ],
  );
}

/** True when the message went out on this channel already. */
export async function isDelivered(
  pool: Pool,
  message: Pick<AlertMessage, 'environment' | 'key'>,
  channel: string,
): Promise<boolean> {
  const { rows } = await pool.query<{ state: string }>(
    'select state from alert_delivery where environment = $1 and key = $2 and channel = $3',
    [message.environment, message.key, channel],
  );
  return rows[0]?.state === 'sent';
}
