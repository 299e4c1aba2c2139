/** The workflow of a deployment as Temporal knows it: who started which version since when, what it says, how it ended. */
import { deploymentPhases, type DeploymentRecord } from '../domain/deployment.js';
import { deploymentId } from '../domain/ids.js';
import { callTimeoutMs, isUnanswered, type Temporal } from './temporal.js';

/** One deployment of a target. */
export interface StartedDeployment {
  environment: string;
  target: string;
  /** Temporal's id of its first run: it may continue as new. */
  runId: string;
  /** Epoch ms. */
  startedAt: number;
  version: string;
  by: string;
}

export interface DeploymentExecution extends StartedDeployment {
  /** Temporal's word: RUNNING, COMPLETED, FAILED, TERMINATED, … */
  status: string;
  /** Id of the first run of the chain that this run belongs to. */
  firstRunId: string;
}

interface WhichDeployment {
  environment: string;
  target: string;
  /** Left out: the newest. */
  runId?: string;
}

const isNotFound = (error: unknown): boolean =>
  error instanceof Error && error.name === 'WorkflowNotFoundError';

const handleOf = ({ client }: Temporal, { environment, target, runId }: WhichDeployment) =>
  client.workflow.getHandle(deploymentId(environment, target), runId);

const textOf = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise);

/** Needs no worker. Null: Temporal knows of none. Throws errors of Temporal's client. */
export async function describeDeployment(
  temporal: Temporal,
  which: WhichDeployment,
  limitMs = callTimeoutMs,
): Promise<DeploymentExecution | null> {
  try {
    const { status, runId, startTime, memo, raw } = await temporal.within(limitMs, () =>
      handleOf(temporal, which).describe(),
    );
    return {
      environment: which.environment,
      target: which.target,
      runId,
      startedAt: startTime.getTime(),
      version: textOf(memo?.['version'], '?'),
      by: textOf(memo?.['by'], 'somebody'),
      status: status.name,
      firstRunId: raw.workflowExecutionInfo?.firstRunId || runId,
    };
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

/** What the workflow says of itself; null when no worker answers for it, or Temporal does not know it. */
export async function queryDeployment(
  temporal: Temporal,
  which: WhichDeployment,
  limitMs: number,
): Promise<DeploymentRecord | null> {
  try {
    return await temporal.within(limitMs, () => handleOf(temporal, which).query<DeploymentRecord>('state'));
  } catch (error) {
    const isUnknown = error instanceof Error && error.name === 'QueryNotRegisteredError';
    if (isUnanswered(error) || isNotFound(error) || isUnknown) return null;
    throw error;
  }
}

/** The final record of a workflow that has completed. */
export const resultOfDeployment = (
  temporal: Temporal,
  which: WhichDeployment & { runId: string },
): Promise<DeploymentRecord> =>
  temporal.within(callTimeoutMs, () => handleOf(temporal, which).result() as Promise<DeploymentRecord>);

/** All that is known of a deployment before its workflow has said anything. */
export const announcedRecord = ({
  environment,
  target,
  version,
  by,
  startedAt,
}: Omit<StartedDeployment, 'runId'>): DeploymentRecord => ({
  environment,
  target,
  number: 0,
  state: 'running',
  phase: 'validate',
  phases: deploymentPhases.map((name) => ({
    name,
    state: 'pending',
    startedAt: null,
    finishedAt: null,
    note: '',
  })),
  versionRequested: version,
  versionBefore: null,
  versionAfter: null,
  startedBy: by,
  startedAt,
  finishedAt: null,
  via: null,
  services: [],
  reason: null,
  force: null,
  changes: [],
  backups: [],
  decisions: [],
  leftBehind: [],
  report: null,
  revision: 0,
});
