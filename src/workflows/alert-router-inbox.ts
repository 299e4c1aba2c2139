/** What the alert router does with what it is sent: alerts into groups, messages into queues, and a note for what is not sent. */
import { log } from '@temporalio/workflow';
import type { DeliveryNote, LoadedRouting } from '../activities/alert-router-contract.js';
import {
  flushDue,
  releaseHeld,
  takeAlert,
  type Dispatched,
  type DispatchRules,
} from '../domain/alert-dispatch.js';
import { regroup } from '../domain/alert-regrouping.js';
import { messagesOf } from '../domain/alert-grouping.js';
import { routeAt } from '../domain/alert-routing.js';
import { longestQueue, queueMessage, type QueuedMessage } from '../domain/alert-queue.js';
import type { Alert, AlertMessage } from '../domain/alert.js';
import { canonicalJson } from '../domain/canonical-json.js';
import type { LoopInput } from '../domain/loop-input.js';
import { readAlert } from '../domain/message-input.js';
import { readSilenceRequest, readUnsilenceRequest } from '../domain/router-input.js';
import { addSilence, endSilence, type Silence } from '../domain/silence.js';
import { dropExcess, isRepeated, takeRouting, type RouterMemory } from './alert-router-memory.js';

/** Alerts that wait for the first routing at most. */
const mostUnrouted = 1000;
const mostEarlySilences = 100;
/** Notes that could not be written yet; beyond it the oldest are only in the log. */
const mostNotes = 2000;
/** Names in one alert: what is more makes it too large for the channels, too. */
const [mostAffected, mostTags, mostDid] = [500, 100, 20];

const rulesOf = (memory: RouterMemory): DispatchRules | null => memory.routing;

/** Takes one alert, if it is one and is not known yet. */
export function submit(memory: RouterMemory, input: unknown): void {
  const read = readAlert(input);
  if (!read.ok) return log.warn(`signal submit ignored: ${read.problem}`);
  if (isRepeated(memory, read.value.key)) return;
  const alert = bounded(read.value);
  memory.lastAt = Date.now();
  memory.count += 1;
  memory.control.isRecorded = false;
  const rules = rulesOf(memory);
  if (rules !== null) return carryOut(memory, takeAlert(memory.dispatch, alert, rules, Date.now()));
  memory.unrouted.push(alert);
  while (memory.unrouted.length > mostUnrouted) {
    const dropped = memory.unrouted.shift();
    if (dropped !== undefined)
      noteAlert(memory, dropped, [], 'too many alerts came before the routing was known');
  }
}

function bounded(alert: Alert): Alert {
  const { affected, tags, did } = alert;
  return {
    ...alert,
    affected: affected.slice(0, mostAffected),
    tags: tags.slice(0, mostTags),
    ...(did === undefined ? {} : { did: did.slice(-mostDid) }),
  };
}

/** Tells what is due now. */
export function dispatchDue(memory: RouterMemory, now: number): void {
  const rules = rulesOf(memory);
  if (rules !== null) carryOut(memory, flushDue(memory.dispatch, rules, now));
}

function carryOut(memory: RouterMemory, { messages, suppressed }: Dispatched): void {
  for (const { alert, channels, reason } of suppressed) noteAlert(memory, alert, channels, reason);
  for (const { message, channels } of messages)
    for (const channel of channels)
      enqueue(memory, { channel, message, fallbacks: channels.filter((other) => other !== channel) });
}

export interface Addressed {
  channel: string;
  message: AlertMessage;
  fallbacks: string[];
}

/** Puts a message into the queue of a channel, or notes why that cannot be. */
export function enqueue(memory: RouterMemory, { channel, message, fallbacks }: Addressed): void {
  const skipped = memory.routing?.skipped.find(({ name }) => name === channel);
  const isKnown = memory.routing?.channels.some(({ name }) => name === channel) ?? false;
  if (skipped !== undefined || !isKnown) {
    const reason =
      skipped === undefined
        ? `channel ${channel} is not in the configuration`
        : `channel ${channel} is skipped: ${skipped.reason}`;
    for (const alert of message.alerts) noteAlert(memory, alert, [channel], reason);
    return;
  }
  const now = Date.now();
  const entry: QueuedMessage = { message, attempts: 0, nextTryAt: now, queuedAt: now, fallbacks };
  const { queue, dropped } = queueMessage(memory.queues[channel] ?? [], entry);
  memory.queues[channel] = queue;
  if (dropped === null) return;
  const reason = `more than ${longestQueue} messages wait for channel ${channel}: the least severe are left out`;
  note(memory, {
    message: dropped.message,
    channels: [channel],
    state: 'failed',
    attempts: dropped.attempts,
    reason,
  });
}

/** Keeps a note for the record. */
export function note(memory: RouterMemory, each: DeliveryNote): void {
  if (each.channels.length === 0) return log.warn(`alert ${each.message.key} is not sent: ${each.reason}`);
  memory.notes.push(each);
  if (memory.notes.length <= mostNotes) return;
  const lost = memory.notes.shift();
  log.error(`not on record: ${lost?.message.key ?? ''} was ${lost?.state ?? ''}: ${lost?.reason ?? ''}`);
}

function noteAlert(memory: RouterMemory, alert: Alert, channels: string[], reason: string): void {
  memory.suppressed += 1;
  const [message] = messagesOf({ key: '', labels: {} }, [alert]);
  if (message !== undefined) note(memory, { message, channels, state: 'suppressed', attempts: 0, reason });
}

/** Puts a routing in force: what waits is sorted by it, and channels that are gone give back their messages. */
export function applyRouting(memory: RouterMemory, loaded: LoadedRouting): void {
  const before = takeRouting(memory, loaded, Date.now());
  const rules = rulesOf(memory);
  if (rules === null) return;
  if (before !== null && canonicalJson(before.policy) !== canonicalJson(rules.policy)) {
    const suppressed = regroup(memory.dispatch, before, rules);
    carryOut(memory, { messages: [], suppressed });
  }
  // Windows may have changed: what they held is looked at again.
  releaseHeld(memory.dispatch, Date.now());
  const usable = new Set(loaded.channels.map(({ name }) => name));
  for (const [channel, queue] of Object.entries(memory.queues)) {
    if (usable.has(channel)) continue;
    delete memory.queues[channel];
    for (const { message } of queue) enqueue(memory, { channel, message, fallbacks: [] });
  }
  for (const alert of memory.unrouted.splice(0))
    carryOut(memory, takeAlert(memory.dispatch, alert, rules, Date.now()));
  for (const input of memory.earlySilences.splice(0)) silenceBySignal(memory, input);
}

/** Holds alerts back until a time. */
export function silence(memory: RouterMemory, input: unknown): LoopInput<Silence> {
  const now = Date.now();
  const read = readSilenceRequest(input, now);
  if (!read.ok) return read;
  const added = addSilence(memory.dispatch.silences, read.value, now);
  if ('problem' in added) return { ok: false, problem: added.problem };
  memory.dispatch.silences = added.silences;
  recordSilence(memory, added.silence, null);
  // One that ends earlier now lets go earlier.
  releaseHeld(memory.dispatch, now);
  return { ok: true, value: added.silence };
}

export function silenceBySignal(memory: RouterMemory, input: unknown): void {
  if (!memory.hasSilences) {
    memory.earlySilences = [...memory.earlySilences, input].slice(-mostEarlySilences);
    return;
  }
  const result = silence(memory, input);
  if (!result.ok) log.warn(`signal silence ignored: ${result.problem}`);
}

/** Ends a silence; what it held back is told, if it still holds. */
export function unsilence(memory: RouterMemory, input: unknown): LoopInput<Silence> {
  const now = Date.now();
  const read = readUnsilenceRequest(input);
  if (!read.ok) return read;
  const ended = endSilence(memory.dispatch.silences, read.value.id, now);
  if (ended === null)
    return {
      ok: false,
      problem: `there is no silence "${read.value.id}" (any more); see: opsloop alerts silences`,
    };
  memory.dispatch.silences = ended.silences;
  recordSilence(memory, ended.silence, { endedAt: now, endedBy: read.value.by });
  releaseHeld(memory.dispatch, now);
  return { ok: true, value: ended.silence };
}

function recordSilence(
  memory: RouterMemory,
  each: Silence,
  end: { endedAt: number; endedBy: string } | null,
): void {
  const { environment } = memory.settings;
  memory.silenceRecords.push({ ...each, environment, ...(end ?? { endedAt: null, endedBy: null }) });
  memory.silenceRecords = memory.silenceRecords.slice(-mostNotes);
  memory.control.isRecorded = false;
}

/** The router ends: what still waits is on record. */
export function noteWaiting(memory: RouterMemory): void {
  const reason = 'the alert router was stopped before it was sent';
  for (const [channel, queue] of Object.entries(memory.queues))
    for (const { message, attempts } of queue)
      note(memory, { message, channels: [channel], state: 'suppressed', attempts, reason });
  for (const { pending, directed, path } of Object.values(memory.dispatch.groups)) {
    const route = memory.routing === null ? null : routeAt(memory.routing.policy, path);
    const channels = directed ?? route?.channels ?? [];
    for (const { alert } of pending) noteAlert(memory, alert, channels, reason);
  }
  memory.queues = {};
  memory.dispatch.groups = {};
}

/** Takes out, with a note, what is too large for the next run. */
export function noteExcess(memory: RouterMemory): void {
  const { alerts, messages } = dropExcess(memory);
  const reason = 'more waits than the router can carry: the least severe are left out';
  for (const { channel, message } of messages)
    note(memory, { message, channels: [channel], state: 'failed', attempts: 0, reason });
  for (const alert of alerts) noteAlert(memory, alert, memory.routing?.policy.root.channels ?? [], reason);
}
