/** What people do to a deployment that goes on: approve, reject, abort, roll back, promote. */
import { documentOf } from '../domain/deployment-document.js';
import { readDeploymentDecision } from '../domain/deployment-input.js';
import type { DeploymentRecord, DeploymentVerb } from '../domain/deployment.js';
import type { DeploymentDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import { deploymentId } from '../domain/ids.js';
import { valueOf } from './deployment-request.js';
import { readDeploymentRecord, requireTarget } from './deployments.js';
import type { Stack } from './stack.js';
import { isUnanswered } from './temporal.js';
import { requestWorkflow } from './workflow-request.js';

/** A decision is taken at once; what follows from it is not waited for. */
const resultTimeoutMs = 15_000;

export interface DecisionRequest {
  verb: DeploymentVerb;
  /** `{by, note}`, not trusted. */
  input: object;
}

/**
 * Does one thing to the deployment of a target that goes on. Throws OpsError `invalidInput` (the field is named), `notFound` for an
 * unknown target, `conflict` when none goes on or it makes no sense now, `unavailable` when no worker answers.
 */
export async function controlDeployment(
  stack: Stack,
  target: string,
  { verb, input }: DecisionRequest,
): Promise<DeploymentDocument> {
  const decision = valueOf(readDeploymentDecision(verb, input));
  await knownOrThrow(stack, target);
  try {
    const record = await requestWorkflow<DeploymentRecord>(await stack.temporal(), {
      id: deploymentId(stack.environment, target),
      name: verb,
      input: decision,
      resultTimeoutMs,
      hasSignal: false,
      refusedFor: 'conflict',
    });
    // Without a signal there is always an answer, or an error.
    if (record === null) throw noWorkerError(target, null);
    return documentOf(record, Date.now());
  } catch (error) {
    if (!(error instanceof OpsError)) throw error;
    if (error.reason === 'unavailable' && isUnanswered(error.cause)) throw noWorkerError(target, error);
    if (error.reason === 'notFound') throw await nothingGoesOn(stack, target, verb);
    throw error;
  }
}

/** A target that is configured no more may still be deployed at this moment. */
async function knownOrThrow(stack: Stack, target: string): Promise<void> {
  await requireTarget(stack, target).catch(async (error: unknown) => {
    const recorded = await readDeploymentRecord(stack, target, null);
    if (recorded === null) throw error;
  });
}

/** Temporal keeps a request that nobody took for as long as it likes: it may be served later, or be forgotten. */
const noWorkerError = (target: string, cause: unknown): OpsError =>
  new OpsError(
    'unavailable',
    `no worker answered for the deployment of ${target}. Is \`opsloop up\` (or \`opsloop worker\`) running? The request may ` +
      `still be served when one runs: look before you ask again, with opsloop deploy status ${target}`,
    { cause },
  );

/** Says what to do instead. */
async function nothingGoesOn(stack: Stack, target: string, verb: DeploymentVerb): Promise<OpsError> {
  const last = await readDeploymentRecord(stack, target, null);
  const text = `no deployment of ${target} is in progress`;
  if (last === null)
    return new OpsError('conflict', `${text}. Start one: opsloop deploy start ${target} VERSION`, {
      field: 'target',
    });
  if (last.finishedAt === null)
    return new OpsError(
      'conflict',
      `${text} in this Temporal, though deployment ${last.number} is on record as ${last.state}. Check TEMPORAL_ADDRESS, ` +
        `and what is live: opsloop deploy plan ${target} ${last.versionRequested}`,
      { field: 'target' },
    );
  const ended = `${text}: ${last.versionRequested} ${stateWords[last.state]} at ${new Date(last.finishedAt).toISOString()}`;
  const before = last.versionBefore;
  const canGoBack = verb === 'rollBack' || verb === 'abort';
  const isLive = last.state === 'succeeded';
  const next =
    canGoBack && isLive && before !== null
      ? `To go back to the version before: opsloop deploy start ${target} ${before}`
      : `See: opsloop deploy status ${target}`;
  return new OpsError('conflict', `${ended}. ${next}`, { field: 'target' });
}

const stateWords: Record<DeploymentRecord['state'], string> = {
  running: 'is running',
  waitingForApproval: 'waits',
  succeeded: 'succeeded',
  rolledBack: 'was rolled back',
  refused: 'was refused',
  failed: 'failed',
};
