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
