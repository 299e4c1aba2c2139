/** Follows a deployment to its end, whatever is restarted meanwhile: its workflow's own word first, the record otherwise. */
import type { DeploymentRecord } from '../domain/deployment.js';
import { OpsError } from '../domain/errors.js';
import {
  announcedRecord,
  describeDeployment,
  type DeploymentExecution,
  queryDeployment,
  resultOfDeployment,
  type StartedDeployment,
} from './deployment-execution.js';
import { readDeploymentRecord } from './deployments.js';
import type { Stack } from './stack.js';
import { asTemporalError, type Temporal } from './temporal.js';

/** One look at a deployment. */
export interface DeploymentLook {
  record: DeploymentRecord;
  isOver: boolean;
  /** What has to come back before it goes on, or before it can be seen; null: nothing is in the way. */
  waitsFor: string | null;
  /** Over, and nobody can say how: why. Null: the record says it. */
  lost: string | null;
}

const queryTimeoutMs = 2_000;

const noWorker =
  'no worker answers: the deployment goes on when one runs again (`opsloop up`, or `opsloop worker`)';

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Looks again and again at one deployment; what was seen once stays known while nobody answers. Never throws. */
export function followDeployment(stack: Stack, started: StartedDeployment): () => Promise<DeploymentLook> {
  let last = announcedRecord(started);
  return async () => {
    const look = await lookOnce(stack, started, last);
    last = look.record;
    return look;
  };
}

async function lookOnce(
  stack: Stack,
  started: StartedDeployment,
  last: DeploymentRecord,
): Promise<DeploymentLook> {
  try {
    return await askTemporal(stack, started, last);
  } catch (error) {
    const record = await recordOf(stack, started, last);
    const isOver = record.finishedAt !== null;
    const cause = error instanceof OpsError ? error : asTemporalError(error, await addressOf(stack));
    return { record, isOver, waitsFor: isOver ? null : textOf(cause), lost: null };
  }
}

const addressOf = async (stack: Stack): Promise<Pick<Temporal, 'address' | 'namespace'>> =>
  stack.temporal().catch(() => ({ address: stack.endpoints.temporal?.address ?? '', namespace: '' }));

async function askTemporal(
  stack: Stack,
  started: StartedDeployment,
  last: DeploymentRecord,
): Promise<DeploymentLook> {
  const temporal = await stack.temporal();
  const execution = await describeNewestRun(temporal, started);
  const run = { ...started, runId: execution?.runId ?? started.runId };
  if (execution?.status === 'RUNNING') {
    const said = await queryDeployment(temporal, run, queryTimeoutMs);
    if (said !== null) return { record: said, isOver: false, waitsFor: null, lost: null };
    return { record: await recordOf(stack, started, last), isOver: false, waitsFor: noWorker, lost: null };
  }
  if (execution?.status === 'COMPLETED')
    return {
      record: await resultOfDeployment(temporal, run),
      isOver: true,
      waitsFor: null,
      lost: null,
    };
  const record = await recordOf(stack, started, last);
  const what =
    execution === null ? 'is not known to this Temporal' : `ended as ${execution.status.toLowerCase()}`;
  const lost =
    record.finishedAt === null
      ? `the workflow of the deployment ${what}: what is live now has to be looked at. See: opsloop deploy plan ${started.target} ${started.version}`
      : null;
  return { record, isOver: true, waitsFor: null, lost };
}

/** Its run, or the one that it continued as: a burst of signals may make it do so. */
async function describeNewestRun(
  temporal: Temporal,
  started: StartedDeployment,
): Promise<DeploymentExecution | null> {
  const first = await describeDeployment(temporal, started);
  if (first?.status !== 'CONTINUED_AS_NEW') return first;
  const { environment, target } = started;
  const newest = await describeDeployment(temporal, { environment, target });
  return newest?.firstRunId === started.runId ? newest : first;
}

/** The newer of what was seen last and what is on record, of this deployment. */
async function recordOf(
  stack: Stack,
  { target, startedAt }: StartedDeployment,
  last: DeploymentRecord,
): Promise<DeploymentRecord> {
  const number = last.number === 0 ? null : last.number;
  // The database may be away, too: what was seen last is still true.
  const recorded = await readDeploymentRecord(stack, target, number).catch(() => null);
  if (recorded === null || (number === null && recorded.startedAt !== startedAt)) return last;
  return recorded.revision > last.revision ? recorded : last;
}
