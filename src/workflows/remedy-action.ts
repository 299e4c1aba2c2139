/** The part of an attempt that is never left half done: act, cool down, verify, tell. */
import { getExternalWorkflowHandle, log, sleep } from '@temporalio/workflow';
import type { RemedyOutlook, RemedyVerification } from '../activities/remedy-contract.js';
import { formatDuration } from '../domain/duration.js';
import type { RemedyChoice, RemedySnapshot, RemedyStepResult, RemedyVerb } from '../domain/remedy.js';
import { remedyProofActivities, remedyRecordActivities, remedyStepActivities } from './activity-proxies.js';
import { messageOf, proceed, tell, tellAgainMs, type RemedyCase } from './remedy-case.js';
import { triggerSignal } from './signals.js';

type Ready = Extract<RemedyOutlook, { kind: 'ready' }>;

const tries = 3;
const betweenTriesMs = 3_000;
/** A service that wants more good results than this is asked at its own pace. */
const mostTriggers = 10;

/** Does what is on record as intended, from the first step to the last report. */
export async function carryOut(repair: RemedyCase, ready: Ready): Promise<void> {
  const { choice, coolDownMs } = ready;
  if ('problem' in choice) return refuse(repair, ready, choice.problem);
  const { action, why } = choice;
  proceed(repair, { phase: 'acting', waitsFor: '', action, detail: why });
  await tell(repair, 'started');
  const problems = await takeSteps(repair, ready, choice);
  proceed(repair, { phase: 'coolingDown', detail: problems.join('; ') });
  await coolDown(repair, coolDownMs);
  proceed(repair, { phase: 'verifying' });
  const proof = await verify(repair, ready);
  await record(repair, { step: choice.steps.length, result: null, after: proof.after });
  const found = proof.isHealthy
    ? `healthy ${formatDuration(coolDownMs)} after ${action}`
    : `still ${proof.verdict} ${formatDuration(coolDownMs)} after ${action}: ${proof.reason}`;
  proceed(repair, {
    phase: 'ended',
    success: proof.isHealthy,
    detail: [found, ...problems].join('; '),
  });
  // Before the heartbeat sees it: the incident should know to whom it owes the recovery.
  await tell(repair, 'ended');
  if (proof.isHealthy) await hastenHeartbeat(repair, ready);
}

/** Says of all steps that were intended that none of them was done. */
export async function recordUndone(repair: RemedyCase, steps: number, why: string): Promise<void> {
  for (let step = 1; step <= steps; step += 1)
    await record(repair, { step, result: undone(`not done: ${why}`), after: null });
}

const undone = (error: string): RemedyStepResult => ({
  method: null,
  endpoint: null,
  isSuccess: false,
  error,
  finishedAt: Date.now(),
});

/** There is nothing that could be done: said, on record, and spent, since people have to act. */
async function refuse(repair: RemedyCase, { before }: Ready, problem: string): Promise<void> {
  const detail = `nothing could be done: ${problem}`;
  await record(repair, { step: 1, result: undone(problem), after: before });
  proceed(repair, { phase: 'ended', waitsFor: '', success: false, detail });
  await tell(repair, 'ended');
}

/** The incident hears during a long one that the attempt is not lost. */
async function coolDown(repair: RemedyCase, coolDownMs: number): Promise<void> {
  const summary = `cools down for ${formatDuration(coolDownMs)} before it is checked`;
  for (let leftMs = coolDownMs; leftMs > 0; leftMs -= tellAgainMs) {
    await sleep(Math.min(leftMs, tellAgainMs), { summary });
    if (leftMs > tellAgainMs) await tell(repair, 'waiting', 'the end of the cool-down');
  }
}

/** All steps, also when one fails: whatever happened to the stop, its start follows. Says what went wrong. */
async function takeSteps(
  repair: RemedyCase,
  { revision }: Ready,
  { steps }: RemedyChoice,
): Promise<string[]> {
  const problems: string[] = [];
  for (const [index, verb] of steps.entries()) {
    const error = await takeStep(repair, { revision, step: index + 1, verb });
    if (error !== null) problems.push(`${verb} failed: ${error}`);
  }
  return problems;
}

async function takeStep(
  repair: RemedyCase,
  { revision, step, verb }: { revision: number; step: number; verb: RemedyVerb },
): Promise<string | null> {
  const { input } = repair;
  try {
    const { isSuccess, error } = await remedyStepActivities.takeRemedyStep.executeWithOptions(
      { summary: `${verb} ${input.target}` },
      [{ remedy: input, revision, step, verb }],
    );
    return isSuccess ? null : (error ?? 'it did not say why');
  } catch (error) {
    const message = messageOf(error);
    await record(repair, { step, result: undone(message), after: null });
    return message;
  }
}

async function record(
  repair: RemedyCase,
  what: { step: number; result: RemedyStepResult | null; after: RemedySnapshot | null },
): Promise<void> {
  try {
    await remedyRecordActivities.recordRemedyStep({ remedy: repair.input, ...what });
  } catch (error) {
    log.warn('what this remedy did could not be recorded', { error: String(error), ...what });
  }
}

/** A few checks, of which one good one is enough: a service that starts may refuse the first. */
async function verify(repair: RemedyCase, { revision }: Ready): Promise<RemedyVerification> {
  const { input } = repair;
  for (let attempt = 1; ; attempt += 1) {
    const proof = await verifyOnce(repair, revision, attempt);
    if (proof.isHealthy || attempt === tries) return proof;
    await sleep(betweenTriesMs, { summary: `${input.target} is ${proof.verdict}; it is checked again` });
  }
}

async function verifyOnce(
  repair: RemedyCase,
  revision: number,
  attempt: number,
): Promise<RemedyVerification> {
  const { input } = repair;
  try {
    return await remedyProofActivities.verifyRemedy.executeWithOptions(
      { summary: `checks ${input.target}, ${attempt} of ${tries}` },
      [{ remedy: input, revision }],
    );
  } catch (error) {
    const reason = `it could not be checked: ${messageOf(error)}`;
    return {
      isHealthy: false,
      verdict: 'unknown',
      reason,
      after: { status: null, verdict: 'unknown', reason },
    };
  }
}

/** Has the heartbeat see for itself, as often as it needs to believe it. */
async function hastenHeartbeat({ input }: RemedyCase, { heartbeat, closeAfter }: Ready): Promise<void> {
  const shard = getExternalWorkflowHandle(heartbeat);
  for (let count = 0; count < Math.min(closeAfter, mostTriggers); count += 1) {
    if (count > 0) await sleep(1_000, { summary: 'until the heartbeat is asked again' });
    try {
      await shard.signal(triggerSignal, { targets: [input.target], by: 'remedy' });
    } catch (error) {
      log.info('the heartbeat does not run now', { error: String(error) });
      return;
    }
  }
}
