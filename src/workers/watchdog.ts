/** The worker's watchdog: notices a dead Temporal or database, and says so through the channels without either. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SendMessage } from '../adapters/channels/channel.js';
import type { Journal } from '../adapters/postgres/journal.js';
import type { AlertMessage, SendOutcome } from '../domain/alert.js';
import type { Channel } from '../domain/configuration.js';
import {
  decideWatchdog,
  newWatch,
  watchdogLimits,
  watchdogMessage,
  watchdogRetryMs,
  watchedParts,
  type Watch,
  type WatchdogLimits,
  type WatchedPart,
} from '../domain/watchdog.js';
import type { Log } from './log.js';

export interface WatchdogDependencies {
  environment: string;
  host: string;
  /** Each asks its part the cheapest question, and rejects when it cannot be asked. Neither may share a queue with the loops. */
  ask: Readonly<Record<WatchedPart, (limitMs: number) => Promise<unknown>>>;
  /** The channels of the root route by the newest configuration known here. */
  channels(): Promise<Channel[]>;
  send: SendMessage;
  journal: Pick<Journal, 'write'>;
  log: Log;
  limits?: WatchdogLimits;
}

export interface Watchdog {
  /** Ends the looks and what is being sent. */
  stop(): Promise<void>;
}

/** Time limit of one attempt to send, ms. */
const sendLimitMs = 15_000;

export function startWatchdog(deps: WatchdogDependencies): Watchdog {
  const ended = new AbortController();
  const sending = new Set<Promise<void>>();
  const tell = (message: AlertMessage): void => {
    // Beside the looks: a channel that hangs must not hide that the other part is dead, too.
    const sent = tellAll(deps, message, ended.signal).finally(() => sending.delete(sent));
    sending.add(sent);
  };
  const watching = watchedParts.map((part) => watch(deps, part, { tell, signal: ended.signal }));
  return {
    stop: async () => {
      ended.abort();
      await Promise.all(watching);
      await Promise.all(sending);
    },
  };
}

interface Watching {
  tell(message: AlertMessage): void;
  signal: AbortSignal;
}

async function watch(
  deps: WatchdogDependencies,
  part: WatchedPart,
  { tell, signal }: Watching,
): Promise<void> {
  const { environment, host, limits = watchdogLimits } = deps;
  let known: Watch = newWatch();
  while (!signal.aborted) {
    const startedAt = { at: Date.now(), atMs: performance.now() };
    const problem = await lookAt(deps.ask[part], limits.answerMs);
    if (signal.aborted) return;
    const decision = decideWatchdog(known, { problem, ...startedAt }, limits);
    known = decision.watch;
    if (decision.tell !== null) {
      const facts = { environment, host, part, problem: problem ?? '', at: Date.now(), ...decision.tell };
      tell(watchdogMessage(facts));
    }
    await pause(Math.max(0, limits.everyMs - (performance.now() - startedAt.atMs)), signal);
  }
}

/** Why there was no answer; null when there was one. Its own time limit, whatever the question itself keeps to. */
async function lookAt(ask: (limitMs: number) => Promise<unknown>, limitMs: number): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${limitMs / 1000} s`), limitMs);
  });
  try {
    return await Promise.race([ask(limitMs).then(() => null, messageOf), limit]);
  } finally {
    clearTimeout(timer);
  }
}

async function tellAll(
  deps: WatchdogDependencies,
  message: AlertMessage,
  signal: AbortSignal,
): Promise<void> {
  const text = message.alerts[0]?.text ?? '';
  if (message.status === 'firing') deps.log.error(text);
  else deps.log.info(text);
  const channels = await deps.channels().catch((error: unknown): Channel[] => {
    deps.log.error('the watchdog knows no channels', { error: messageOf(error) });
    return [];
  });
  await Promise.all(channels.map((channel) => tellOne(deps, channel, { message, signal })));
}

interface Telling {
  message: AlertMessage;
  signal: AbortSignal;
}

/** Written down before each attempt and after the last one; the journal keeps it in the spool while the database is away. */
async function tellOne(
  deps: WatchdogDependencies,
  channel: Channel,
  { message, signal }: Telling,
): Promise<void> {
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    await record(deps, channel, message, { state: 'pending', attempt, reason: '' });
    const outcome = await attemptOnce(deps.send, channel, { message, signal, attempt });
    if (outcome.kind === 'sent')
      return record(deps, channel, message, { state: 'sent', attempt, reason: '' });
    const waitMs = outcome.kind === 'permanent' ? null : watchdogRetryMs(attempt, outcome.afterMs);
    if (waitMs === null) {
      deps.log.error(`the watchdog could not say it on ${channel.name}`, { error: outcome.reason });
      return record(deps, channel, message, { state: 'failed', attempt, reason: outcome.reason });
    }
    await pause(waitMs, signal);
  }
}

async function attemptOnce(
  send: SendMessage,
  channel: Channel,
  { message, signal, attempt }: Telling & { attempt: number },
): Promise<SendOutcome> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(sendLimitMs)]);
  const cut = new Promise<SendOutcome>((resolve) => {
    limit.addEventListener('abort', () =>
      resolve({ kind: 'retry', reason: 'it took too long', afterMs: null }),
    );
  });
  const sent = send(channel, message, { signal: limit, attempt }).catch((error: unknown): SendOutcome => ({
    kind: 'retry',
    reason: messageOf(error),
    afterMs: null,
  }));
  return Promise.race([sent, cut]);
}

async function record(
  deps: WatchdogDependencies,
  channel: Channel,
  message: AlertMessage,
  what: { state: 'pending' | 'sent' | 'failed'; attempt: number; reason: string },
): Promise<void> {
  const sentAt = what.state === 'sent' ? Date.now() : null;
  const { state, attempt: attempts, reason } = what;
  const delivery = { channel: channel.name, message, state, attempts, sentAt, reason };
  // Saying it matters more than having written it down.
  await deps.journal.write({ kind: 'delivery', delivery }).catch((error: unknown) => {
    deps.log.warn('a message of the watchdog could not be recorded', { error: messageOf(error) });
  });
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal, ref: false }).catch(() => undefined);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
