/** What the alert router carries from run to run. */
import { log, upsertMemo } from '@temporalio/workflow';
import type { DeliveryNote, LoadedRouting } from '../activities/alert-router-contract.js';
import { newDispatch, type Dispatch } from '../domain/alert-dispatch.js';
import {
  byteLength,
  dropSurplus,
  packStock,
  unpackStock,
  type AlertStock,
  type PackedStock,
} from '../domain/alert-packing.js';
import type { QueuedMessage } from '../domain/alert-queue.js';
import type { AlertRouterSettings, AlertRouting } from '../domain/alert-router.js';
import type { Alert } from '../domain/alert.js';
import type { Outages } from '../domain/channel-outage.js';
import { readRouterSettings } from '../domain/message-input.js';
import type { SilenceRecord } from '../domain/silence.js';
import { newControlState, type ControlState } from './loop-control.js';

interface Remembered {
  settings: AlertRouterSettings;
  control: ControlState;
  /** Null: not read yet; alerts wait. */
  routing: AlertRouting | null;
  /** False until it is known which silences an earlier router left. */
  hasSilences: boolean;
  /** Silences asked for before that. */
  earlySilences: unknown[];
  /** Keys taken lately, oldest first: a message that arrives twice is sent once. */
  recentKeys: string[];
  outages: Outages;
  /** Written down later: what is not sent, and silences. */
  notes: DeliveryNote[];
  silenceRecords: SilenceRecord[];
  lastAt: number | null;
  /** Alerts taken, alerts held back or suppressed, tests made. */
  count: number;
  suppressed: number;
  tests: number;
}

export interface RouterMemory extends Remembered {
  dispatch: Dispatch;
  /** Waiting messages per channel, oldest first. */
  queues: Record<string, QueuedMessage[]>;
  /** Taken before it was known where to; oldest first. */
  unrouted: Alert[];
}

/** The memory as it is handed to the next run. */
export interface PackedRouterMemory extends Remembered {
  dispatch: Omit<Dispatch, 'groups'>;
  stock: PackedStock;
}

/** Keys remembered; the deliveries' own record catches what is older. */
const rememberedKeys = 1000;
const rememberedKeyText = 100_000;

/** Temporal takes 2 MiB in one piece: so much of it for alerts, and for the rest that can be large. */
const mostAlertBytes = 900_000;
const mostFiringBytes = 150_000;
const mostThrottleBytes = 100_000;
const mostRoutingBytes = 200_000;
const mostGroupBytes = 400_000;

export const newMemory = (settings: AlertRouterSettings): RouterMemory => ({
  settings: { ...settings },
  // Its row is to be there from the start: no tick writes it.
  control: { ...newControlState(), isRecorded: false },
  routing: null,
  hasSilences: false,
  earlySilences: [],
  recentKeys: [],
  outages: {},
  notes: [],
  silenceRecords: [],
  lastAt: null,
  count: 0,
  suppressed: 0,
  tests: 0,
  dispatch: newDispatch(),
  queues: {},
  unrouted: [],
});

export function unpackMemory({ dispatch, stock, ...remembered }: PackedRouterMemory): RouterMemory {
  const { groups, queues, unrouted } = unpackStock(stock);
  return { ...remembered, dispatch: { ...dispatch, groups }, queues, unrouted };
}

/** Takes out the alerts that do not fit into the next run, for the record. Changes the memory. */
export function dropExcess(memory: RouterMemory): ReturnType<typeof dropSurplus> {
  const stock: AlertStock = {
    groups: memory.dispatch.groups,
    queues: memory.queues,
    unrouted: memory.unrouted,
  };
  const dropped = dropSurplus(stock, mostAlertBytes);
  memory.unrouted = stock.unrouted;
  return dropped;
}

/** Packs the memory for the next run; what is left of the bounded parts is the newest. */
export function packMemory({ dispatch, queues, unrouted, ...remembered }: RouterMemory): PackedRouterMemory {
  const { groups, ...rest } = dispatch;
  forgetUntilSmall(rest.firing, mostFiringBytes);
  forgetUntilSmall(rest.throttles, mostThrottleBytes);
  const idle = Object.fromEntries(Object.entries(groups).filter(([, group]) => group.pending.length === 0));
  const before = Object.keys(idle);
  forgetUntilSmall(idle, mostGroupBytes);
  for (const key of before) if (!Object.hasOwn(idle, key)) delete groups[key];
  const isLarge = byteLength(JSON.stringify(remembered.routing)) > mostRoutingBytes;
  return {
    ...remembered,
    // Read again by the next run.
    routing: isLarge ? null : remembered.routing,
    dispatch: rest,
    stock: packStock({ groups, queues, unrouted }),
  };
}

/** Removes the oldest entries until the JSON of the rest is small enough. */
function forgetUntilSmall(map: Record<string, unknown>, most: number): void {
  let size = byteLength(JSON.stringify(map));
  for (const [key, value] of Object.entries(map)) {
    if (size <= most) return;
    size -= byteLength(JSON.stringify([key, value]));
    delete map[key];
  }
}

/** True for a message that was taken lately; remembers it. */
export function isRepeated(memory: RouterMemory, key: string): boolean {
  if (memory.recentKeys.includes(key)) return true;
  memory.recentKeys.push(key);
  memory.recentKeys = memory.recentKeys.slice(-rememberedKeys);
  let size = memory.recentKeys.reduce((sum, { length }) => sum + length, 0);
  while (size > rememberedKeyText) size -= memory.recentKeys.shift()?.length ?? size;
  return false;
}

/** Takes the news that another revision is in force; its routing is read next. */
export function configure(memory: RouterMemory, input: unknown): void {
  const read = readRouterSettings(input);
  if (!read.ok) return log.warn(`signal configure ignored: ${read.problem}; run \`opsloop apply\``);
  const { environment } = memory.settings;
  if (read.value.environment !== environment)
    return log.warn(`signal configure ignored: field "environment" must be "${environment}"`);
  memory.settings = { ...read.value };
}

/** Puts the routing in force that was read; returns the one before. */
export function takeRouting(
  memory: RouterMemory,
  { silences, ...routing }: LoadedRouting,
  now: number,
): AlertRouting | null {
  const before = memory.routing;
  memory.routing = routing;
  if (memory.settings.revision === 0) memory.settings = { ...memory.settings, revision: routing.revision };
  upsertMemo({ revision: routing.revision });
  for (const { name, reason } of routing.skipped) log.info(`channel ${name} is skipped: ${reason}`);
  if (!memory.hasSilences) {
    memory.hasSilences = true;
    // When nobody knows how many there were, seconds give numbers that were not used before.
    memory.dispatch.silences = silences ?? { active: [], count: Math.floor(now / 1000) };
  }
  return before;
}
