/** The queue of one channel: bounded, in order, with growing waits between attempts. */
import type { AlertMessage } from './alert.js';
import { failureNoticeLimitMs, messageLimitMs, mostDelivered, mostDeliveredBytes } from './alert-defaults.js';

export interface QueuedMessage {
  message: AlertMessage;
  attempts: number;
  /** Not before this instant, epoch ms. */
  nextTryAt: number;
  /** Since when it waits, epoch ms. */
  queuedAt: number;
  /** Channels that are told when this one fails, in order. */
  fallbacks: string[];
}

/** Messages that wait for one channel at most; beyond it the oldest of the lowest severity goes, but not the first ones, which may be on their way. */
export const longestQueue = 2000;

const weight = { critical: 3, high: 2, medium: 1, low: 0 } as const;

/** The queue with one more message, and what had to go for it. */
export function queueMessage(
  queue: readonly QueuedMessage[],
  entry: QueuedMessage,
): { queue: QueuedMessage[]; dropped: QueuedMessage | null } {
  const longer = [...queue, entry];
  if (longer.length <= longestQueue) return { queue: longer, dropped: null };
  const lowest = Math.min(...longer.slice(mostDelivered).map(({ message }) => weight[message.severity]));
  const at = longer.findIndex(
    ({ message }, index) => index >= mostDelivered && weight[message.severity] === lowest,
  );
  return { queue: longer.filter((_, index) => index !== at), dropped: longer[at] ?? null };
}

/** The messages of one call: the oldest that are due, as many as one call takes. */
export function dueMessages(queue: readonly QueuedMessage[], now: number): QueuedMessage[] {
  const due: QueuedMessage[] = [];
  let size = 0;
  for (const entry of queue.slice(0, mostDelivered)) {
    size += JSON.stringify(entry.message).length;
    if (entry.nextTryAt > now || (due.length > 0 && size > mostDeliveredBytes)) break;
    due.push(entry);
  }
  return due;
}

/** A number from 0 to 1 that is always the same for a text (FNV-1a): waits differ, and a replay repeats them. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0) / 0x1_0000_0000;
}

/** Wait after the n-th failed attempt, ms: 1 s, doubling, at most 5 minutes; up to a tenth less, by the key. */
export function retryDelayMs(attempts: number, key: string): number {
  const fullMs = Math.min(300_000, 1000 * 2 ** Math.min(attempts - 1, 20));
  return Math.round(fullMs * (1 - fraction(`${key}:${attempts}`) / 10));
}

/** When a message is given up, epoch ms. */
export const givenUpAt = ({ queuedAt, message }: QueuedMessage): number =>
  queuedAt + (message.event === 'channel_failed' ? failureNoticeLimitMs : messageLimitMs);

/** What becomes of a message that could not be sent: tried again at an instant, or given up (null). */
export function nextTry(entry: QueuedMessage, afterMs: number | null, now: number): number | null {
  const endsAt = givenUpAt(entry);
  if (now >= endsAt) return null;
  const waitMs = afterMs === null ? retryDelayMs(entry.attempts, entry.message.key) : Math.max(0, afterMs);
  // A last attempt at the end of its time.
  return Math.min(now + waitMs, endsAt);
}
