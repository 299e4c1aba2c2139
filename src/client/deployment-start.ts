/** Starts deployments: one at a time per target, because the target's name is the workflow's. */
import { documentOf } from '../domain/deployment-document.js';
import type { DeploymentRequest } from '../domain/deployment.js';
import type { DeploymentDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import {
  announcedRecord,
  describeDeployment,
  queryDeployment,
  type DeploymentExecution,
  type StartedDeployment,
} from './deployment-execution.js';
import { isAlreadyStarted, requestOf, startWorkflow, type StartRequest } from './deployment-request.js';
import { readDeploymentRecord } from './deployments.js';
import type { Stack } from './stack.js';
import { asTemporalError, isUnanswered, type Temporal } from './temporal.js';

/** The workflow's word on a deployment that has just been started, ms. */
const firstWordMs = 1_000;
/** Hooks after the end, records and messages take about a second; longer ones are a conflict, ms. */
const endingLimitMs = 10_000;
const againMs = 100;

/**
 * Starts a deployment. Throws OpsError `invalidInput` (the field is named), `notFound` for an unknown target, and `conflict`, which
 * names version, starter and begin, while another one of the target goes on.
 */
export async function startDeployment(stack: Stack, request: StartRequest): Promise<StartedDeployment> {
  const wanted = await requestOf(stack, { ...request, isDryRun: false });
  const temporal = await stack.temporal();
  const { environment } = stack;
  const { target, version, by } = wanted;
  try {
    const { firstExecutionRunId: runId } = await startAfterEnd(temporal, wanted);
    const execution = await describeDeployment(temporal, { environment, target, runId }).catch(() => null);
    const startedAt = execution?.startedAt ?? Date.now();
    return { environment, target, runId, startedAt, version, by };
  } catch (error) {
    if (isAlreadyStarted(error)) throw await conflictOf(stack, temporal, target);
    if (isUnanswered(error))
      throw new OpsError(
        'unavailable',
        `Temporal did not answer in time: whether ${target} is being deployed is not known. See: opsloop deploy status ${target}`,
        { cause: error },
      );
    throw asTemporalError(error, temporal);
  }
}

/** One that has its result and only tells people yet is in nobody's way for long: its end is waited for. */
async function startAfterEnd(
  temporal: Temporal,
  wanted: DeploymentRequest,
): Promise<{ firstExecutionRunId: string }> {
  const deadline = Date.now() + endingLimitMs;
  for (;;) {
    try {
      return await startWorkflow(temporal, wanted);
    } catch (error) {
      if (!isAlreadyStarted(error) || Date.now() > deadline || !(await isEnding(temporal, wanted)))
        throw error;
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }
}

/** True when the one that goes on has its result. False when nobody can tell. */
async function isEnding(temporal: Temporal, { environment, target }: DeploymentRequest): Promise<boolean> {
  const which = { environment, target };
  const said = await queryDeployment(temporal, which, firstWordMs).catch(() => null);
  return said !== null && said.state !== 'running' && said.state !== 'waitingForApproval';
}

async function conflictOf(stack: Stack, temporal: Temporal, target: string): Promise<OpsError> {
  const which = { environment: stack.environment, target };
  const execution = await describeDeployment(temporal, which).catch(() => null);
  if (execution === null || execution.status !== 'RUNNING')
    return new OpsError(
      'conflict',
      `another deployment of ${target} has ended at this very moment. See: opsloop deploy status ${target}, then start again`,
      { field: 'target' },
    );
  const phase = await phaseOf(stack, temporal, execution);
  return new OpsError(
    'conflict',
    `${target} is being deployed already: ${execution.version}, started by ${execution.by} at ` +
      `${new Date(execution.startedAt).toISOString()} (phase ${phase}). See: opsloop deploy status ${target}`,
    { field: 'target' },
  );
}

/** Where it is by its own word, else by the record. */
async function phaseOf(stack: Stack, temporal: Temporal, execution: DeploymentExecution): Promise<string> {
  const said = await queryDeployment(temporal, execution, firstWordMs).catch(() => null);
  if (said !== null) return said.phase;
  const recorded = await readDeploymentRecord(stack, execution.target, null).catch(() => null);
  return recorded === null || recorded.finishedAt !== null ? 'validate' : recorded.phase;
}

/** A deployment that has just been started, by its own word where a worker gives it at once. */
export async function readStarted(stack: Stack, started: StartedDeployment): Promise<DeploymentDocument> {
  const temporal = await stack.temporal();
  const said = await queryDeployment(temporal, started, firstWordMs).catch(() => null);
  return documentOf(said ?? announcedRecord(started), Date.now());
}
