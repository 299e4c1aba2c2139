/** Has the plan of a deployment made: what would be done, by the host that would do it. */
import type { DeploymentRequest } from '../domain/deployment.js';
import type { DeploymentPlanDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import { deploymentPlanId } from '../domain/ids.js';
import {
  isAlreadyStarted,
  planTimeoutMs,
  requestOf,
  startWorkflow,
  type StartRequest,
} from './deployment-request.js';
import type { Stack } from './stack.js';
import { asTemporalError, callTimeoutMs, isUnanswered, type Temporal } from './temporal.js';

/** A worker that runs begins at once, ms. */
const beginTimeoutMs = 5_000;

/**
 * What `startDeployment` would do, worked out by the host that would do it; changes nothing. Throws OpsError `invalidInput`,
 * `notFound`, and `unavailable` when no worker makes the plan.
 */
export async function planDeployment(
  stack: Stack,
  { target, version, by }: Omit<StartRequest, 'force'>,
): Promise<DeploymentPlanDocument> {
  const wanted = await requestOf(stack, { target, version, by, force: null, isDryRun: true });
  const temporal = await stack.temporal();
  const deadline = Date.now() + planTimeoutMs;
  try {
    for (;;) {
      const handle = await startWorkflow(temporal, wanted).catch((error: unknown) => {
        if (isAlreadyStarted(error) && Date.now() < deadline) return null;
        throw error;
      });
      if (handle !== null) return await planOf(temporal, handle);
      await whenOtherPlanIsMade(temporal, wanted, deadline);
    }
  } catch (error) {
    throw asPlanError(error, temporal, target);
  }
}

interface PlanHandle {
  result(): Promise<unknown>;
  describe(): Promise<{ historyLength: number }>;
  terminate(reason?: string): Promise<unknown>;
}

async function planOf(temporal: Temporal, handle: PlanHandle): Promise<DeploymentPlanDocument> {
  const resultWithin = (limitMs: number) =>
    temporal.within(limitMs, () => handle.result() as Promise<DeploymentPlanDocument>);
  const first = await resultWithin(beginTimeoutMs).catch((error: unknown) => {
    if (isUnanswered(error)) return null;
    throw error;
  });
  if (first !== null) return first;
  const { historyLength } = await temporal.within(callTimeoutMs, () => handle.describe());
  // Started, and a first task that nobody took.
  const hasBegun = historyLength > 2;
  if (hasBegun) return resultWithin(planTimeoutMs);
  await temporal.within(callTimeoutMs, () => handle.terminate('no worker made the plan'));
  throw new OpsError('unavailable', 'no worker answered. Is `opsloop up` (or `opsloop worker`) running?');
}

/** Plans take a moment each: the next one is made after it. */
async function whenOtherPlanIsMade(
  temporal: Temporal,
  { environment, target }: DeploymentRequest,
  deadline: number,
): Promise<void> {
  const handle = temporal.client.workflow.getHandle(deploymentPlanId(environment, target));
  await temporal
    .within(Math.max(callTimeoutMs, deadline - Date.now()), () => handle.result())
    .catch((error: unknown) => {
      if (isUnanswered(error)) throw error;
    });
}

function asPlanError(error: unknown, temporal: Temporal, target: string): unknown {
  if (isUnanswered(error) || isAlreadyStarted(error))
    return new OpsError(
      'timeout',
      `the plan for ${target} was not ready after ${planTimeoutMs / 1000} s. See the log of the worker`,
      { cause: error },
    );
  if (error instanceof Error && error.name === 'WorkflowFailedError') {
    const cause = error.cause instanceof Error ? error.cause : error;
    const text = cause.cause instanceof Error ? cause.cause.message : cause.message;
    return new OpsError('conflict', `no plan for ${target} could be made: ${text}`, { cause: error });
  }
  return asTemporalError(error, temporal);
}
