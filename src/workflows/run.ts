/** One run that is over: archives it, writes its report, tells people, and goes on trying while it cannot be archived. */
import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  setHandler,
} from '@temporalio/workflow';
import type { RunArchiveResult, RunTask } from '../activities/run-contract.js';
import { readStopRequest, readTriggerRequest } from '../domain/loop-input.js';
import { readCompletion, readRunReference } from '../domain/message-input.js';
import { isTroubleToTell, retryWaitMs, type RunStatus } from '../domain/run-case.js';
import type { RunArchive } from '../domain/run.js';
import { archiveActivities, runActivities } from './activity-proxies.js';
import { ignoreOtherSignals, refuse } from './loop-control.js';
import { continueLoop, shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { insist, newRunMemory, showRun, statusOf, type RunMemory } from './run-memory.js';
import { archiveSignal, archiveUpdate, completeSignal, runStateQuery, stopSignal } from './signals.js';

export interface RunInput {
  environment: string;
  run: string;
  limits?: LoopLimits;
  /** What the run before handed over. */
  memory?: RunMemory;
}

type CompleteTask = Extract<RunTask, { kind: 'complete' }>;

export async function run(input: RunInput): Promise<void> {
  const read = readRunReference(input);
  if (!read.ok) throw ApplicationFailure.nonRetryable(`run: ${read.problem}`, 'invalidInput');
  const { environment, run: id } = read.value;
  const memory = input.memory ?? newRunMemory(environment, id);
  listen(memory);
  do {
    const isAsked = memory.asked !== null;
    memory.asked = null;
    memory.isWoken = false;
    const task = await insist(memory, () => runActivities.loadRun({ environment, run: id, isAsked }));
    if (task.kind === 'nothing') {
      log.info(`nothing to do for run ${id}: ${task.detail}`);
      Object.assign(memory, { phase: 'ended', problem: task.detail });
      break;
    }
    if (task.completion !== memory.completion) startOver(memory, task.completion);
    if (task.isDone && isAsked) await noteAsked(memory);
    if (!task.isDone || isAsked || memory.failures > 0) await takeCare(memory, task, isAsked);
    if (memory.nextAt !== null) await waitToRetry(memory);
    if (memory.nextAt !== null && shouldContinueAsNew(input.limits)) {
      await condition(allHandlersFinished);
      await continueLoop<typeof run>({ ...input, memory });
    }
  } while (memory.isWoken || memory.asked !== null || memory.nextAt !== null);
  showRun(memory);
  await condition(allHandlersFinished);
}

function listen(memory: RunMemory): void {
  setHandler(runStateQuery, () => statusOf(memory));
  setHandler(completeSignal, (message?: unknown) => {
    const completion = readCompletion(message);
    if (!completion.ok) return log.warn(`signal complete ignored: ${completion.problem}`);
    if (completion.value.completion > memory.completion) memory.isWoken = true;
  });
  const ask = (request?: unknown): RunStatus => {
    const read = readTriggerRequest(request);
    if (!read.ok) throw ApplicationFailure.nonRetryable(read.problem, 'invalidInput');
    memory.asked = read.value.by ?? 'somebody';
    return statusOf(memory);
  };
  setHandler(archiveUpdate, ask, { validator: refuse(readTriggerRequest) });
  setHandler(archiveSignal, (request?: unknown) => {
    const read = readTriggerRequest(request);
    if (read.ok) ask(request);
    else log.warn(`signal archive ignored: ${read.problem}`);
  });
  setHandler(stopSignal, (request?: unknown) => {
    const read = readStopRequest(request);
    if (read.ok) memory.stoppedBy = read.value.by ?? 'somebody';
    else log.warn(`signal stop ignored: ${read.problem}`);
  });
  ignoreOtherSignals();
}

function startOver(memory: RunMemory, completion: number): void {
  Object.assign(memory, { completion, failures: 0, problem: null, isSettled: false });
}

/** What was done before, or given up, is being done anew. */
async function noteAsked(memory: RunMemory): Promise<void> {
  const { environment, run: id, completion } = memory;
  const state = { environment, run: id, completion, archive: null, problem: null };
  await insist(memory, () => runActivities.recordRun({ ...state, archiveState: 'pending' }));
}

/** Archives, records, removes, reports and tells, in this order; a try that fails leaves the next one to `nextAt`. */
async function takeCare(memory: RunMemory, task: CompleteTask, isAsked: boolean): Promise<void> {
  memory.nextAt = null;
  try {
    const result = await archive(memory, task, isAsked);
    if (result.kind === 'failed') return await noteFailure(memory, result);
    await CancellationScope.nonCancellable(() => finish(memory, task, result));
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => giveUp(memory, 'somebody cancelled its archive'));
    throw error;
  }
}

function archive(memory: RunMemory, task: CompleteTask, isAnew: boolean): Promise<RunArchiveResult> {
  const { environment, run: id } = memory;
  showRun(Object.assign(memory, { phase: 'archiving' as const }));
  return archiveActivities().archiveRun.executeWithOptions(
    { summary: `archives ${task.workDirectory}`.slice(0, 200) },
    [{ environment, run: id, completion: task.completion, workDirectory: task.workDirectory, isAnew }],
  );
}

/** What is archived is on record before its directory goes, and everything is done before people hear that it is. */
async function finish(
  memory: RunMemory,
  task: CompleteTask,
  result: Exclude<RunArchiveResult, { kind: 'failed' }>,
): Promise<void> {
  const { environment, run: id, completion } = memory;
  const made = result.kind === 'archived' ? result.archive : null;
  const state = made === null ? ('none' as const) : ('done' as const);
  let problem = result.kind === 'archived' && result.skipped > 0 ? skippedText(result.skipped) : null;
  const settled = { environment, run: id, completion, archive: made, archiveState: state };
  if (made !== null) {
    await insist(memory, () => runActivities.recordRun({ ...settled, problem }));
    problem = (await remove(memory, task, made)) ?? problem;
  }
  showRun(Object.assign(memory, { phase: 'settling' as const }));
  await insist(memory, () => runActivities.settleRun({ ...settled, problem }));
  if (memory.isTroubleTold) await tellTrouble(memory, null);
  Object.assign(memory, { phase: 'ended', failures: 0, problem, isSettled: true });
}

const skippedText = (count: number): string =>
  `${count} ${count === 1 ? 'link, socket or device was' : 'links, sockets and devices were'} left out; the archive lists them`;

async function remove(
  memory: RunMemory,
  { workDirectory }: CompleteTask,
  made: RunArchive,
): Promise<string | null> {
  const { environment, run: id } = memory;
  showRun(Object.assign(memory, { phase: 'removing' as const }));
  return archiveActivities().removeRunDirectory.executeWithOptions(
    { summary: 'removes the work directory, where that is wanted' },
    [{ environment, run: id, archive: made, workDirectory }],
  );
}

/** People hear that the run is over although it cannot be archived; that is told by its own incident, and tried again. */
async function noteFailure(
  memory: RunMemory,
  { reason, detail }: Extract<RunArchiveResult, { kind: 'failed' }>,
): Promise<void> {
  memory.failures += 1;
  memory.problem = detail;
  const { environment, run: id, completion, failures } = memory;
  const state = {
    environment,
    run: id,
    completion,
    archive: null,
    archiveState: 'pending' as const,
    problem: detail,
  };
  if (isTroubleToTell(reason, failures)) {
    if (!memory.isSettled) await insist(memory, () => runActivities.settleRun(state));
    memory.isSettled = true;
    if (!memory.isTroubleTold) await tellTrouble(memory, detail);
  } else await insist(memory, () => runActivities.recordRun(state));
  memory.nextAt = Date.now() + retryWaitMs(failures);
}

async function tellTrouble(memory: RunMemory, detail: string | null): Promise<void> {
  const { environment, run: id, completion } = memory;
  memory.troubles += 1;
  const sequence = completion * 1000 + memory.troubles;
  await insist(memory, () =>
    runActivities.reportArchiveTrouble({ environment, run: id, completion, sequence, detail }),
  );
  memory.isTroubleTold = detail !== null;
}

/** Nobody wants the archive any more: the run is reported without. */
async function giveUp(memory: RunMemory, problem: string): Promise<void> {
  const { environment, run: id, completion } = memory;
  await insist(memory, () =>
    runActivities.settleRun({
      environment,
      run: id,
      completion,
      archive: null,
      archiveState: 'cancelled',
      problem,
    }),
  );
  if (memory.isTroubleTold) await tellTrouble(memory, null);
  Object.assign(memory, { phase: 'ended', problem, nextAt: null, failures: 0 });
  showRun(memory);
}

/** Until the next try is due, somebody asks for it, the run ends anew, or somebody gives it up. */
async function waitToRetry(memory: RunMemory): Promise<void> {
  const waitMs = (memory.nextAt ?? 0) - Date.now();
  showRun(Object.assign(memory, { phase: 'retrying' as const }));
  const isCalled = (): boolean => memory.asked !== null || memory.isWoken || memory.stoppedBy !== null;
  try {
    if (waitMs > 0 && !isCalled())
      await condition(isCalled, waitMs, { summary: `tries again: ${memory.problem ?? ''}`.slice(0, 200) });
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => giveUp(memory, 'somebody cancelled its archive'));
    throw error;
  }
  const { stoppedBy } = memory;
  if (stoppedBy !== null)
    await CancellationScope.nonCancellable(() => giveUp(memory, `${stoppedBy} gave up its archive`));
  memory.stoppedBy = null;
}
