/** One attempt to send one message on one channel: written down before and after, never sent twice knowingly. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDelivery, type DeliveryDependencies } from '../../src/activities/alert-delivery.js';
import type { DeliveryLedger } from '../../src/adapters/delivery-ledger.js';
import type { JournalEntry } from '../../src/adapters/postgres/journal.js';
import type { Channel } from '../../src/domain/configuration.js';
import { messageOf } from '../support/alerts.js';
import { startAt } from '../support/heartbeat-facts.js';

const channel: Channel = { name: 'hook', kind: 'webhook', url: 'http://127.0.0.1:1/', secret: null };
const message = messageOf();

/** A delivery, and what it did, in order; `written` says where the journal puts things. */
function delivery(more: Partial<DeliveryDependencies> = {}, written: 'stored' | 'spooled' = 'stored') {
  const done: string[] = [];
  const known = new Set<string>();
  const ledger: DeliveryLedger = {
    append: async ({ key, state }) => {
      done.push(`ledger: ${state}`);
      if (state === 'sent') known.add(key);
    },
    sentAt: (key) => (known.has(key) ? startAt : null),
  };
  const describeEntry = (entry: JournalEntry): string => {
    if (entry.kind !== 'delivery') return entry.kind;
    const { state, attempts, sentAt, reason } = entry.delivery;
    return `${state} after ${attempts}${sentAt === null ? '' : ` at ${sentAt}`}${reason === '' ? '' : `: ${reason}`}`;
  };
  const { deliver, refuse } = createDelivery({
    isDelivered: async () => {
      done.push('asks');
      return false;
    },
    journal: {
      write: async (entry) => {
        done.push(describeEntry(entry));
        return written;
      },
      close: async () => undefined,
    },
    ledger,
    send: async () => {
      done.push('send');
      return { kind: 'sent' };
    },
    warn: (text) => done.push(text),
    now: () => startAt,
    ...more,
  });
  return { deliver: (attempt = 1) => deliver(channel, { message, attempt }), refuse, done, known };
}

describe('a delivery', () => {
  it('is on record before the message goes out, and again after it', async () => {
    const { deliver, done } = delivery();
    expect(await deliver()).toEqual({ kind: 'sent' });
    expect(done).toEqual(['pending after 1', 'asks', 'send', `sent after 1 at ${startAt}`]);
  });

  it('that is on record as sent is not sent again', async () => {
    const { deliver, done } = delivery({ isDelivered: async () => true });
    expect(await deliver()).toEqual({ kind: 'sent' });
    expect(done).not.toContain('send');
  });

  it.each([
    ['retry', 'pending', { kind: 'retry', reason: 'status 503', afterMs: 9000 }],
    ['permanent', 'failed', { kind: 'permanent', reason: 'status 404' }],
  ] as const)('that ends as %s is on record as %s with the reason', async (_, state, outcome) => {
    const { deliver, done } = delivery({ send: async () => outcome });
    expect(await deliver(4)).toEqual(outcome);
    expect(done.at(-1)).toBe(`${state} after 4: ${outcome.reason}`);
  });

  it('that breaks is tried again', async () => {
    const { deliver, done } = delivery({ send: () => Promise.reject(new Error('no space left on device')) });
    expect(await deliver()).toEqual({ kind: 'retry', reason: 'no space left on device', afterMs: null });
    expect(done.at(-1)).toBe('pending after 1: no space left on device');
  });

  it('while the database is away is in the ledger before anything else, and the database is not asked', async () => {
    const { deliver, done } = delivery({}, 'spooled');
    expect(await deliver()).toEqual({ kind: 'sent' });
    expect(done).toEqual([
      'pending after 1',
      'ledger: pending',
      'send',
      'ledger: sent',
      `sent after 1 at ${startAt}`,
      'ledger: sent',
    ]);
  });

  it('goes out, once, also when nothing can be written down', async () => {
    const full = (): Promise<never> => Promise.reject(new Error('no space left on device'));
    const { deliver, done } = delivery({
      journal: { write: full, close: async () => undefined },
      ledger: { append: full, sentAt: () => null },
    });
    expect(await deliver()).toEqual({ kind: 'sent' });
    expect(done.filter((each) => each === 'send')).toHaveLength(1);
    expect(done).toContain('a delivery could not be recorded; check database and disk');
  });

  it('that the ledger knows is not sent again', async () => {
    const { deliver, done, known } = delivery();
    known.add(message.key);
    expect(await deliver()).toEqual({ kind: 'sent' });
    expect(done).toEqual(['pending after 1', `sent after 1 at ${startAt}`]);
  });

  it('that is asked for again while it is under way has one outcome', async () => {
    const { deliver, done } = delivery();
    expect(await Promise.all([deliver(), deliver()])).toEqual([{ kind: 'sent' }, { kind: 'sent' }]);
    expect(done.filter((each) => each === 'send')).toHaveLength(1);
  });

  it('that cannot be is on record as failed', async () => {
    const { refuse, done } = delivery();
    const reason = 'channel pager is not in the configuration';
    expect(await refuse({ channel: 'pager', message, attempt: 1 }, reason)).toEqual({
      kind: 'permanent',
      reason,
    });
    expect(done).toEqual([`failed after 1: ${reason}`]);
  });
});

describe('a channel that hangs', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is given up after 12 s, told so, and tried again', async () => {
    let signal: AbortSignal | undefined;
    const { deliver } = delivery({
      send: (_channel, _message, options) => {
        signal = options.signal;
        return new Promise(() => undefined);
      },
    });
    const outcome = deliver();
    await vi.advanceTimersByTimeAsync(11_900);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(await outcome).toEqual({ kind: 'retry', reason: 'no answer within 12 s', afterMs: null });
    expect(signal?.aborted).toBe(true);
  });
});
