/** The alert router: takes alerts, gives each channel its own queue, and keeps what could not be sent yet. */
import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  isCancellation,
  log,
  setHandler,
} from '@temporalio/workflow';
import type { DeliveryOutcome } from '../activities/alert-router-contract.js';
import { retryDelayMs, type QueuedAlert } from '../domain/alert-queue.js';
import type { AlertRouterSettings } from '../domain/alert-router.js';
import { readRouterSettings } from '../domain/message-input.js';
import { deliveryActivities, routingActivities } from './activity-proxies.js';
import {
  configure,
  newMemory,
  packMemory,
  show,
  statusOf,
  submit,
  takeRouting,
  unpackMemory,
  type PackedRouterMemory,
  type RouterMemory,
} from './alert-router-memory.js';
import { controlLoop, ignoreOtherSignals, type LoopControl } from './loop-control.js';
import { continueLoop, shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { recordLoop } from './loop-record.js';
import { configureRouterSignal, stateQuery, submitSignal } from './signals.js';

export interface AlertRouterInput {
  settings: AlertRouterSettings;
  limits?: LoopLimits;
  /** What the run before handed over; absent at the first start. */
  memory?: PackedRouterMemory;
}

/** Routing that could not be read is asked for again after this. */
const readAgainMs = 5_000;

export async function alertRouter(input: AlertRouterInput): Promise<void> {
  const memory = input?.memory === undefined ? newMemory(requireSettings(input)) : unpackMemory(input.memory);
  let taken = 0;
  const control = controlLoop(memory.control, () => statusOf(memory));
  setHandler(stateQuery, () => statusOf(memory));
  setHandler(configureRouterSignal, (settings) => configure(memory, settings));
  setHandler(submitSignal, (alert) => {
    taken += 1;
    submit(memory, alert);
  });
  ignoreOtherSignals();
  const shouldLeave = (): boolean => shouldContinueAsNew(input.limits, taken);
  const channels = serveChannels(memory);
  const isStopped = (): boolean => memory.control.state === 'stopped';
  show(memory);
  while (!isStopped()) {
    if (memory.settings.revision === 0) await readRouting(memory);
    else await condition(() => control.isCalled() || channels.areWaiting() || shouldLeave());
    channels.serve();
    await answer(memory, control);
    if (!shouldLeave()) continue;
    await channels.leave();
    // A caller who comes now is answered; nobody waits for a delivery.
    while (!allHandlersFinished()) {
      await answer(memory, control);
      await condition(() => allHandlersFinished() || control.isCalled());
    }
    if (!isStopped())
      await continueLoop<typeof alertRouter>({
        ...input,
        settings: memory.settings,
        memory: packMemory(memory),
      });
  }
  await channels.leave();
  await answer(memory, control);
  await condition(allHandlersFinished);
}

/** What was given at the start. A wrong one fails the run, which a plain error would try again for ever. */
function requireSettings(input: AlertRouterInput): AlertRouterSettings {
  const read = readRouterSettings(input?.settings);
  if (read.ok) return read.value;
  const problem = `alertRouter takes {"settings": {...}} as \`opsloop apply\` sends it: ${read.problem}`;
  throw ApplicationFailure.nonRetryable(problem, 'invalidInput');
}

/** A trigger asks for nothing that is not done anyway; what changed is written down. */
async function answer(memory: RouterMemory, control: LoopControl): Promise<void> {
  control.takeTriggers();
  control.triggersServed();
  if (memory.control.isRecorded) return;
  await recordLoop(memory.control, memory.settings.environment, () => statusOf(memory));
  show(memory);
}

/** A router that was started without routing looks for it; returns when it has some, or soon in order to try again. */
async function readRouting(memory: RouterMemory): Promise<void> {
  const isOver = (): boolean => memory.settings.revision !== 0 || !memory.control.isRecorded;
  try {
    const routing = await routingActivities.loadRouting({ environment: memory.settings.environment });
    // It may have been told meanwhile, and then newer.
    if (memory.settings.revision === 0) takeRouting(memory, routing);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the routing of alerts cannot be read; tried again soon', { error: String(error) });
    await condition(isOver, readAgainMs, { summary: 'reads the routing of alerts again' });
  }
}

interface Channels {
  /** True when a channel has messages, and nobody sends them. */
  areWaiting(): boolean;
  /** Begins to send on the channels that wait. */
  serve(): void;
  /** Begins nothing any more; resolves when the attempts under way have ended. */
  leave(): Promise<void>;
}

/** One sender for each channel with messages: a dead channel delays no other. */
function serveChannels(memory: RouterMemory): Channels {
  const busy = new Set<string>();
  let isLeaving = false;
  const isHalted = (): boolean => isLeaving || memory.control.state !== 'running';
  const isSending = (channel: string): boolean => !isHalted() && (memory.queues[channel] ?? []).length > 0;
  const idle = (): string[] =>
    Object.keys(memory.queues).filter((channel) => !busy.has(channel) && isSending(channel));
  const serve = async (channel: string): Promise<void> => {
    try {
      while (isSending(channel)) await deliverNext(memory, channel, isHalted);
    } finally {
      busy.delete(channel);
    }
  };
  return {
    areWaiting: () => idle().length > 0,
    serve: () => {
      for (const channel of idle()) {
        busy.add(channel);
        // It rejects only when the workflow is cancelled, which ends the loop itself, too.
        serve(channel).catch(() => undefined);
      }
    },
    leave: async () => {
      isLeaving = true;
      await condition(() => busy.size === 0);
    },
  };
}

/** Tries the oldest message of a channel once; a failed one waits its turn, and everything behind it keeps its order. */
async function deliverNext(memory: RouterMemory, channel: string, isHalted: () => boolean): Promise<void> {
  const head = memory.queues[channel]?.[0];
  if (head === undefined) return;
  const waitMs = head.nextTryAt - Date.now();
  if (waitMs > 0) {
    await condition(isHalted, waitMs, { summary: `next attempt on ${channel}` });
    if (isHalted()) return;
  }
  const outcome = await attempt(memory, channel, head);
  if (outcome.kind !== 'retry') {
    // By identity: while it was on its way, the queue may have been replaced.
    memory.queues[channel] = (memory.queues[channel] ?? []).filter((entry) => entry !== head);
    return show(memory);
  }
  head.attempts += 1;
  head.nextTryAt = Date.now() + retryDelayMs(head.attempts);
  log.warn(`alert ${head.alert.key} is not delivered on ${channel} yet: ${outcome.reason}`);
  show(memory);
}

async function attempt(memory: RouterMemory, channel: string, head: QueuedAlert): Promise<DeliveryOutcome> {
  const { environment, revision } = memory.settings;
  try {
    return await deliveryActivities.deliverAlert.executeWithOptions(
      { summary: `${channel}: ${head.alert.text}`.slice(0, 200) },
      [{ environment, revision, channel, alert: head.alert, attempt: head.attempts + 1 }],
    );
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { kind: 'retry', reason: String(error) };
  }
}
