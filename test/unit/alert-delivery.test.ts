/** One attempt to send one message on one channel: written down before and after, never sent twice knowingly. */
import { describe, expect, it } from 'vitest';
import {
  createAlertRouterActivities,
  type AlertRouterDependencies,
} from '../../src/activities/alert-router.js';
import type { DeliveryOutcome } from '../../src/activities/alert-router-contract.js';
import type { JournalEntry } from '../../src/adapters/postgres/journal.js';
import { alertOf } from '../support/alerts.js';
import { configuration } from '../support/configurations.js';
import { startAt } from '../support/heartbeat-facts.js';

/** Activities on a channel `console`, and what they did, in order. */
function delivery(more: Partial<AlertRouterDependencies> = {}) {
  const done: string[] = [];
  const describeEntry = (entry: JournalEntry): string => {
    if (entry.kind !== 'delivery') return entry.kind;
    const { state, attempts, sentAt, reason } = entry.delivery;
    return `${state} after ${attempts}${sentAt === null ? '' : ` at ${sentAt}`}${reason === '' ? '' : `: ${reason}`}`;
  };
  const activities = createAlertRouterActivities({
    configurationOf: async () => configuration('shop', []),
    latestRevision: async () => 7,
    isDelivered: async () => false,
    journal: {
      write: async (entry) => {
        done.push(describeEntry(entry));
      },
      close: async () => undefined,
    },
    send: async () => {
      done.push('send');
    },
    now: () => startAt,
    ...more,
  });
  const deliver = (channel = 'console', attempt = 1): Promise<DeliveryOutcome> =>
    activities.deliverAlert({ environment: 'shop', revision: 7, channel, alert: alertOf(), attempt });
  return { activities, deliver, done };
}

describe('a delivery', () => {
  it('is on record before the message goes out, and again after it', async () => {
    const { deliver, done } = delivery();
    expect(await deliver()).toEqual({ kind: 'sent' });
    expect(done).toEqual(['pending after 1', 'send', `sent after 1 at ${startAt}`]);
  });

  it('that is on record as sent is not sent again', async () => {
    const { deliver, done } = delivery({ isDelivered: async () => true });
    expect(await deliver()).toEqual({ kind: 'sent' });
    expect(done).toEqual([]);
  });

  it('that fails says why, and waits for its next attempt', async () => {
    const { deliver, done } = delivery({ send: () => Promise.reject(new Error('no space left on device')) });
    expect(await deliver('console', 4)).toEqual({ kind: 'retry', reason: 'no space left on device' });
    expect(done).toEqual(['pending after 4', 'pending after 4: no space left on device']);
  });

  it('on a channel that was removed is given up, and says so', async () => {
    const { deliver, done } = delivery();
    expect(await deliver('pager')).toEqual({
      kind: 'gone',
      reason: 'channel pager is no longer in the configuration',
    });
    expect(done.at(-1)).toBe('failed after 1: channel pager is no longer in the configuration');
    expect(done).not.toContain('send');
  });
});

describe('a router that was started without channels', () => {
  it('takes those of the newest revision', async () => {
    const { activities } = delivery();
    expect(await activities.loadRouting({ environment: 'shop' })).toEqual({
      revision: 7,
      channels: ['console'],
    });
  });
});
