/** The memory of alerts as it is handed from run to run: each alert and each message once, and never too large. */
import type { Alert, AlertMessage } from './alert.js';
import type { PendingAlert } from './alert-coalescing.js';
import type { AlertGroup } from './alert-grouping.js';
import type { QueuedMessage } from './alert-queue.js';

export interface AlertStock {
  groups: Record<string, AlertGroup>;
  queues: Record<string, QueuedMessage[]>;
  /** Taken before it was known where to. */
  unrouted: Alert[];
}

type PackedMessage = Omit<AlertMessage, 'alerts'> & { alerts: number[] };

export interface PackedStock {
  alerts: Alert[];
  messages: PackedMessage[];
  groups: (Omit<AlertGroup, 'pending'> & {
    pending: [alert: number, dueAt: number | null, isHeld: boolean][];
  })[];
  /** Per channel: index of the message, attempts, next try, since when, fallbacks. */
  queues: Record<string, [number, number, number, number, string[]][]>;
  unrouted: number[];
}

const weight = { critical: 3, high: 2, medium: 1, low: 0 } as const;

/** Bytes of a text in UTF-8. */
export function byteLength(text: string): number {
  let length = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) length += code > 0x7ff ? 2 : 1;
  }
  return length;
}

const pendingOf = (groups: AlertStock['groups']): PendingAlert[] =>
  Object.values(groups).flatMap(({ pending }) => pending);

const queued = (queues: AlertStock['queues']): QueuedMessage[] => Object.values(queues).flat();

/**
 * Takes out what does not fit into `mostBytes`: the oldest of the lowest severity. Returns it, for the record; changes
 * `stock`. A message goes whole.
 */
export function dropSurplus(
  stock: AlertStock,
  mostBytes: number,
): { alerts: Alert[]; messages: { channel: string; message: AlertMessage }[] } {
  const messages = [...new Set(queued(stock.queues).map(({ message }) => message))];
  const alone = [...new Set([...pendingOf(stock.groups).map(({ alert }) => alert), ...stock.unrouted])];
  const units = [
    ...messages.map((message) => ({
      unit: message as object,
      alerts: message.alerts,
      severity: message.severity,
      at: message.at,
    })),
    ...alone.map((alert) => ({
      unit: alert as object,
      alerts: [alert],
      severity: alert.severity,
      at: alert.at,
    })),
  ].sort((a, b) => weight[b.severity] - weight[a.severity] || b.at - a.at);
  const counted = new Set<Alert>();
  const gone = new Set<object>();
  let size = 0;
  for (const { unit, alerts } of units) {
    const fresh = alerts.filter((alert) => !counted.has(alert));
    size += 200 + fresh.reduce((sum, alert) => sum + byteLength(JSON.stringify(alert)), 0);
    if (size > mostBytes) gone.add(unit);
    else for (const alert of fresh) counted.add(alert);
  }
  if (gone.size === 0) return { alerts: [], messages: [] };
  const dropped = Object.entries(stock.queues).flatMap(([channel, queue]) =>
    queue.filter(({ message }) => gone.has(message)).map(({ message }) => ({ channel, message })),
  );
  for (const [channel, queue] of Object.entries(stock.queues))
    stock.queues[channel] = queue.filter(({ message }) => !gone.has(message));
  for (const group of Object.values(stock.groups))
    group.pending = group.pending.filter(({ alert }) => !gone.has(alert));
  stock.unrouted = stock.unrouted.filter((alert) => !gone.has(alert));
  return { alerts: alone.filter((alert) => gone.has(alert)), messages: dropped };
}

/** Packs the stock. */
export function packStock({ groups, queues, unrouted }: AlertStock): PackedStock {
  const messages = [...new Set(queued(queues).map(({ message }) => message))];
  const alerts = [
    ...new Set([
      ...messages.flatMap((message) => message.alerts),
      ...pendingOf(groups).map(({ alert }) => alert),
      ...unrouted,
    ]),
  ];
  const placeOf = new Map<Alert, number>(alerts.map((alert, index) => [alert, index]));
  const messageAt = new Map<AlertMessage, number>(messages.map((message, index) => [message, index]));
  const place = (alert: Alert): number => placeOf.get(alert) ?? -1;
  return {
    alerts,
    messages: messages.map((message) => ({ ...message, alerts: message.alerts.map(place) })),
    groups: Object.values(groups).map((group) => ({
      ...group,
      pending: group.pending.map(({ alert, dueAt, isHeld }) => [place(alert), dueAt, isHeld]),
    })),
    queues: Object.fromEntries(
      Object.entries(queues).map(([channel, queue]) => [
        channel,
        queue.map(({ message, attempts, nextTryAt, queuedAt, fallbacks }) => [
          messageAt.get(message) ?? -1,
          attempts,
          nextTryAt,
          queuedAt,
          fallbacks,
        ]),
      ]),
    ),
    unrouted: unrouted.map(place),
  };
}

/** The opposite of `packStock`. */
export function unpackStock(packed: PackedStock): AlertStock {
  const alertsOf = (places: readonly number[]): Alert[] =>
    places.flatMap((place) => packed.alerts[place] ?? []);
  const messages = packed.messages.map((message): AlertMessage => ({
    ...message,
    alerts: alertsOf(message.alerts),
  }));
  return {
    groups: Object.fromEntries(
      packed.groups.map((group) => [
        group.key,
        {
          ...group,
          pending: group.pending.flatMap(([place, dueAt, isHeld]) =>
            alertsOf([place]).map((alert) => ({ alert, dueAt, isHeld })),
          ),
        },
      ]),
    ),
    queues: Object.fromEntries(
      Object.entries(packed.queues).map(([channel, queue]) => [
        channel,
        queue.flatMap(([place, attempts, nextTryAt, queuedAt, fallbacks]) => {
          const message = messages[place];
          return message === undefined ? [] : [{ message, attempts, nextTryAt, queuedAt, fallbacks }];
        }),
      ]),
    ),
    unrouted: alertsOf(packed.unrouted),
  };
}
