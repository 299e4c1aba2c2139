/** The way back: undone in the reverse order, again and again until it has worked or the budget is spent. */
import { sleep } from '@temporalio/workflow';
import type { DeploymentStep, Outcome } from '../activities/deployment-contract.js';
import { noteOf } from '../domain/deployment-phases.js';
import { deploymentFiles, deploymentLooks, deploymentSteps } from './activity-proxies.js';
import { asOutcome } from './deployment-interruption.js';
import {
  begin,
  fail,
  placeOf,
  recordChange,
  skip,
  succeed,
  tellProgress,
  type DeploymentMemory,
  type DeploymentStage,
} from './deployment-memory.js';

/** Waits between attempts, ms: 1 s, then twice as long each time. */
const firstWaitMs = 1_000;
const longestWaitMs = 30_000;

/** One attempt; the next stage is this one again while it has not worked and there is budget left. */
export async function rollBack(memory: DeploymentMemory): Promise<DeploymentStage> {
  const { plan } = placeOf(memory);
  if (!plan.isReversible) {
    await skip(memory, 'rollBack', 'its configuration says `reversible: false`');
    return leave(memory);
  }
  memory.firstAttemptAt ??= Date.now();
  memory.attempts += 1;
  await begin(memory, 'rollBack');
  const undone = await undo(memory);
  if (undone.isGood) {
    await succeed(memory, 'rollBack', attemptText(memory, undone.note));
    const verified = await verifyRollBack(memory);
    if (verified.isGood) {
      await succeed(memory, 'verifyRollBack', verified.note);
      await recordChange(memory, { state: 'rolledBack', versionAfter: plan.versionBefore });
      return 'document';
    }
    await fail(memory, 'verifyRollBack', verified.note);
  } else await fail(memory, 'rollBack', attemptText(memory, undone.note));
  const { attempts, withinMs } = plan.rollBack;
  const waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** (memory.attempts - 1));
  if (memory.attempts >= attempts || Date.now() + waitMs - memory.firstAttemptAt > withinMs)
    return leave(memory);
  await sleep(waitMs, { summary: `tries again to go back: attempt ${memory.attempts + 1} of ${attempts}` });
  return 'rollBack';
}

const attemptText = ({ attempts }: DeploymentMemory, note: string): string =>
  attempts === 1 ? note : `attempt ${attempts}: ${note}`;

/** What came last is undone first. */
async function undo(memory: DeploymentMemory): Promise<Outcome> {
  const { ref, host, plan } = placeOf(memory);
  const { attempts: attempt } = memory;
  const steps: DeploymentStep[] = [
    { kind: 'undo', attempt },
    ...plan.restoredDatabases
      .toReversed()
      .map((database): DeploymentStep => ({ kind: 'restoreDatabase', database, attempt })),
    ...(plan.hasRestart ? [{ kind: 'restartAfterUndo', attempt } as const] : []),
  ];
  const notes: string[] = [];
  for (const step of steps) {
    const summary = `${step.kind}, attempt ${attempt}`;
    tellProgress(memory, 'rollBack', summary);
    const outcome = await asOutcome(() =>
      deploymentSteps(host).takeDeploymentStep.executeWithOptions({ summary }, [
        { ref, versionAfter: plan.versionAfter, by: memory.request.by, step },
      ]),
    );
    if (!outcome.isGood) return outcome;
    if (outcome.note !== '') notes.push(outcome.note);
  }
  return { isGood: true, note: notes.join('; ') };
}

async function verifyRollBack(memory: DeploymentMemory): Promise<Outcome> {
  const { ref, host, plan } = placeOf(memory);
  await begin(memory, 'verifyRollBack');
  // What did not work before is no reason to go on trying; on a first deployment nothing did.
  const services = plan.versionBefore === null ? [] : plan.healthyBefore;
  return asOutcome(() =>
    deploymentLooks(host).verifyDeployment.executeWithOptions(
      { summary: `${plan.versionBefore ?? 'nothing'} is live again, and works` },
      [
        {
          ref,
          version: plan.versionBefore,
          services,
          isReadyWanted: plan.isReadyBefore,
          withinMs: plan.verifyWithinMs,
        },
      ],
    ),
  );
}

/** Nothing more is tried: says exactly what is left. */
async function leave(memory: DeploymentMemory): Promise<DeploymentStage> {
  const { ref, host, plan } = placeOf(memory);
  const found = await asOutcome(() => deploymentFiles(host).describeDeployment({ ref }));
  const isKnown = 'text' in found;
  const text = isKnown ? found.text : `what is there could not be seen: ${found.note}`;
  const attempts =
    memory.attempts === 0
      ? ''
      : `${memory.attempts} attempts to go back to ${plan.versionBefore ?? 'nothing'} did not work`;
  await recordChange(memory, {
    state: 'failed',
    versionAfter: isKnown ? found.version : null,
    leftBehind: [noteOf(text), ...(attempts === '' ? [] : [attempts])],
  });
  return 'document';
}
