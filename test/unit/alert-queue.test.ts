/** What waits for a channel: bounded, in order, never losing the important for the unimportant. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageLimitMs, mostDelivered } from '../../src/domain/alert-defaults.js';
import {
  dueMessages,
  longestQueue,
  nextTry,
  queueMessage,
  retryDelayMs,
  type QueuedMessage,
} from '../../src/domain/alert-queue.js';
import { severities, type Severity } from '../../src/domain/service.js';
import { alertOf, messageOf } from '../support/alerts.js';
import { startAt } from '../support/heartbeat-facts.js';

const entryOf = (
  key: string,
  severity: Severity = 'high',
  more: Partial<QueuedMessage> = {},
): QueuedMessage => ({
  message: messageOf(alertOf({ key, severity })),
  attempts: 0,
  nextTryAt: startAt,
  queuedAt: startAt,
  fallbacks: [],
  ...more,
});

const queueOf = (list: readonly Severity[]): { queue: QueuedMessage[]; dropped: QueuedMessage[] } => {
  const dropped: QueuedMessage[] = [];
  const queue = list.reduce<QueuedMessage[]>((before, severity, index) => {
    const result = queueMessage(before, entryOf(String(index), severity));
    if (result.dropped !== null) dropped.push(result.dropped);
    return result.queue;
  }, []);
  return { queue, dropped };
};

const keysOf = (queue: readonly QueuedMessage[]): string[] => queue.map(({ message }) => message.key);

describe('a queue', () => {
  it('drops the oldest of the lowest severity when it is full, and says which', () => {
    const severityOf = (index: number): Severity => (index === 33 || index === 77 ? 'low' : 'critical');
    const { queue, dropped } = queueOf(
      Array.from({ length: longestQueue + 1 }, (_, index) => severityOf(index)),
    );
    expect(queue).toHaveLength(longestQueue);
    expect(keysOf(dropped)).toEqual(['33']);
    expect(keysOf(queue)).toContain('77');
  });

  it('never drops the first ones, which may be on their way just now', () => {
    const first = Array<Severity>(mostDelivered).fill('low');
    const { dropped } = queueOf([...first, ...Array<Severity>(longestQueue).fill('critical')]);
    expect(keysOf(dropped)[0]).toBe(String(mostDelivered));
  });

  it('keeps the order and the bound whatever comes, and loses nothing silently', () => {
    const many = fc.array(fc.constantFrom(...severities), {
      minLength: longestQueue - 5,
      maxLength: longestQueue + 60,
    });
    fc.assert(
      fc.property(many, (list) => {
        const { queue, dropped } = queueOf(list);
        const numbers = keysOf(queue).map(Number);
        expect(queue.length).toBe(Math.min(list.length, longestQueue));
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        expect(queue.length + dropped.length).toBe(list.length);
      }),
      { numRuns: 20 },
    );
  });

  it('gives a call the oldest that are due, as many as it takes', () => {
    const queue = Array.from({ length: 30 }, (_, index) => entryOf(String(index)));
    expect(dueMessages(queue, startAt)).toHaveLength(mostDelivered);
    expect(dueMessages([entryOf('later', 'high', { nextTryAt: startAt + 1 }), ...queue], startAt)).toEqual(
      [],
    );
    const large = (key: string): QueuedMessage => ({
      ...entryOf(key),
      message: messageOf(alertOf({ key, text: 'x'.repeat(300_000) })),
    });
    expect(keysOf(dueMessages([large('1'), large('2')], startAt))).toEqual(['1']);
  });
});

describe('the next attempt', () => {
  it('comes after one second, doubling to five minutes, a little less by the key', () => {
    for (const [attempts, fullMs] of [
      [1, 1000],
      [2, 2000],
      [4, 8000],
      [9, 256_000],
      [10, 300_000],
      [100_000, 300_000],
    ] as const)
      for (const key of ['a', 'b', 'c']) {
        expect(retryDelayMs(attempts, key)).toBeLessThanOrEqual(fullMs);
        expect(retryDelayMs(attempts, key)).toBeGreaterThanOrEqual(0.9 * fullMs - 1);
        expect(retryDelayMs(attempts, key)).toBe(retryDelayMs(attempts, key));
      }
    expect(new Set(['a', 'b', 'c', 'd'].map((key) => retryDelayMs(10, key))).size).toBeGreaterThan(1);
  });

  it('comes when the other side said', () => {
    expect(nextTry(entryOf('1', 'high', { attempts: 1 }), 90_000, startAt)).toBe(startAt + 90_000);
  });

  it('comes a last time when the message has waited for a day, and then no more', () => {
    const entry = entryOf('1', 'high', { attempts: 50 });
    const endsAt = startAt + messageLimitMs;
    expect(nextTry(entry, 3 * messageLimitMs, startAt)).toBe(endsAt);
    expect(nextTry(entry, null, endsAt - 10)).toBe(endsAt);
    expect(nextTry(entry, null, endsAt)).toBeNull();
  });

  it('of the news of a dead channel is given up soon', () => {
    const message = messageOf(alertOf({ event: 'channel_failed' }));
    const entry: QueuedMessage = { ...entryOf('1'), message, attempts: 9 };
    expect(nextTry(entry, null, startAt + 6 * 60_000)).toBeNull();
  });
});
