/** Watches over all jobs: gives slots that nobody executed their verdict, judges jobs that ping, and makes the weekly review. */
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
import type { CronWatchSettings } from '../domain/cron-watch-loop.js';
import type { LoopStatus } from '../domain/loop.js';
import { readCronWatchSettings } from '../domain/message-input.js';
import { cronLook } from './activity-proxies.js';
import { controlLoop, ignoreOtherSignals, newControlState, type ControlState } from './loop-control.js';
import { continueLoop, shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { recordLoop } from './loop-record.js';
import { showLoop } from './loop-visibility.js';
import { configureCronWatchSignal, stateQuery } from './signals.js';

/** Plain JSON, handed from run to run. */
interface CronWatchMemory {
  settings: CronWatchSettings;
  control: ControlState;
  /** False until the ticks of an earlier life were read. */
  isCounted: boolean;
  count: number;
  missed: number;
  lastAt: number | null;
  found: number;
  problem: string | null;
  recordedAt: number;
}

export interface CronWatchInput {
  settings: CronWatchSettings;
  limits?: LoopLimits;
  /** What the run before handed over; absent at the first start. */
  memory?: CronWatchMemory;
}

/** After a look that failed: a database that is away is asked again. */
const againMs = 5_000;
/** A loop that finds nothing new is written down this often, so that it is not taken for dead. */
const recordEveryMs = 60_000;

export async function cronWatch(input: CronWatchInput): Promise<void> {
  const memory = input?.memory ?? newMemory(requireSettings(input?.settings));
  const control = controlLoop(memory.control, () => statusOf(memory));
  setHandler(stateQuery, () => statusOf(memory));
  setHandler(configureCronWatchSignal, (settings) => configure(memory, settings));
  ignoreOtherSignals();
  show(memory);
  const isStopped = (): boolean => memory.control.state === 'stopped';
  while (!isStopped()) {
    const isTriggered = control.takeTriggers() !== undefined;
    const isRunning = memory.control.state === 'running';
    const waitMs = isRunning || isTriggered ? await look(memory) : againMs;
    control.triggersServed();
    await record(memory);
    if (shouldContinueAsNew(input.limits)) {
      await condition(() => allHandlersFinished() || control.isCalled());
      if (allHandlersFinished() && !isStopped())
        await continueLoop<typeof cronWatch>({ ...input, settings: memory.settings, memory });
      continue;
    }
    if (memory.control.state === 'paused') await condition(control.isCalled);
    else if (waitMs > 0) await condition(control.isCalled, waitMs, { summary: 'looks over the jobs again' });
  }
  await record(memory);
  await condition(allHandlersFinished);
}

/** Gives how long to wait for the next look, ms. */
async function look(memory: CronWatchMemory): Promise<number> {
  const { environment, revision } = memory.settings;
  const loopId = memory.isCounted ? null : workflowInfo().workflowId;
  try {
    const { found, nextInMs, problem, loop } = await cronLook.watchJobs({ environment, revision, loopId });
    noteProblem(memory, problem);
    if (!memory.isCounted) {
      memory.isCounted = true;
      memory.count += loop?.count ?? 0;
      memory.missed += loop?.missed ?? 0;
    }
    memory.count += 1;
    memory.found += found;
    memory.lastAt = Date.now();
    if (memory.lastAt - memory.recordedAt >= recordEveryMs) memory.control.isRecorded = false;
    return nextInMs;
  } catch (error) {
    if (isCancellation(error)) throw error;
    noteProblem(
      memory,
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error),
    );
    return againMs;
  }
}

/** Said once, not at each look. */
function noteProblem(memory: CronWatchMemory, problem: string | null): void {
  if (memory.problem === problem) return;
  if (problem !== null)
    log.warn('jobs cannot be looked over now; nothing is lost, it is tried again', { error: problem });
  memory.problem = problem;
  memory.control.isRecorded = false;
}

const newMemory = (settings: CronWatchSettings): CronWatchMemory => ({
  settings: { ...settings },
  control: { ...newControlState(), isRecorded: false },
  isCounted: false,
  count: 0,
  missed: 0,
  lastAt: null,
  found: 0,
  problem: null,
  recordedAt: 0,
});

/** What was given at the start. A wrong one fails the run, which a plain error would try again for ever. */
function requireSettings(settings: unknown): CronWatchSettings {
  const read = readCronWatchSettings(settings);
  if (read.ok) return read.value;
  const problem = `cronWatch takes {"settings": {...}} as \`opsloop apply\` sends it: ${read.problem}`;
  throw ApplicationFailure.nonRetryable(problem, 'invalidInput');
}

function configure(memory: CronWatchMemory, input: unknown): void {
  const read = readCronWatchSettings(input);
  if (!read.ok) return log.warn(`signal configure ignored: ${read.problem}; run \`opsloop apply\``);
  const { environment } = memory.settings;
  if (read.value.environment !== environment)
    return log.warn(`signal configure ignored: field "environment" must be "${environment}"`);
  memory.settings = { environment, revision: read.value.revision, jobs: read.value.jobs };
  upsertMemo({ revision: read.value.revision });
  // The new settings are looked over at once, and shown.
  memory.control.isRecorded = false;
}

const statusOf = ({ settings, control, count, missed, lastAt }: CronWatchMemory): LoopStatus => ({
  id: workflowInfo().workflowId,
  loop: 'cronWatch',
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

async function record(memory: CronWatchMemory): Promise<void> {
  if (memory.control.isRecorded) return;
  memory.recordedAt = Date.now();
  await recordLoop(memory.control, memory.settings.environment, () => statusOf(memory));
  show(memory);
}

function show({ settings, control, found, lastAt, problem }: CronWatchMemory): void {
  const last = lastAt === null ? '' : `, looked last ${new Date(lastAt).toISOString()}`;
  const details = [
    `${settings.jobs} jobs of **${settings.environment}**: ${control.state}`,
    '',
    `- gave ${found} slots that nobody executed their verdict${last}`,
    ...(problem === null ? [] : [`- cannot look now: ${problem}`]),
    ...(control.pausedBy === null
      ? []
      : [`- paused by ${control.pausedBy}${control.note === null ? '' : `: ${control.note}`}`]),
  ];
  const status = control.state !== 'running' ? control.state : problem === null ? 'healthy' : 'unhealthy';
  showLoop({ status, details: details.join('\n') });
}
