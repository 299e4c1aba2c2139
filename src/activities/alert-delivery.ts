/** One message on one channel: written down, sent unless it was sent already, and written down again. */
import type { SendMessage } from '../adapters/channels/channel.js';
import type { DeliveryLedger } from '../adapters/delivery-ledger.js';
import type { StoredDelivery } from '../adapters/postgres/alert-store.js';
import type { Journal } from '../adapters/postgres/journal.js';
import { sendLimitMs } from '../domain/alert-defaults.js';
import type { AlertMessage, SendOutcome } from '../domain/alert.js';
import type { Channel } from '../domain/configuration.js';

export interface DeliveryDependencies {
  /** False also when the database cannot be asked: then the ledger and the channel's own knowledge of the key decide. */
  isDelivered(message: AlertMessage, channel: string): Promise<boolean>;
  journal: Journal;
  /** Knows what was sent while the database was away. */
  ledger: DeliveryLedger;
  send: SendMessage;
  warn(message: string, detail: object): void;
  now(): number;
}

export interface Attempt {
  message: AlertMessage;
  attempt: number;
}

export interface Delivery {
  /** Never rejects: what the channel does is the outcome, and what cannot be written down is in the log. */
  deliver(channel: Channel, attempt: Attempt, limitMs?: number): Promise<SendOutcome>;
  /** Writes down that a message cannot be sent at all. */
  refuse(attempt: Attempt & { channel: string }, reason: string): Promise<SendOutcome>;
}

const longestReason = 500;

type Recorded = Pick<StoredDelivery, 'channel' | 'message' | 'attempts' | 'reason'> & {
  state: 'pending' | 'sent' | 'failed';
};

export function createDelivery(deps: DeliveryDependencies): Delivery {
  const underWay = new Map<string, Promise<SendOutcome>>();
  const deliver = async (channel: Channel, attempt: Attempt, limitMs: number): Promise<SendOutcome> => {
    const name = JSON.stringify([attempt.message.environment, channel.name, attempt.message.key]);
    // A run of the router that ended may have left the same attempt behind: its outcome is the answer.
    const running = underWay.get(name);
    if (running !== undefined) return running;
    const work = deliverOnce(deps, channel, attempt, limitMs).finally(() => underWay.delete(name));
    underWay.set(name, work);
    return work;
  };
  return {
    deliver: (channel, attempt, limitMs = sendLimitMs) => deliver(channel, attempt, limitMs),
    refuse: async ({ channel, message, attempt }, reason) => {
      await record(deps, { channel, message, attempts: attempt, state: 'failed', reason });
      return { kind: 'permanent', reason };
    },
  };
}

/**
 * Where it went: also into the ledger while the database is away. `lost` when nothing could be written (a full disk, too):
 * people are told nevertheless.
 */
async function record(deps: DeliveryDependencies, each: Recorded): Promise<'stored' | 'spooled' | 'lost'> {
  const sentAt = each.state === 'sent' ? deps.now() : null;
  const reason = each.reason.slice(0, longestReason);
  const entry = { kind: 'delivery', delivery: { ...each, sentAt, reason } } as const;
  const written = await deps.journal.write(entry).catch((error: unknown) => {
    deps.warn('a delivery could not be recorded; check database and disk', {
      key: each.message.key,
      error: String(error),
    });
    return 'lost' as const;
  });
  if (written !== 'stored') await enterLedger(deps, each);
  return written;
}

/** The spool has it, too: a ledger that cannot be written keeps no message back. */
async function enterLedger(deps: DeliveryDependencies, each: Recorded): Promise<void> {
  const { channel, message, state, reason } = each;
  await deps.ledger
    .append({ at: deps.now(), key: message.key, channel, state, reason })
    .catch((error: unknown) =>
      deps.warn('the ledger of deliveries cannot be written', { error: String(error) }),
    );
}

async function deliverOnce(
  deps: DeliveryDependencies,
  channel: Channel,
  { message, attempt }: Attempt,
  limitMs: number,
): Promise<SendOutcome> {
  const common = { channel: channel.name, message, attempts: attempt };
  const intent = await record(deps, { ...common, state: 'pending', reason: '' });
  if (deps.ledger.sentAt(message.key, channel.name) !== null) {
    await record(deps, { ...common, state: 'sent', reason: '' });
    return { kind: 'sent' };
  }
  // A database that did not take the intent is not asked: that would cost its time limit for each message.
  if (intent === 'stored' && (await deps.isDelivered(message, channel.name))) return { kind: 'sent' };
  const outcome = await sendWithin(deps.send, channel, { message, attempt }, limitMs);
  if (outcome.kind === 'sent') {
    const sent = { ...common, state: 'sent', reason: '' } as const;
    // First of all on disk: a crash from here on sends nothing twice.
    if (intent !== 'stored') await enterLedger(deps, sent);
    await record(deps, sent);
  } else {
    const state = outcome.kind === 'permanent' ? 'failed' : 'pending';
    await record(deps, { ...common, state, reason: outcome.reason });
  }
  return outcome;
}

/** A channel that hangs, or breaks instead of answering, is tried again. */
async function sendWithin(
  send: SendMessage,
  channel: Channel,
  { message, attempt }: Attempt,
  limitMs: number,
): Promise<SendOutcome> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<SendOutcome>((resolve) => {
    timer = setTimeout(() => {
      controller.abort();
      const reason = `no answer within ${Math.round(limitMs / 1000)} s`;
      resolve({ kind: 'retry', reason, afterMs: null });
    }, limitMs);
  });
  const sending = send(channel, message, { signal: controller.signal, attempt }).catch(
    (error: unknown): SendOutcome => ({
      kind: 'retry',
      reason: error instanceof Error ? error.message : String(error),
      afterMs: null,
    }),
  );
  try {
    return await Promise.race([sending, limit]);
  } finally {
    clearTimeout(timer);
  }
}
