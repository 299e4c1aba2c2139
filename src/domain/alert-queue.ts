/** The queue of one channel: bounded, in order, with growing waits between attempts. */
import type { Alert } from './alert.js';

export interface QueuedAlert {
  alert: Alert;
  attempts: number;
  /** Not before this instant, epoch ms. */
  nextTryAt: number;
}

/** Messages that wait for one channel at most; beyond it the oldest of the lowest severity goes, but the first, which may be on its way. */
export const longestQueue = 500;

const weight = { critical: 3, high: 2, medium: 1, low: 0 } as const;

/** The queue with one more alert. */
export function queueAlert(queue: readonly QueuedAlert[], alert: Alert, now: number): QueuedAlert[] {
  const longer = [...queue, { alert, attempts: 0, nextTryAt: now }];
  if (longer.length <= longestQueue) return longer;
  const lowest = Math.min(...longer.slice(1).map((entry) => weight[entry.alert.severity]));
  const dropped = longer.findIndex((entry, index) => index > 0 && weight[entry.alert.severity] === lowest);
  return longer.filter((_, index) => index !== dropped);
}

/** Wait after the n-th failed attempt, ms: 1 s, doubling, at most 5 minutes. */
export const retryDelayMs = (attempts: number): number =>
  Math.min(300_000, 1000 * 2 ** Math.min(attempts - 1, 20));

/** The queues of all channels with each alert written once, as they are handed from run to run. */
export interface PackedQueues {
  alerts: Alert[];
  /** Per channel: index of the alert, attempts, next try. */
  queues: Record<string, [alert: number, attempts: number, nextTryAt: number][]>;
}

/** Temporal takes 2 MiB in one piece; a character of JSON has up to three bytes. */
const longestPack = 600_000;

/** Packs the queues; what does not fit goes, the oldest of the lowest severity first, and is returned as `dropped`. */
export function packQueues(
  queues: Readonly<Record<string, readonly QueuedAlert[]>>,
  longest = longestPack,
): PackedQueues & { dropped: Alert[] } {
  const all = [...new Set(Object.values(queues).flatMap((queue) => queue.map(({ alert }) => alert)))];
  const byImportance = [...all].sort((a, b) => weight[b.severity] - weight[a.severity] || b.at - a.at);
  let length = 0;
  const kept = new Set(
    byImportance.filter((alert) => {
      length += JSON.stringify(alert).length;
      return length <= longest;
    }),
  );
  const alerts = all.filter((alert) => kept.has(alert));
  const places = new Map(alerts.map((alert, index) => [alert, index]));
  const pack = (queue: readonly QueuedAlert[]): PackedQueues['queues'][string] =>
    queue.flatMap(({ alert, attempts, nextTryAt }) => {
      const place = places.get(alert);
      return place === undefined ? [] : [[place, attempts, nextTryAt]];
    });
  return {
    alerts,
    queues: Object.fromEntries(Object.entries(queues).map(([channel, queue]) => [channel, pack(queue)])),
    dropped: all.filter((alert) => !kept.has(alert)),
  };
}

/** The opposite of `packQueues`. */
export const unpackQueues = ({ alerts, queues }: PackedQueues): Record<string, QueuedAlert[]> =>
  Object.fromEntries(
    Object.entries(queues).map(([channel, queue]) => [
      channel,
      queue.flatMap(([place, attempts, nextTryAt]) => {
        const alert = alerts[place];
        return alert === undefined ? [] : [{ alert, attempts, nextTryAt }];
      }),
    ]),
  );
