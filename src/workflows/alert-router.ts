/** The alert router: takes alerts, gives each channel its own queue, and keeps what could not be sent yet. */
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  isCancellation,
  log,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { DeliveryOutcome } from '../activities/alert-router-contract.js';
import type { Alert } from '../domain/alert.js';
import type { AlertRouterSettings } from '../domain/alert-router.js';
import { queueAlert, retryDelayMs, type QueuedAlert } from '../domain/alert-queue.js';
import type { LoopStatus } from '../domain/loop.js';
import { deliveryActivities, loopActivities, routingActivities } from './activity-proxies.js';
import { controlLoop, ignoreOtherSignals, newControlState, type ControlState } from './loop-control.js';
import { shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { showLoop } from './loop-visibility.js';
import { configureRouterSignal, stateQuery, submitSignal } from './signals.js';

export interface AlertRouterInput {
  settings: AlertRouterSettings;
  limits?: LoopLimits;
  memory?: RouterMemory;
}

interface RouterMemory {
  settings: AlertRouterSettings;
  control: ControlState;
  /** Waiting messages per channel, oldest first. */
  queues: Record<string, QueuedAlert[]>;
  /** Keys taken lately, oldest first: a message that arrives twice is sent once. */
  recentKeys: string[];
  lastAt: number | null;
  count: number;
  /** What was written down of the loop last. */
  recorded: string;
}

/** Keys remembered; the deliveries' own record catches what is older. */
const rememberedKeys = 1000;

export async function alertRouter(input: AlertRouterInput): Promise<void> {
  const memory = input.memory ?? newMemory(input.settings);
  const busy = new Set<string>();
  let taken = 0;
  let isLeaving = false;
  const control = controlLoop(memory.control, () => statusOf(memory));
  setHandler(stateQuery, () => statusOf(memory));
  setHandler(configureRouterSignal, (settings) => configure(memory, settings));
  setHandler(submitSignal, (alert) => {
    taken += 1;
    submit(memory, alert);
  });
  ignoreOtherSignals();
  if (memory.settings.revision === 0)
    Object.assign(
      memory.settings,
      await routingActivities.loadRouting({ environment: memory.settings.environment }),
    );
  show(memory);
  const isSending = (channel: string): boolean =>
    memory.control.state === 'running' && !isLeaving && (memory.queues[channel] ?? []).length > 0;
  const serve = async (channel: string): Promise<void> => {
    while (isSending(channel)) await deliverNext(memory, channel, () => isLeaving);
    busy.delete(channel);
  };
  const isUnrecorded = (): boolean => memory.recorded !== recordOf(memory);
  while (memory.control.state !== 'stopped') {
    const idle = (): string[] =>
      Object.keys(memory.queues).filter((channel) => !busy.has(channel) && isSending(channel));
    await condition(() => control.isCalled() || idle().length > 0 || isUnrecorded() || shouldLeave());
    control.takeTriggers();
    control.triggersServed();
    for (const channel of idle()) {
      busy.add(channel);
      void serve(channel);
    }
    if (isUnrecorded()) await record(memory);
    if (shouldLeave()) {
      isLeaving = true;
      await condition(() => busy.size === 0);
      while (!allHandlersFinished()) {
        control.takeTriggers();
        control.triggersServed();
        await condition(() => allHandlersFinished() || control.isCalled());
      }
      await continueAsNew<typeof alertRouter>({ ...input, settings: memory.settings, memory });
    }
  }
  isLeaving = true;
  await condition(() => busy.size === 0 && allHandlersFinished());
  await loopActivities.recordLoop({ environment: memory.settings.environment, loop: statusOf(memory) });

  function shouldLeave(): boolean {
    return shouldContinueAsNew(input.limits, taken);
  }
}

const newMemory = (settings: AlertRouterSettings): RouterMemory => ({
  settings: { ...settings },
  control: newControlState(),
  queues: {},
  recentKeys: [],
  lastAt: null,
  count: 0,
  recorded: '',
});

function configure(memory: RouterMemory, settings: AlertRouterSettings): void {
  const isReadable =
    typeof settings === 'object' &&
    settings !== null &&
    Number.isInteger(settings.revision) &&
    Array.isArray(settings.channels);
  if (!isReadable)
    return log.warn('signal configure ignored: it takes what `opsloop apply` sends; run `opsloop apply`');
  memory.settings = { ...memory.settings, ...settings };
  upsertMemo({ revision: settings.revision });
}

/** Puts an alert into the queue of every channel of its route. */
function submit(memory: RouterMemory, alert: Alert): void {
  if (
    typeof alert !== 'object' ||
    alert === null ||
    typeof alert.key !== 'string' ||
    typeof alert.text !== 'string'
  ) {
    return log.warn(
      'signal submit ignored: it takes an alert, one JSON object with key, event, target and text',
    );
  }
  if (memory.recentKeys.includes(alert.key)) return;
  memory.recentKeys = [...memory.recentKeys, alert.key].slice(-rememberedKeys);
  memory.lastAt = Date.now();
  memory.count += 1;
  for (const channel of memory.settings.channels)
    memory.queues[channel] = queueAlert(memory.queues[channel] ?? [], alert, Date.now());
}

/** Tries the oldest message of a channel once; a failed one waits its turn, and everything behind it keeps its order. */
async function deliverNext(memory: RouterMemory, channel: string, isLeaving: () => boolean): Promise<void> {
  const head = memory.queues[channel]?.[0];
  if (head === undefined) return;
  const waitMs = head.nextTryAt - Date.now();
  if (waitMs > 0) {
    await condition(isLeaving, waitMs, { summary: `next attempt on ${channel}` });
    if (isLeaving()) return;
  }
  const outcome = await attempt(memory, channel, head);
  if (outcome.kind !== 'retry') {
    memory.queues[channel]?.shift();
    show(memory);
    return;
  }
  head.attempts += 1;
  head.nextTryAt = Date.now() + retryDelayMs(head.attempts);
  log.warn(`alert ${head.alert.key} is not delivered on ${channel} yet: ${outcome.reason}`);
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

/** What the loop's row shows, so that it is written only when that changed. */
const recordOf = (memory: RouterMemory): string => `${memory.control.state} ${memory.count}`;

async function record(memory: RouterMemory): Promise<void> {
  memory.recorded = recordOf(memory);
  await loopActivities.recordLoop({ environment: memory.settings.environment, loop: statusOf(memory) });
  show(memory);
}

function statusOf(memory: RouterMemory): LoopStatus {
  return {
    id: workflowInfo().workflowId,
    loop: 'alertRouter',
    target: memory.settings.environment,
    state: memory.control.state,
    pausedBy: memory.control.pausedBy,
    note: memory.control.note,
    lastAt: memory.lastAt,
    nextAt: null,
    everyMs: null,
    count: memory.count,
    missed: 0,
  };
}

function show(memory: RouterMemory): void {
  const waiting = Object.entries(memory.queues).filter(([, queue]) => queue.length > 0);
  const lines = [
    `**Alert router**: ${memory.control.state}, ${memory.count} alerts taken`,
    '',
    `- channels: ${memory.settings.channels.join(', ')}`,
    ...waiting.map(
      ([channel, queue]) =>
        `- ${channel}: ${queue.length} waiting, the oldest tried ${queue[0]?.attempts ?? 0} times`,
    ),
  ];
  showLoop({
    status:
      memory.control.state === 'running'
        ? waiting.length === 0
          ? 'healthy'
          : 'sending'
        : memory.control.state,
    details: lines.join('\n'),
  });
}
