/** What starts the workflow of a deployment, for real or to make a plan. */
import { readDeploymentRequest, readVersion } from '../domain/deployment-input.js';
import type { DeploymentRequest } from '../domain/deployment.js';
import { OpsError } from '../domain/errors.js';
import { deploymentId, deploymentPlanId, taskQueue } from '../domain/ids.js';
import type { LoopInput } from '../domain/loop-input.js';
import { requireTarget } from './deployments.js';
import type { Stack } from './stack.js';
import { callTimeoutMs, type Temporal } from './temporal.js';

export interface StartRequest {
  target: string;
  version: string;
  by: string;
  /** Why it shall go on in spite of an open critical incident; null: it shall not. */
  force: string | null;
}

/** A plan asks the host, and perhaps a registry of images, ms. */
export const planTimeoutMs = 120_000;

/** Throws OpsError `invalidInput` with the field that is wrong. */
export function valueOf<T>(read: LoopInput<T>): T {
  if (read.ok) return read.value;
  const field = /field "([^"]+)"/.exec(read.problem)?.[1];
  throw new OpsError('invalidInput', read.problem, field === undefined ? {} : { field });
}

/** The version; throws OpsError `invalidInput` when no way to deploy could ever take it. */
export const requireVersion = (version: unknown): string => valueOf(readVersion(version));

/** Throws OpsError `invalidInput`, and `notFound` for an unknown target. */
export async function requestOf(
  stack: Stack,
  request: StartRequest & { isDryRun: boolean },
): Promise<DeploymentRequest> {
  requireVersion(request.version);
  const { name } = await requireTarget(stack, request.target);
  return valueOf(readDeploymentRequest({ ...request, target: name, environment: stack.environment }));
}

/** Throws errors of Temporal's client. */
export async function startWorkflow(temporal: Temporal, request: DeploymentRequest) {
  const { TypedSearchAttributes, defineSearchAttributeKey, SearchAttributeType } =
    await import('@temporalio/common');
  const { environment, target, version, by, isDryRun } = request;
  const pair = (name: string, value: string) => ({
    key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
    value,
  });
  const summary = `${isDryRun ? 'plans ' : ''}${target} to ${version}, by ${by}`;
  return temporal.within(callTimeoutMs, () =>
    temporal.client.workflow.start('deployment', {
      workflowId: isDryRun ? deploymentPlanId(environment, target) : deploymentId(environment, target),
      taskQueue,
      args: [request],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      memo: { version, by },
      typedSearchAttributes: new TypedSearchAttributes([
        pair('OpsLoop', 'deployment'),
        pair('OpsTarget', target),
        pair('OpsStatus', isDryRun ? 'planning' : 'running'),
        pair('OpsEnvironment', environment),
      ]),
      staticSummary: summary.slice(0, 200),
      ...(isDryRun
        ? // One that nobody makes does not stand in the way of the next.
          { workflowExecutionTimeout: planTimeoutMs }
        : { staticDetails: detailsOf(request) }),
    }),
  );
}

const detailsOf = ({ environment, target }: DeploymentRequest): string =>
  `Gives the target \`${target}\` of the environment \`${environment}\` a new version, or brings the one before back.\n\n` +
  'Signals and updates: `approve {by, note}`, `reject {by, note}`, `abort {by, note}`, `rollBack {by, note}`, ' +
  '`promote {by, note}`. Query: `state`.';

/** One of this target runs. */
export const isAlreadyStarted = (error: unknown): boolean =>
  error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError';
