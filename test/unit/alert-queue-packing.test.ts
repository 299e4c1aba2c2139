/** How queues are handed from run to run: whole while they fit, and the important ones when they do not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packQueues, unpackQueues, type QueuedAlert } from '../../src/domain/alert-queue.js';
import { severities } from '../../src/domain/service.js';
import { alertOf } from '../support/alerts.js';

const alerts = Array.from({ length: 10 }, (_, index) =>
  alertOf({ key: `key-${index}`, at: index, severity: severities[index % severities.length] ?? 'high' }),
);
const queued = fc.record({
  alert: fc.constantFrom(...alerts),
  attempts: fc.nat(20),
  nextTryAt: fc.nat(),
});
const queues = fc.dictionary(fc.constantFrom('mail', 'chat', 'file'), fc.array(queued, { maxLength: 12 }), {
  noNullPrototype: true,
});

describe('packed queues', () => {
  it('unpack to what they were, also as JSON', () => {
    fc.assert(
      fc.property(queues, (before) => {
        const { dropped, ...packed } = packQueues(before);
        const travelled = JSON.parse(JSON.stringify(packed)) as typeof packed;
        expect(unpackQueues(travelled)).toEqual(before);
        expect(dropped).toEqual([]);
      }),
    );
  });

  it('hold an alert once that waits for several channels', () => {
    const queue: QueuedAlert[] = alerts.map((alert) => ({ alert, attempts: 0, nextTryAt: 0 }));
    expect(packQueues({ mail: queue, chat: queue, file: queue }).alerts).toEqual(alerts);
  });

  it('leave out the least important first when they are too long, and say which', () => {
    const queue: QueuedAlert[] = alerts.map((alert) => ({ alert, attempts: 0, nextTryAt: 0 }));
    const size = JSON.stringify(alerts[0]).length;
    const { dropped, ...packed } = packQueues({ mail: queue }, 5 * (size + 10));
    const kept = (unpackQueues(packed)['mail'] ?? []).map(({ alert }) => alert);
    expect([...kept, ...dropped].length).toBe(10);
    expect(kept.filter(({ severity }) => severity === 'critical').length).toBe(
      alerts.filter(({ severity }) => severity === 'critical').length,
    );
    expect(dropped.some(({ severity }) => severity === 'low')).toBe(true);
    expect(kept.map(({ at }) => at)).toEqual([...kept.map(({ at }) => at)].sort((a, b) => a - b));
  });
});
