/** The alert router: takes alerts, groups and mutes them by the policy, and gives each channel its own queue. */
import { allHandlersFinished, ApplicationFailure, condition, setHandler } from '@temporalio/workflow';
import { nextDueAt } from '../domain/alert-dispatch.js';
import type { AlertRouterSettings } from '../domain/alert-router.js';
import { readRouterSettings } from '../domain/message-input.js';
import { serveChannels, type Channels } from './alert-router-delivery.js';
import { handleRequests } from './alert-router-handlers.js';
import { dispatchDue, noteExcess, noteWaiting, submit } from './alert-router-inbox.js';
import {
  configure,
  newMemory,
  packMemory,
  unpackMemory,
  type PackedRouterMemory,
  type RouterMemory,
} from './alert-router-memory.js';
import { keepRecords, keepRouting, type Keeper } from './alert-router-upkeep.js';
import { loopStatusOf, show, statusOf } from './alert-router-view.js';
import { routerStateQuery } from './alert-router-signals.js';
import { controlLoop, ignoreOtherSignals, type LoopControl } from './loop-control.js';
import { continueLoop, shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { recordLoop } from './loop-record.js';
import { configureRouterSignal, submitSignal } from './signals.js';

export interface AlertRouterInput {
  settings: AlertRouterSettings;
  limits?: LoopLimits;
  /** What the run before handed over; absent at the first start. */
  memory?: PackedRouterMemory;
}

export async function alertRouter(input: AlertRouterInput): Promise<void> {
  const memory = input?.memory === undefined ? newMemory(requireSettings(input)) : unpackMemory(input.memory);
  let taken = 0;
  const control = controlLoop(memory.control, () => loopStatusOf(memory));
  setHandler(routerStateQuery, () => statusOf(memory));
  setHandler(configureRouterSignal, (settings) => configure(memory, settings));
  setHandler(submitSignal, (alert) => {
    taken += 1;
    submit(memory, alert);
  });
  handleRequests(memory);
  ignoreOtherSignals();
  const channels = serveChannels(memory);
  const upkeep = [keepRouting(memory), keepRecords(memory)];
  const isStopped = (): boolean => memory.control.state === 'stopped';
  // A caller who comes now is answered first.
  const isTimeToLeave = (): boolean => shouldContinueAsNew(input.limits, taken) && allHandlersFinished();
  show(memory);
  while (!isStopped()) {
    for (const keeper of upkeep) await keeper.act(Date.now());
    if (memory.control.state === 'running') dispatchDue(memory, Date.now());
    channels.serve(Date.now());
    await answer(memory, control);
    if (isTimeToLeave()) await continueAsNew(input, memory, { channels, control });
    await waitForWork(memory, { channels, control, upkeep, isTimeToLeave });
  }
  await channels.leave();
  noteWaiting(memory);
  for (const keeper of upkeep) await keeper.act(Date.now());
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
  await recordLoop(memory.control, memory.settings.environment, () => loopStatusOf(memory));
  show(memory);
}

/** Hands everything to the next run; what is too large for it goes on record first. */
async function continueAsNew(
  input: AlertRouterInput,
  memory: RouterMemory,
  { channels, control }: { channels: Channels; control: LoopControl },
): Promise<void> {
  await channels.leave();
  noteExcess(memory);
  await keepRecords(memory).act(Date.now());
  while (!allHandlersFinished()) {
    await answer(memory, control);
    await condition(() => allHandlersFinished() || control.isCalled());
  }
  if (memory.control.state === 'stopped') return;
  await continueLoop<typeof alertRouter>({ ...input, settings: memory.settings, memory: packMemory(memory) });
}

interface Work {
  channels: Channels;
  control: LoopControl;
  upkeep: Keeper[];
  isTimeToLeave(): boolean;
}

/** Waits for something to do, with one timer for whatever is due next. */
async function waitForWork(memory: RouterMemory, work: Work): Promise<void> {
  const { channels, control, upkeep, isTimeToLeave } = work;
  const wakeAt = (): number => {
    const isRunning = memory.control.state === 'running' && memory.routing !== null;
    const times = [
      isRunning ? nextDueAt(memory.dispatch) : null,
      channels.nextTryAt(),
      ...upkeep.map((keeper) => keeper.nextAt()),
    ];
    return Math.min(...times.map((at) => at ?? Number.POSITIVE_INFINITY));
  };
  const armedFor = wakeAt();
  const hasWork = (): boolean => {
    const next = wakeAt();
    return control.isCalled() || isTimeToLeave() || next < armedFor || next <= Date.now();
  };
  if (armedFor === Number.POSITIVE_INFINITY) await condition(hasWork);
  else
    await condition(hasWork, Math.max(1, armedFor - Date.now()), {
      summary: 'next group, retry or end of a silence',
    });
}
