/** One attempt to repair a service: waits until it may, acts, cools down, proves that it helped, and tells the incident. */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  setHandler,
} from '@temporalio/workflow';
import type { RemedyOutlook } from '../activities/remedy-contract.js';
import { readStopRequest } from '../domain/loop-input.js';
import { readRemedyInput } from '../domain/message-input.js';
import type { RemedyInput } from '../domain/remedy.js';
import { remedyPlanActivities } from './activity-proxies.js';
import { ignoreOtherSignals } from './loop-control.js';
import { continueLoop, shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { carryOut, recordUndone } from './remedy-action.js';
import { messageOf, newCase, proceed, tell, tellAgainMs, type RemedyCase } from './remedy-case.js';
import { remedyStateQuery, stopSignal } from './signals.js';

export interface RemedyWorkflowInput extends RemedyInput {
  limits?: LoopLimits;
  /** What the run before handed over; absent at the first start. */
  memory?: RemedyMemory;
}

export interface RemedyMemory {
  /** When the incident heard last that this attempt waits, epoch ms. */
  toldAt: number;
  /** Since when the database cannot be asked, epoch ms; null: it can. */
  awaySince: number | null;
}

type Ready = Extract<RemedyOutlook, { kind: 'ready' }>;

const askAgainMs = 15_000;
/** An action that cannot be put on record is not done; it is waited for this long. */
const recordLimitMs = 10 * 60_000;
const recordAgainMs = 5_000;

export async function remedy(input: RemedyWorkflowInput): Promise<void> {
  const read = readRemedyInput(input);
  if (!read.ok) throw ApplicationFailure.nonRetryable(`remedy: ${read.problem}`, 'invalidInput');
  const { environment, target, incident, episode, attempt } = read.value;
  const repair = newCase({ environment, target, incident, episode, attempt });
  setHandler(remedyStateQuery, () => repair.status);
  setHandler(stopSignal, (request?: unknown) => takeStop(repair, request));
  ignoreOtherSignals();
  const memory = input.memory ?? { toldAt: Date.now(), awaySince: null };
  try {
    const ready = await whenAllowed(repair, memory, input);
    if (ready !== null && (await isOnRecord(repair, ready, memory)))
      // Whoever cancels it now would leave a service stopped.
      await CancellationScope.nonCancellable(() => carryOut(repair, ready));
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await CancellationScope.nonCancellable(() => withdraw(repair, 'it was cancelled'));
    throw error;
  }
}

function takeStop(repair: RemedyCase, request: unknown): void {
  const read = readStopRequest(request);
  if (!read.ok) return log.warn(`signal stop ignored: ${read.problem}`);
  const by = read.value.by ?? 'somebody';
  repair.status.stoppedBy ??= by;
  if (repair.status.phase !== 'waiting')
    log.info(`${by} asked this remedy to stop: it acts already, and finishes what it began`);
}

const isStopped = ({ status }: RemedyCase): boolean => status.stoppedBy !== null;

const withdraw = (repair: RemedyCase, detail: string): Promise<void> => {
  proceed(repair, { phase: 'withdrawn', waitsFor: '', detail });
  return tell(repair, 'withdrawn');
};

/** Waits until nothing forbids the attempt, and what it does is chosen; null when it is over without having acted. */
async function whenAllowed(
  repair: RemedyCase,
  memory: RemedyMemory,
  input: RemedyWorkflowInput,
): Promise<Ready | null> {
  for (;;) {
    if (isStopped(repair)) {
      await withdraw(repair, `stopped by ${repair.status.stoppedBy ?? ''} before it began`);
      return null;
    }
    const outlook = await look(repair, memory);
    if (outlook.kind === 'gone') {
      await withdraw(repair, outlook.detail);
      return null;
    }
    if (outlook.kind === 'ready' && !isStopped(repair)) return outlook;
    if (outlook.kind === 'unknown' && Date.now() - (memory.awaySince ?? Date.now()) >= recordLimitMs) {
      await giveUp(repair, outlook.waitsFor);
      return null;
    }
    if (outlook.kind !== 'ready') await waitFor(repair, memory, outlook.waitsFor);
    if (!isStopped(repair) && shouldContinueAsNew(input.limits))
      await continueLoop<typeof remedy>({ ...input, memory });
  }
}

/** Asks what forbids it; while nobody can tell, it waits for that. */
async function look(
  repair: RemedyCase,
  memory: RemedyMemory,
): Promise<RemedyOutlook | { kind: 'unknown'; waitsFor: string }> {
  try {
    const outlook = await remedyPlanActivities.surveyRemedy.executeWithOptions(
      { summary: `may ${repair.status.target} be repaired now?` },
      [repair.input],
    );
    memory.awaySince = null;
    return outlook;
  } catch (error) {
    if (isCancellation(error)) throw error;
    memory.awaySince ??= Date.now();
    return { kind: 'unknown', waitsFor: `somebody who can tell whether it may act: ${messageOf(error)}` };
  }
}

async function waitFor(repair: RemedyCase, memory: RemedyMemory, waitsFor: string): Promise<void> {
  proceed(repair, { waitsFor });
  if (Date.now() - memory.toldAt >= tellAgainMs) {
    memory.toldAt = Date.now();
    await tell(repair, 'waiting');
  }
  await condition(() => isStopped(repair), askAgainMs, { summary: `waits for ${waitsFor}`.slice(0, 200) });
}

async function giveUp(repair: RemedyCase, why: string): Promise<void> {
  const detail = `the intent could not be recorded, so nothing was done: ${why}`;
  proceed(repair, { phase: 'ended', waitsFor: '', success: false, detail });
  await tell(repair, 'ended');
}

/** Puts on record what will be done: without that, nothing is. False when it is over without having acted. */
async function isOnRecord(repair: RemedyCase, ready: Ready, memory: RemedyMemory): Promise<boolean> {
  const steps = 'steps' in ready.choice ? ready.choice.steps : (['none'] as const);
  const since = memory.awaySince ?? Date.now();
  for (;;) {
    try {
      await remedyPlanActivities.intendRemedy.executeWithOptions(
        { summary: `puts on record: ${steps.join(', ')}` },
        [{ remedy: repair.input, steps: [...steps], before: ready.before, at: Date.now() }],
      );
      if (!isStopped(repair)) return true;
      await recordUndone(repair, steps.length, `stopped by ${repair.status.stoppedBy ?? ''} before it began`);
    } catch (error) {
      if (isCancellation(error)) throw error;
      const why = messageOf(error);
      if (Date.now() - since >= recordLimitMs) {
        await giveUp(repair, why);
        return false;
      }
      proceed(repair, { waitsFor: `the database, to record what will be done: ${why}` });
      await condition(() => isStopped(repair), recordAgainMs, {
        summary: 'tries again to record the intent',
      });
    }
    if (!isStopped(repair)) continue;
    await withdraw(repair, `stopped by ${repair.status.stoppedBy ?? ''} before it began`);
    return false;
  }
}
