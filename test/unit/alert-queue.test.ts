/** What waits for a channel: bounded, in order, never losing the important for the unimportant. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { longestQueue, queueAlert, retryDelayMs, type QueuedAlert } from '../../src/domain/alert-queue.js';
import { severities, type Severity } from '../../src/domain/service.js';
import { alertOf } from '../support/alerts.js';
import { startAt } from '../support/heartbeat-facts.js';

const queueOf = (alerts: readonly Severity[]): QueuedAlert[] =>
  alerts.reduce<QueuedAlert[]>(
    (queue, severity, index) => queueAlert(queue, alertOf({ key: String(index), severity }), startAt),
    [],
  );

const keysOf = (queue: readonly QueuedAlert[]): string[] => queue.map(({ alert }) => alert.key);

describe('queueAlert', () => {
  it('puts a message at the end, to be tried at once', () => {
    const queue = queueAlert(queueOf(['high']), alertOf({ key: 'next' }), startAt + 5);
    expect(queue[1]).toEqual({ alert: alertOf({ key: 'next' }), attempts: 0, nextTryAt: startAt + 5 });
    expect(keysOf(queue)).toEqual(['0', 'next']);
  });

  it('drops the oldest of the lowest severity when it is full', () => {
    const severitiesOf = (index: number): Severity => (index === 3 || index === 7 ? 'low' : 'critical');
    const queue = queueOf(Array.from({ length: longestQueue + 1 }, (_, index) => severitiesOf(index)));
    expect(queue).toHaveLength(longestQueue);
    expect(keysOf(queue)).not.toContain('3');
    expect(keysOf(queue)).toContain('7');
  });

  it('drops a new message of low severity rather than an important one', () => {
    const queue = queueOf([...Array<Severity>(longestQueue).fill('critical'), 'low']);
    expect(keysOf(queue)).toEqual(Array.from({ length: longestQueue }, (_, index) => String(index)));
  });

  it('never drops the first one, which may be on its way just now', () => {
    const queue = queueOf(['low', ...Array<Severity>(longestQueue).fill('critical')]);
    expect(keysOf(queue).slice(0, 2)).toEqual(['0', '2']);
    expect(queue).toHaveLength(longestQueue);
  });

  it('keeps the order and the bound whatever comes', () => {
    const many = fc.array(fc.constantFrom(...severities), {
      minLength: longestQueue - 5,
      maxLength: longestQueue + 60,
    });
    fc.assert(
      fc.property(many, (alerts) => {
        const queue = queueOf(alerts);
        const numbers = keysOf(queue).map(Number);
        expect(queue.length).toBe(Math.min(alerts.length, longestQueue));
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
        const kept = queue.filter(({ alert }) => alert.severity === 'critical').length;
        expect(kept).toBeGreaterThanOrEqual(
          Math.min(alerts.filter((severity) => severity === 'critical').length, longestQueue - 1),
        );
      }),
      { numRuns: 20 },
    );
  });
});

describe('retryDelayMs', () => {
  it('doubles from one second to five minutes', () => {
    expect([1, 2, 3, 4].map(retryDelayMs)).toEqual([1000, 2000, 4000, 8000]);
    expect([9, 10, 50, 100_000].map(retryDelayMs)).toEqual([256_000, 300_000, 300_000, 300_000]);
  });
});
