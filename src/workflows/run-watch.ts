/** Watches the tables of runs: looks at what changed, and at everything each few seconds, and hands on what is over. */
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
import type { LoopStatus } from '../domain/loop.js';
import { readRunWatchSettings } from '../domain/message-input.js';
import type { RunWatchSettings } from '../domain/run-watch.js';
import { runLook } from './activity-proxies.js';
import { controlLoop, ignoreOtherSignals, newControlState, type ControlState } from './loop-control.js';
import { continueLoop, shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { recordLoop } from './loop-record.js';
import { showLoop } from './loop-visibility.js';
import { configureRunWatchSignal, stateQuery, wakeRunsSignal } from './signals.js';

/** Plain JSON, handed from run to run. */
interface RunWatchMemory {
  settings: RunWatchSettings;
  control: ControlState;
  /** False until the ticks of an earlier life were read. */
  isCounted: boolean;
  count: number;
  missed: number;
  lastAt: number | null;
  /** Runs that something was heard of; null: look at all. */
  heardOf: string[] | null;
  /** The last look failed: nobody knows how far it came, so the next one is at all, and not before its time. */
  isBlind: boolean;
  found: number;
  problem: string | null;
  recordedAt: number;
}

export interface RunWatchInput {
  settings: RunWatchSettings;
  limits?: LoopLimits;
  /** What the run before handed over; absent at the first start. */
  memory?: RunWatchMemory;
}

/** After a look that failed: a database that is away is asked again. */
const againMs = 5_000;
/** More names than this are no better than a look at all. */
const mostHeardOf = 1_000;
/** A loop that finds nothing new is written down this often, so that it is not taken for dead. */
const recordEveryMs = 60_000;

export async function runWatch(input: RunWatchInput): Promise<void> {
  const memory = input?.memory ?? newMemory(requireSettings(input?.settings));
  let taken = 0;
  const control = controlLoop(memory.control, () => statusOf(memory));
  setHandler(stateQuery, () => statusOf(memory));
  setHandler(configureRunWatchSignal, (settings) => configure(memory, settings));
  setHandler(wakeRunsSignal, (wake) => {
    taken += 1;
    hear(memory, wake?.runs);
  });
  ignoreOtherSignals();
  show(memory);
  const isStopped = (): boolean => memory.control.state === 'stopped';
  while (!isStopped()) {
    const isTriggered = control.takeTriggers() !== undefined;
    const isRunning = memory.control.state === 'running';
    const waitMs = isRunning || isTriggered ? await tick(memory, isTriggered) : againMs;
    control.triggersServed();
    await record(memory);
    const isCalled = (): boolean =>
      control.isCalled() || (hasHeard(memory) && memory.control.state === 'running' && !memory.isBlind);
    if (shouldContinueAsNew(input.limits, taken)) {
      await condition(() => allHandlersFinished() || control.isCalled());
      if (allHandlersFinished() && !isStopped())
        await continueLoop<typeof runWatch>({ ...input, settings: memory.settings, memory });
      continue;
    }
    if (memory.control.state === 'paused') await condition(isCalled);
    else if (waitMs > 0) await condition(isCalled, waitMs, { summary: 'looks at the runs again' });
  }
  await record(memory);
  await condition(allHandlersFinished);
}

const hasHeard = ({ heardOf }: RunWatchMemory): boolean => heardOf === null || heardOf.length > 0;

/** Any number of wake-ups is one look. What is no list of names means: look at all. */
function hear(memory: RunWatchMemory, runs: unknown): void {
  const names = Array.isArray(runs) ? runs.filter((run): run is string => typeof run === 'string') : null;
  if (names === null || memory.heardOf === null) memory.heardOf = null;
  else {
    const all = [...new Set([...memory.heardOf, ...names])];
    memory.heardOf = all.length > mostHeardOf ? null : all;
  }
}

/** Looks once, or, for who asked, until nothing is left; gives how long to wait for the next look, ms. */
async function tick(memory: RunWatchMemory, isTriggered: boolean): Promise<number> {
  let runs = isTriggered || memory.isBlind ? null : memory.heardOf;
  memory.heardOf = [];
  try {
    for (;;) {
      const { environment, revision } = memory.settings;
      const loopId = memory.isCounted ? null : workflowInfo().workflowId;
      const look = await runLook.lookAtRuns({ environment, revision, runs, loopId });
      memory.isBlind = false;
      noteProblem(memory, look.problem);
      count(memory, look.loop, look.found);
      if (!look.hasMore) return look.nextInMs;
      if (!isTriggered) {
        // What is left is known to the worker; one that is new has to look at all anyhow.
        return 0;
      }
      runs = [];
    }
  } catch (error) {
    if (isCancellation(error)) throw error;
    noteProblem(memory, problemOf(error));
    memory.isBlind = true;
    return againMs;
  }
}

/** Said once, not at each look. */
function noteProblem(memory: RunWatchMemory, problem: string | null): void {
  if (memory.problem === problem) return;
  if (problem !== null)
    log.warn('runs cannot be looked at now; nothing is lost, it is tried again', { error: problem });
  memory.problem = problem;
  memory.control.isRecorded = false;
}

const problemOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);

function count(
  memory: RunWatchMemory,
  earlier: { count: number; missed: number } | null,
  found: number,
): void {
  if (!memory.isCounted) {
    memory.isCounted = true;
    memory.count += earlier?.count ?? 0;
    memory.missed += earlier?.missed ?? 0;
  }
  memory.count += 1;
  memory.found += found;
  memory.lastAt = Date.now();
  if (memory.lastAt - memory.recordedAt >= recordEveryMs) memory.control.isRecorded = false;
}

const newMemory = (settings: RunWatchSettings): RunWatchMemory => ({
  settings: { ...settings },
  control: { ...newControlState(), isRecorded: false },
  isCounted: false,
  count: 0,
  missed: 0,
  lastAt: null,
  heardOf: null,
  isBlind: false,
  found: 0,
  problem: null,
  recordedAt: 0,
});

/** What was given at the start. A wrong one fails the run, which a plain error would try again for ever. */
function requireSettings(settings: unknown): RunWatchSettings {
  const read = readRunWatchSettings(settings);
  if (read.ok) return read.value;
  const problem = `runWatch takes {"settings": {...}} as \`opsloop apply\` sends it: ${read.problem}`;
  throw ApplicationFailure.nonRetryable(problem, 'invalidInput');
}

function configure(memory: RunWatchMemory, input: unknown): void {
  const read = readRunWatchSettings(input);
  if (!read.ok) return log.warn(`signal configure ignored: ${read.problem}; run \`opsloop apply\``);
  const { environment } = memory.settings;
  if (read.value.environment !== environment)
    return log.warn(`signal configure ignored: field "environment" must be "${environment}"`);
  memory.settings = { environment, revision: read.value.revision };
  // Another source, or other clocks.
  memory.heardOf = null;
  upsertMemo({ revision: read.value.revision });
}

const statusOf = ({ settings, control, count: ticks, missed, lastAt }: RunWatchMemory): LoopStatus => ({
  id: workflowInfo().workflowId,
  loop: 'runWatch',
  target: settings.environment,
  state: control.state,
  pausedBy: control.pausedBy,
  note: control.note,
  lastAt,
  nextAt: null,
  everyMs: null,
  count: ticks,
  missed,
});

async function record(memory: RunWatchMemory): Promise<void> {
  if (memory.control.isRecorded) return;
  memory.recordedAt = Date.now();
  await recordLoop(memory.control, memory.settings.environment, () => statusOf(memory));
  show(memory);
}

function show({ settings, control, found, lastAt, problem }: RunWatchMemory): void {
  const last = lastAt === null ? '' : `, looked last ${new Date(lastAt).toISOString()}`;
  const details = [
    `Runs of **${settings.environment}**: ${control.state}`,
    '',
    `- found ${found} that were over, or that stood still${last}`,
    ...(problem === null ? [] : [`- cannot look now: ${problem}`]),
    ...(control.pausedBy === null
      ? []
      : [`- paused by ${control.pausedBy}${control.note === null ? '' : `: ${control.note}`}`]),
  ];
  const status = control.state !== 'running' ? control.state : problem === null ? 'healthy' : 'unhealthy';
  showLoop({ status, details: details.join('\n') });
}
