/** What the alert router carries from run to run, and how it shows itself. */
import { log, upsertMemo, workflowInfo } from '@temporalio/workflow';
import {
  packQueues,
  queueAlert,
  unpackQueues,
  type PackedQueues,
  type QueuedAlert,
} from '../domain/alert-queue.js';
import type { AlertRouterSettings } from '../domain/alert-router.js';
import type { Alert } from '../domain/alert.js';
import type { LoopStatus } from '../domain/loop.js';
import { readAlert, readRouterSettings } from '../domain/message-input.js';
import { newControlState, type ControlState } from './loop-control.js';
import { showLoop } from './loop-visibility.js';

interface Remembered {
  settings: AlertRouterSettings;
  control: ControlState;
  /** Keys taken lately, oldest first: a message that arrives twice is sent once. */
  recentKeys: string[];
  /** Taken before it was known where to; oldest first. */
  unrouted: QueuedAlert[];
  lastAt: number | null;
  count: number;
}

export interface RouterMemory extends Remembered {
  /** Waiting messages per channel, oldest first. */
  queues: Record<string, QueuedAlert[]>;
}

/** The memory as it is handed to the next run. */
export interface PackedRouterMemory extends Remembered {
  packed: PackedQueues;
}

/** Keys remembered; the deliveries' own record catches what is older. */
const rememberedKeys = 1000;

export const newMemory = (settings: AlertRouterSettings): RouterMemory => ({
  settings: { ...settings },
  // Its row is to be there from the start: no tick writes it.
  control: { ...newControlState(), isRecorded: false },
  queues: {},
  recentKeys: [],
  unrouted: [],
  lastAt: null,
  count: 0,
});

export const unpackMemory = ({ packed, ...remembered }: PackedRouterMemory): RouterMemory => ({
  ...remembered,
  queues: unpackQueues(packed),
});

export function packMemory({ queues, ...remembered }: RouterMemory): PackedRouterMemory {
  const { dropped, ...packed } = packQueues(queues);
  if (dropped.length > 0) log.error(`${dropped.length} alerts do not fit into the queue and are dropped`);
  return { ...remembered, packed };
}

/** Takes over where alerts go. */
export function configure(memory: RouterMemory, input: unknown): void {
  const read = readRouterSettings(input);
  if (!read.ok) return log.warn(`signal configure ignored: ${read.problem}; run \`opsloop apply\``);
  const { environment } = memory.settings;
  if (read.value.environment !== environment)
    return log.warn(`signal configure ignored: field "environment" must be "${environment}"`);
  takeRouting(memory, read.value);
}

/** Sends on what came before it was known where to. */
export function takeRouting(memory: RouterMemory, routing: { revision: number; channels: string[] }): void {
  memory.settings = { ...memory.settings, revision: routing.revision, channels: routing.channels };
  upsertMemo({ revision: routing.revision });
  for (const { alert } of memory.unrouted.splice(0)) queueForChannels(memory, alert);
}

/** Puts an alert into the queue of every channel of its route. */
export function submit(memory: RouterMemory, input: unknown): void {
  const read = readAlert(input);
  if (!read.ok) return log.warn(`signal submit ignored: ${read.problem}`);
  const alert = read.value;
  if (memory.recentKeys.includes(alert.key)) return;
  memory.recentKeys = [...memory.recentKeys, alert.key].slice(-rememberedKeys);
  memory.lastAt = Date.now();
  memory.count += 1;
  memory.control.isRecorded = false;
  if (memory.settings.revision === 0) memory.unrouted = queueAlert(memory.unrouted, alert, Date.now());
  else queueForChannels(memory, alert);
}

function queueForChannels(memory: RouterMemory, alert: Alert): void {
  for (const channel of memory.settings.channels)
    memory.queues[channel] = queueAlert(memory.queues[channel] ?? [], alert, Date.now());
}

export function statusOf(memory: RouterMemory): LoopStatus {
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

export function show(memory: RouterMemory): void {
  const { control, settings, count } = memory;
  const waiting = Object.entries(memory.queues).filter(([, queue]) => queue.length > 0);
  const lines = [
    `**Alert router**: ${control.state}, ${count} alerts taken`,
    '',
    `- channels: ${settings.revision === 0 ? 'not known yet' : settings.channels.join(', ')}`,
    ...waiting.map(
      ([channel, queue]) =>
        `- ${channel}: ${queue.length} waiting, the oldest tried ${queue[0]?.attempts ?? 0} times`,
    ),
  ];
  const running = waiting.length === 0 ? 'healthy' : 'sending';
  showLoop({ status: control.state === 'running' ? running : control.state, details: lines.join('\n') });
}
