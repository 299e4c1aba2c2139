/** One sender for each channel with messages: a dead channel delays no other, and within a channel the order is kept. */
import { CancellationScope, condition, isCancellation, log } from '@temporalio/workflow';
import { sendLimitMs, outageToldAfterMs } from '../domain/alert-defaults.js';
import { messagesOf } from '../domain/alert-grouping.js';
import { dueMessages, nextTry, type QueuedMessage } from '../domain/alert-queue.js';
import type { SendOutcome } from '../domain/alert.js';
import { fallbacksOf, noteDelivered, noteOutage } from '../domain/channel-outage.js';
import { deliveryActivities } from './activity-proxies.js';
import { enqueue, note } from './alert-router-inbox.js';
import type { RouterMemory } from './alert-router-memory.js';
import { show } from './alert-router-view.js';

export interface Channels {
  /** True when a channel has messages to be tried now, and nobody sends them. */
  areDue(now: number): boolean;
  /** When a channel is to be tried next, epoch ms; null when none waits, or all are busy. */
  nextTryAt(): number | null;
  /** Begins to send on the channels that are due. */
  serve(now: number): void;
  /** Begins nothing any more; resolves when nothing is under way, at the latest after a moment. */
  leave(): Promise<void>;
}

/** An attempt that lasts longer than this does not hold up the next run: that one asks the record what became of it. */
const leaveMs = 1_000;
/** By then an attempt that was left behind has heard of it (with its next heartbeat), has ended, and is on record. */
const settledMs = sendLimitMs + 6_000;

export function serveChannels(memory: RouterMemory): Channels {
  const busy = new Map<string, CancellationScope>();
  let isLeaving = false;
  const idle = (): [string, QueuedMessage][] =>
    isLeaving || memory.control.state !== 'running'
      ? []
      : Object.entries(memory.queues).flatMap(([channel, [head]]) =>
          head === undefined || busy.has(channel) ? [] : [[channel, head]],
        );
  const serve = async (channel: string, scope: CancellationScope): Promise<void> => {
    try {
      await scope.run(() => deliver(memory, channel));
    } catch (error) {
      if (!isCancellation(error)) throw error;
      // It may still be on its way: whoever comes next waits until that is known.
      const at = Date.now() + settledMs;
      for (const entry of memory.queues[channel] ?? []) entry.nextTryAt = Math.max(entry.nextTryAt, at);
    } finally {
      busy.delete(channel);
    }
  };
  return {
    areDue: (now) => idle().some(([, head]) => head.nextTryAt <= now),
    nextTryAt: () => {
      const times = idle().map(([, head]) => head.nextTryAt);
      return times.length === 0 ? null : Math.min(...times);
    },
    serve: (now) => {
      for (const [channel, head] of idle()) {
        if (head.nextTryAt > now) continue;
        const scope = new CancellationScope();
        busy.set(channel, scope);
        // It rejects only when the workflow is cancelled, which ends the loop itself, too.
        serve(channel, scope).catch(() => undefined);
      }
    },
    leave: async () => {
      isLeaving = true;
      const isDone = (): boolean => busy.size === 0;
      if (await condition(isDone, leaveMs, { summary: 'lets the attempts under way end' })) return;
      for (const scope of busy.values()) scope.cancel();
      await condition(isDone);
    },
  };
}

/** One call for the oldest messages of a channel. */
async function deliver(memory: RouterMemory, channel: string): Promise<void> {
  const batch = dueMessages(memory.queues[channel] ?? [], Date.now());
  const outcomes = await attempt(memory, channel, batch);
  for (const [index, outcome] of outcomes.entries()) {
    const entry = batch[index];
    if (entry !== undefined) conclude(memory, channel, entry, outcome);
  }
  show(memory);
}

async function attempt(
  memory: RouterMemory,
  channel: string,
  batch: QueuedMessage[],
): Promise<SendOutcome[]> {
  const { environment } = memory.settings;
  const messages = batch.map(({ message, attempts }) => ({ message, attempt: attempts + 1 }));
  const what = batch.length === 1 ? (batch[0]?.message.alerts[0]?.text ?? '') : `${batch.length} messages`;
  try {
    const { outcomes } = await deliveryActivities.deliverAlerts.executeWithOptions(
      { summary: `${channel}: ${what}`.slice(0, 200) },
      [{ environment, revision: memory.routing?.revision ?? 0, channel, messages }],
    );
    return outcomes;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return [{ kind: 'retry', reason: reasonOf(error), afterMs: null }];
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);

function conclude(memory: RouterMemory, channel: string, entry: QueuedMessage, outcome: SendOutcome): void {
  // By identity: while it was on its way, the queue may have been replaced.
  const remove = (): void => {
    memory.queues[channel] = (memory.queues[channel] ?? []).filter((each) => each !== entry);
  };
  if (outcome.kind === 'sent') {
    remove();
    return noteDelivered(memory.outages, channel);
  }
  entry.attempts += 1;
  log.warn(`message ${entry.message.key} is not delivered on ${channel}: ${outcome.reason}`);
  if (outcome.kind === 'permanent') {
    remove();
    return tellFailure(memory, channel, entry, outcome.reason);
  }
  const now = Date.now();
  const next = nextTry(entry, outcome.afterMs, now);
  if (next !== null) {
    entry.nextTryAt = next;
    const isLong = now - entry.queuedAt >= outageToldAfterMs;
    if (isLong && entry.message.event !== 'channel_failed')
      tellOutage(memory, channel, entry, outcome.reason);
    return;
  }
  remove();
  const reason = `given up after ${entry.attempts} attempts: ${outcome.reason}`;
  note(memory, {
    message: entry.message,
    channels: [channel],
    state: 'failed',
    attempts: entry.attempts,
    reason,
  });
  tellFailure(memory, channel, entry, outcome.reason);
}

/** A message is dead. The news of a dead channel goes on to the next channel, as long as there is one. */
function tellFailure(memory: RouterMemory, channel: string, entry: QueuedMessage, reason: string): void {
  if (entry.message.event !== 'channel_failed') return tellOutage(memory, channel, entry, reason);
  const [next, ...fallbacks] = entry.fallbacks;
  if (next !== undefined) enqueue(memory, { channel: next, message: entry.message, fallbacks });
}

function tellOutage(memory: RouterMemory, channel: string, entry: QueuedMessage, reason: string): void {
  const { environment } = memory.settings;
  const alert = noteOutage(memory.outages, { environment, channel, reason, now: Date.now() });
  if (alert === null) return;
  const [message] = messagesOf({ key: `${environment}/channel_failed`, labels: { target: channel } }, [
    alert,
  ]);
  const isTroubled = (name: string): boolean =>
    memory.outages[name]?.isTold === true || (memory.queues[name]?.[0]?.attempts ?? 0) > 0;
  const [next, ...fallbacks] = fallbacksOf({
    channel,
    route: entry.fallbacks,
    configured: memory.routing?.channels ?? [],
    isTroubled,
  });
  if (message === undefined) return;
  if (next !== undefined) return enqueue(memory, { channel: next, message, fallbacks });
  const lonely = 'there is no other channel that could be told';
  note(memory, { message, channels: [channel], state: 'failed', attempts: 0, reason: lonely });
}
