/** What people do to runs: have one archived now, and give up an archive. */
import type { Workflow } from '@temporalio/client';
import type { RunDetailDocument, RunProgressDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import { runId, runWatchId, taskQueue } from '../domain/ids.js';
import type { RunStatus } from '../domain/run-case.js';
import { readTriggerRequest } from '../domain/loop-input.js';
import { describeRunExecution } from './run-progress.js';
import { findRun, isOver, showRun } from './runs.js';
import type { Stack } from './stack.js';
import { asTemporalError, callTimeoutMs, isUnanswered, type Temporal } from './temporal.js';

const pollMs = 500;
/** A look at one run takes a fraction of a second. */
const recordTimeoutMs = 5_000;
/** What a workflow that is cancelled still writes down takes seconds; it is not waited for any longer. */
const cancelTimeoutMs = 15_000;

/** A request that the workflow of the run has accepted. */
export interface ArchiveRequest {
  /** As it was before. */
  run: RunDetailDocument;
  /** Tries that had failed until then. */
  failures: number;
}

export interface ArchiveAnswer {
  run: RunDetailDocument;
  /** Why there is no archive; null: it was made and verified. */
  problem: string | null;
}

/**
 * Has a run that is over archived, or archived anew; returns when that is accepted. Throws OpsError `notFound`, `conflict`
 * when the run is not over, `unavailable` when no worker answers.
 */
export async function requestArchive(
  stack: Stack,
  id: string,
  input: { by?: string },
): Promise<ArchiveRequest> {
  const read = readTriggerRequest(input);
  if (!read.ok) throw new OpsError('invalidInput', read.problem, { field: 'by' });
  const run = await findRun(stack, id);
  if (!isOver(run))
    throw new OpsError('conflict', `run ${id} is still ${run.state}: it is archived when it is over`, {
      field: 'run',
    });
  await haveRecorded(stack, id);
  const { failures } = await askWorkflow(stack, id, input);
  return { run, failures };
}

/**
 * Runs that ended long ago, or this moment, may be in our tables while no look has found them: the watcher is told to look. When it
 * does not, the workflow of the run says so.
 */
async function haveRecorded(stack: Stack, id: string): Promise<void> {
  const { isRunRecorded } = await import('../adapters/postgres/run-read-model.js');
  const isRecorded = () => stack.read((pool, environment) => isRunRecorded(pool, environment, id));
  if (await isRecorded()) return;
  const temporal = await stack.temporal();
  const watcher = temporal.client.workflow.getHandle(runWatchId(stack.environment));
  try {
    await temporal.within(callTimeoutMs, () => watcher.signal('wake', { runs: [id] }));
  } catch (error) {
    if (!(error instanceof Error && error.name === 'WorkflowNotFoundError'))
      throw asTemporalError(error, temporal);
    const message = 'the loop that watches runs does not run. Start it: opsloop loops start runWatch';
    throw new OpsError('conflict', message, { cause: error });
  }
  const deadline = Date.now() + recordTimeoutMs;
  while (!(await isRecorded()) && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, pollMs / 10));
}

async function askWorkflow(stack: Stack, id: string, input: { by?: string }): Promise<RunStatus> {
  const temporal = await stack.temporal();
  const { WithStartWorkflowOperation } = await import('@temporalio/client');
  const { environment } = stack;
  try {
    return await temporal.within(callTimeoutMs, () =>
      temporal.client.workflow.executeUpdateWithStart<Workflow, RunStatus, [object]>('archive', {
        args: [input],
        startWorkflowOperation: new WithStartWorkflowOperation('run', {
          workflowId: runId(environment, id),
          taskQueue,
          args: [{ environment, run: id }],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `run ${id}`.slice(0, 200),
        }),
      }),
    );
  } catch (error) {
    if (isUnanswered(error))
      throw new OpsError(
        'unavailable',
        `no worker answered, so run ${id} is not archived yet. Is \`opsloop up\` running? Ask again when it is.`,
        {
          cause: error,
        },
      );
    if (error instanceof Error && error.name === 'WorkflowUpdateFailedError')
      throw new OpsError('conflict', error.cause instanceof Error ? error.cause.message : error.message, {
        cause: error,
      });
    throw asTemporalError(error, temporal);
  }
}

/**
 * Waits, however long it takes, until what was asked for is archived or has failed. `onProgress` is told how far it is each
 * half second; null: nothing is being archived at this moment.
 */
export async function waitForArchive(
  stack: Stack,
  { run: before, failures }: ArchiveRequest,
  onProgress: (progress: RunProgressDocument | null) => void,
): Promise<ArchiveAnswer> {
  const { id } = before;
  const temporal = await stack.temporal();
  const { environment } = stack;
  for (;;) {
    const { isRunning, progress } = await describe(temporal, environment, id);
    const run = { ...(await findRun(stack, id)), progress };
    const isNew = run.archive !== null && run.archive.verifiedAt !== before.archive?.verifiedAt;
    if (isNew) return { run, problem: null };
    const status = isRunning && progress !== null ? null : await stateOf(temporal, environment, id);
    if (!isRunning) return { run, problem: problemOf(run, status) };
    if (status !== null && status.failures > failures)
      return { run, problem: status.problem ?? run.problem ?? 'it could not be archived' };
    onProgress(progress);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Of a workflow that has ended without a new archive. */
function problemOf(run: RunDetailDocument, status: RunStatus | null): string | null {
  // What was archived before is whole, and there was nothing to archive anew.
  if (run.archiveState === 'done' && (status === null || status.failures === 0))
    return status?.problem ?? null;
  return status?.problem ?? run.problem ?? 'there is no work directory to archive';
}

/** `requestArchive` and `waitForArchive` in one. */
export async function archiveRun(
  stack: Stack,
  id: string,
  { by, onProgress }: { by: string; onProgress: (progress: RunProgressDocument | null) => void },
): Promise<ArchiveAnswer> {
  return waitForArchive(stack, await requestArchive(stack, id, { by }), onProgress);
}

async function describe(temporal: Temporal, environment: string, run: string) {
  try {
    return await describeRunExecution(temporal, { environment, run, limitMs: callTimeoutMs });
  } catch (error) {
    throw asTemporalError(error, temporal);
  }
}

/** What the workflow says, also after its end; null when no worker answers for it. */
async function stateOf(temporal: Temporal, environment: string, run: string): Promise<RunStatus | null> {
  const handle = temporal.client.workflow.getHandle(runId(environment, run));
  try {
    return await temporal.within(callTimeoutMs, () => handle.query<RunStatus>('state'));
  } catch {
    return null;
  }
}

/**
 * Gives up the archive that is being made of a run, or tried again later; what was made of it is removed. Waits until that is
 * on record, 15 s at most. Throws OpsError `notFound`, or `conflict` when none is being made.
 */
export async function cancelArchive(stack: Stack, id: string): Promise<RunDetailDocument> {
  await findRun(stack, id);
  const temporal = await stack.temporal();
  const { environment } = stack;
  if (!(await describe(temporal, environment, id)).isRunning)
    throw new OpsError('conflict', `no archive of run ${id} is being made. See: opsloop runs show ${id}`, {
      field: 'run',
    });
  try {
    const handle = temporal.client.workflow.getHandle(runId(environment, id));
    await temporal.within(callTimeoutMs, () => handle.cancel());
  } catch (error) {
    // It has just ended: what became of it is told.
    if (!(error instanceof Error && error.name === 'WorkflowNotFoundError'))
      throw asTemporalError(error, temporal);
  }
  const deadline = Date.now() + cancelTimeoutMs;
  while ((await describe(temporal, environment, id)).isRunning && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, pollMs / 2));
  return showRun(stack, id);
}
