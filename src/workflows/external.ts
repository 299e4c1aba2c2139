/** Takes alerts from outside: looks at what came in, tells the incidents, and waits for more or for one to run out. */
import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  isCancellation,
  log,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { ExternalLook, TakeExternalInput } from '../activities/external-contract.js';
import type { ExternalSettings } from '../domain/external.js';
import type { LoopStatus } from '../domain/loop.js';
import { readExternalSettings } from '../domain/message-input.js';
import { externalActivities, externalLook } from './activity-proxies.js';
import { controlLoop, ignoreOtherSignals, newControlState, type ControlState } from './loop-control.js';
import { continueLoop, shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { recordLoop } from './loop-record.js';
import { showLoop } from './loop-visibility.js';
import { configureExternalSignal, stateQuery, wakeSignal } from './signals.js';

/** Plain JSON, handed from run to run. */
interface ExternalMemory {
  settings: ExternalSettings;
  control: ControlState;
  /** False until the ticks of an earlier life were read. */
  isCounted: boolean;
  count: number;
  missed: number;
  lastAt: number | null;
  /** Something came in that was not looked at yet. */
  isWoken: boolean;
  prunedAt: number;
  /** The last look that was answered; 0: none yet, or a person paused the loop since. */
  lookedAt: number;
  /** Until then nothing runs out. */
  patientUntil: number;
}

export interface ExternalInput {
  settings: ExternalSettings;
  limits?: LoopLimits;
  /** What the run before handed over; absent at the first start. */
  memory?: ExternalMemory;
}

/** It looks this often although nobody woke it: a lost wake-up costs no more than this. */
const safetyPollMs = 30_000;
/** An alert that has run out is looked for a little later, when the database's clock says so, too. */
const graceMs = 50;
const pruneEveryMs = 3_600_000;
/** A longer time without a look means that we, or our servers, were down: then nobody could repeat an alert either. */
const gapMs = 2 * safetyPollMs;
/** Both sources repeat within a minute or two; until they have, silence says nothing. */
const patienceMs = 120_000;

export async function external(input: ExternalInput): Promise<void> {
  const memory = input?.memory ?? newMemory(requireSettings(input?.settings));
  let taken = 0;
  const control = controlLoop(memory.control, () => statusOf(memory));
  setHandler(stateQuery, () => statusOf(memory));
  setHandler(configureExternalSignal, (settings) => configure(memory, settings));
  setHandler(wakeSignal, () => {
    taken += 1;
    memory.isWoken = true;
  });
  ignoreOtherSignals();
  show(memory);
  const isStopped = (): boolean => memory.control.state === 'stopped';
  while (!isStopped()) {
    const isTriggered = control.takeTriggers() !== undefined;
    const isRunning = memory.control.state === 'running';
    const waitMs = isRunning || isTriggered ? await tick(memory, isTriggered) : safetyPollMs;
    control.triggersServed();
    await record(memory);
    const isCalled = (): boolean =>
      control.isCalled() || (memory.isWoken && memory.control.state === 'running');
    if (shouldContinueAsNew(input.limits, taken)) {
      // Those who were served have to get their answers; what is not served yet goes along in the memory.
      await condition(() => allHandlersFinished() || control.isCalled());
      if (allHandlersFinished() && !isStopped())
        await continueLoop<typeof external>({ ...input, settings: memory.settings, memory });
      continue;
    }
    if (memory.control.state === 'paused') {
      memory.lookedAt = 0;
      await condition(isCalled);
    } else if (waitMs > 0) await condition(isCalled, waitMs, { summary: 'looks for alerts again' });
  }
  await record(memory);
  await condition(allHandlersFinished);
}

/** Looks, and tells a batch when there is something; gives how long to wait for the next look, ms. */
async function tick(memory: ExternalMemory, isTriggered: boolean): Promise<number> {
  memory.isWoken = false;
  try {
    let look = await observe(memory);
    let told = 0;
    // Who asked for it waits until everything is told; otherwise what is left is the next round.
    for (let rounds = 0; look.isDue && (rounds === 0 || isTriggered); rounds += 1) {
      told += (await externalActivities.takeExternalAlerts(plan(memory))).told;
      if (isTriggered) look = await observe(memory);
    }
    if (told > 0 || isTriggered) {
      Object.assign(memory, { count: memory.count + 1, lastAt: Date.now() });
      memory.control.isRecorded = false;
    }
    if (look.isDue) return 0;
    return Math.min(safetyPollMs, (look.nextInMs ?? safetyPollMs) + graceMs);
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('alerts from outside cannot be read or told now; they wait in the database', {
      error: String(error),
    });
    return safetyPollMs;
  }
}

const plan = ({ settings, patientUntil }: ExternalMemory): TakeExternalInput => ({
  ...settings,
  isPatient: Date.now() < patientUntil,
});

async function observe(memory: ExternalMemory): Promise<ExternalLook> {
  if (memory.lookedAt > 0 && Date.now() - memory.lookedAt > gapMs)
    memory.patientUntil = Date.now() + patienceMs;
  const isPruning = Date.now() - memory.prunedAt >= pruneEveryMs;
  const loopId = memory.isCounted ? null : workflowInfo().workflowId;
  const look = await externalLook.lookForExternalAlerts({ ...plan(memory), isPruning, loopId });
  memory.lookedAt = Date.now();
  if (isPruning) memory.prunedAt = Date.now();
  if (memory.isCounted) return look;
  memory.isCounted = true;
  memory.count += look.loop?.count ?? 0;
  memory.missed += look.loop?.missed ?? 0;
  return look;
}

const newMemory = (settings: ExternalSettings): ExternalMemory => ({
  settings: { ...settings },
  // Its row is to be there from the start: no tick writes it.
  control: { ...newControlState(), isRecorded: false },
  isCounted: false,
  count: 0,
  missed: 0,
  lastAt: null,
  isWoken: false,
  prunedAt: 0,
  lookedAt: 0,
  patientUntil: 0,
});

/** What was given at the start. A wrong one fails the run, which a plain error would try again for ever. */
function requireSettings(settings: unknown): ExternalSettings {
  const read = readExternalSettings(settings);
  if (read.ok) return read.value;
  const problem = `external takes {"settings": {...}} as \`opsloop apply\` sends it: ${read.problem}`;
  throw ApplicationFailure.nonRetryable(problem, 'invalidInput');
}

function configure(memory: ExternalMemory, input: unknown): void {
  const read = readExternalSettings(input);
  if (!read.ok) return log.warn(`signal configure ignored: ${read.problem}; run \`opsloop apply\``);
  const { environment } = memory.settings;
  if (read.value.environment !== environment)
    return log.warn(`signal configure ignored: field "environment" must be "${environment}"`);
  memory.settings = { environment, revision: read.value.revision };
  // Another time limit may end an alert now.
  memory.isWoken = true;
  upsertMemo({ revision: read.value.revision });
}

const statusOf = ({ settings, control, count, missed, lastAt }: ExternalMemory): LoopStatus => ({
  id: workflowInfo().workflowId,
  loop: 'external',
  target: settings.environment,
  state: control.state,
  pausedBy: control.pausedBy,
  note: control.note,
  lastAt,
  nextAt: null,
  everyMs: null,
  count,
  missed,
});

async function record(memory: ExternalMemory): Promise<void> {
  if (memory.control.isRecorded) return;
  await recordLoop(memory.control, memory.settings.environment, () => statusOf(memory));
  show(memory);
}

function show({ settings, control, count, lastAt }: ExternalMemory): void {
  const last = lastAt === null ? '' : `, the last ${new Date(lastAt).toISOString()}`;
  const details = [
    `Alerts of Prometheus and Alertmanager for **${settings.environment}**: ${control.state}`,
    '',
    `- told incidents ${count} times${last}`,
    ...(control.pausedBy === null
      ? []
      : [`- paused by ${control.pausedBy}${control.note === null ? '' : `: ${control.note}`}`]),
  ];
  showLoop({ status: control.state === 'running' ? 'healthy' : control.state, details: details.join('\n') });
}
