/** One slot of a job: waits for its turn, runs it, tries it again, and gives it its verdict. */
import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { AttemptEnd, SlotClaim, SlotWork } from '../activities/cron-contract.js';
import type { CronSlotInput } from '../domain/cron-execution.js';
import { readCronExecutionInput } from '../domain/message-input.js';
import { readStopRequest } from '../domain/loop-input.js';
import { cronExecutionActivities, cronHostActivities } from './activity-proxies.js';
import { runJobWorkflow } from './cron-child.js';
import { newSlotMemory, referenceOf, showSlot, statusOf, type SlotMemory } from './cron-memory.js';
import { ignoreOtherSignals } from './loop-control.js';
import { cronStateQuery, endRunSignal, goOnSignal, stopSignal } from './signals.js';

/** Waits between two tries at what must be recorded, ms. */
const insistMs = 5_000;

/** What became of the slot, for who looks at the workflow. */
export interface SlotResult {
  verdict: string;
  reason: string | null;
  attempts: number;
}

export async function cronExecution(input: CronSlotInput): Promise<SlotResult> {
  const read = readCronExecutionInput(input);
  if (!read.ok) throw ApplicationFailure.nonRetryable(`cronExecution: ${read.problem}`, 'invalidInput');
  const memory = newSlotMemory(read.value);
  listen(memory);
  try {
    while (await takeAttempt(memory)) {
      // The next attempt follows.
    }
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => giveUp(memory));
    throw error;
  } finally {
    showSlot(memory);
  }
  await condition(allHandlersFinished);
  return { verdict: memory.verdict, reason: memory.reason, attempts: memory.attempt };
}

function listen(memory: SlotMemory): void {
  setHandler(cronStateQuery, () => statusOf(memory));
  setHandler(goOnSignal, () => void (memory.isWoken = true));
  setHandler(endRunSignal, (message?: { reason?: unknown }) => {
    const reason = message?.reason;
    memory.endReason ??= typeof reason === 'string' ? reason.slice(0, 500) : 'cancelled';
  });
  setHandler(stopSignal, (request?: unknown) => {
    const stop = readStopRequest(request);
    if (stop.ok) memory.endReason ??= `cancelled by ${stop.value.by ?? 'somebody'}`;
    else log.warn(`signal stop ignored: ${stop.problem}`);
  });
  ignoreOtherSignals();
}

/** One attempt, from its claim to its verdict; true when another one follows. */
async function takeAttempt(memory: SlotMemory): Promise<boolean> {
  const claim = await waitForTurn(memory);
  if (claim === null) {
    await giveUp(memory);
    return false;
  }
  if (claim.kind === 'settled') {
    Object.assign(memory, { verdict: claim.verdict, reason: claim.reason });
    await settle(memory, true);
    return false;
  }
  const end = await doWork(memory, claim.work);
  Object.assign(memory, { verdict: end.verdict, reason: end.reason });
  const retryAfterMs = memory.endReason === null ? end.retryAfterMs : null;
  await CancellationScope.nonCancellable(() => settle(memory, retryAfterMs === null));
  if (retryAfterMs === null) return false;
  return waitToRetry(memory, retryAfterMs);
}

/** Null: it was ended while it waited. */
async function waitForTurn(memory: SlotMemory): Promise<Exclude<SlotClaim, { kind: 'wait' }> | null> {
  for (;;) {
    memory.isWoken = false;
    if (memory.endReason !== null) return null;
    const claim = await insist(memory, () =>
      cronExecutionActivities.claimSlot({
        ...referenceOf(memory),
        trigger: memory.trigger,
        workflowId: workflowInfo().workflowId,
        startedAt: workflowInfo().startTime.getTime(),
      }),
    );
    if (claim.kind !== 'wait') return claim;
    memory.waitsFor = claim.reason;
    showSlot(memory);
    const isCalled = (): boolean => memory.isWoken || memory.endReason !== null;
    await condition(isCalled, claim.againInMs, { summary: claim.reason.slice(0, 200) });
  }
}

async function doWork(memory: SlotMemory, plan: SlotWork): Promise<AttemptEnd> {
  Object.assign(memory, { verdict: 'running', waitsFor: null, reason: null });
  showSlot(memory);
  const input = {
    ...referenceOf(memory),
    revision: plan.revision,
    limitMs: plan.limitMs,
    trigger: memory.trigger,
  };
  const work = new CancellationScope();
  const watching = watchForEnd(memory, work);
  try {
    if (plan.workflow === null)
      return await work.run(() =>
        cronHostActivities(plan).runJob.executeWithOptions({ summary: plan.summary.slice(0, 200) }, [input]),
      );
    const outcome = await runJobWorkflow(memory, work, plan);
    return await CancellationScope.nonCancellable(() =>
      insist(memory, () => cronExecutionActivities.recordWork({ ...input, outcome })),
    );
  } catch (error) {
    if (!isCancellation(error)) throw error;
    // It is on record, and nothing of it runs any more.
    const reason = `cancelled: ${memory.endReason ?? 'cancelled by somebody'}`;
    return { verdict: 'failed', reason, retryAfterMs: null };
  } finally {
    watching.cancel();
  }
}

/** The reason is on record before the run ends, so that the record of its end has it. */
function watchForEnd(memory: SlotMemory, work: CancellationScope): CancellationScope {
  const scope = new CancellationScope();
  void scope
    .run(async () => {
      await condition(() => memory.endReason !== null);
      const reason = memory.endReason ?? '';
      await insist(memory, () => cronExecutionActivities.noteCancel({ ...referenceOf(memory), reason }));
      work.cancel();
    })
    .catch(() => undefined);
  return scope;
}

/** Its turn never came: nothing of it runs. */
async function giveUp(memory: SlotMemory): Promise<void> {
  const reason = memory.endReason ?? 'cancelled by somebody';
  const { verdict } = memory;
  if (verdict !== 'waiting' && verdict !== 'running') return;
  await insist(memory, () => cronExecutionActivities.noteCancel({ ...referenceOf(memory), reason }));
  Object.assign(memory, { verdict: 'skipped', reason });
  await settle(memory, true);
}

const settle = (memory: SlotMemory, isFinal: boolean): Promise<void> =>
  insist(memory, () => cronExecutionActivities.settleSlot({ ...referenceOf(memory), isFinal }));

/** False: somebody does not want it to be tried again. */
async function waitToRetry(memory: SlotMemory, afterMs: number): Promise<boolean> {
  memory.waitsFor = `tries again: ${memory.reason ?? ''}`;
  showSlot(memory);
  const isEnded = (): boolean => memory.endReason !== null;
  if (afterMs > 0) await condition(isEnded, afterMs, { summary: memory.waitsFor.slice(0, 200) });
  if (memory.endReason !== null) return false;
  Object.assign(memory, { attempt: memory.attempt + 1, trigger: 'retry', verdict: 'waiting' });
  return true;
}

/** Does it however long the database is away; what it does is safe to do twice. Cancelling ends it. */
async function insist<T>(memory: SlotMemory, act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn(`${memory.job}: what has to be recorded cannot be now; it is tried again`, {
        error: String(error),
      });
      await condition(() => false, insistMs, { summary: 'waits for the database' });
    }
  }
}
