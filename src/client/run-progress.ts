/** How far the archive of a run is: what its workflow and the heartbeats of its activity say. */
import type { RunProgressDocument } from '../domain/documents.js';
import { runId } from '../domain/ids.js';
import { glance } from './glance.js';
import type { Stack } from './stack.js';
import type { Temporal } from './temporal.js';

/** The workflow of a run at this moment. */
export interface RunExecution {
  /** False: it has ended, or never ran. */
  isRunning: boolean;
  /** Null: no archive is being made now. */
  progress: RunProgressDocument | null;
}

const phases = ['waiting', 'listing', 'writing', 'verifying', 'removing'] as const;

const waiting: RunProgressDocument = {
  phase: 'waiting',
  bytes: 0,
  totalBytes: 0,
  entries: 0,
  totalEntries: 0,
};

/** What the heartbeat says, read field by field; what it does not say is 0. */
export function readProgress(data: Uint8Array | null | undefined): RunProgressDocument {
  if (data === null || data === undefined || data.length === 0) return waiting;
  try {
    const said = JSON.parse(Buffer.from(data).toString('utf8')) as Partial<Record<string, unknown>> | null;
    const amount = (name: string): number => {
      const value = said?.[name];
      return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
    };
    return {
      phase: phases.find((phase) => phase === said?.['phase']) ?? 'waiting',
      bytes: amount('bytes'),
      totalBytes: amount('totalBytes'),
      entries: amount('entries'),
      totalEntries: amount('totalEntries'),
    };
  } catch {
    return waiting;
  }
}

const isOfArchive = (name: string | null | undefined): boolean =>
  name === 'archiveRun' || name === 'removeRunDirectory';

/** Asks Temporal, within `limitMs`. */
export async function describeRunExecution(
  temporal: Temporal,
  { environment, run, limitMs }: { environment: string; run: string; limitMs: number },
): Promise<RunExecution> {
  const handle = temporal.client.workflow.getHandle(runId(environment, run));
  try {
    const { status, raw } = await temporal.within(limitMs, () => handle.describe());
    if (status.name !== 'RUNNING') return { isRunning: false, progress: null };
    const activity = raw.pendingActivities?.find(({ activityType }) => isOfArchive(activityType?.name));
    const progress =
      activity === undefined ? null : readProgress(activity.heartbeatDetails?.payloads?.[0]?.data);
    return { isRunning: true, progress };
  } catch (error) {
    if (error instanceof Error && error.name === 'WorkflowNotFoundError')
      return { isRunning: false, progress: null };
    throw error;
  }
}

/** The whole question of how far an archive is may take this long, ms. */
const mostWaitMs = 1_000;

/** Like `describeRunExecution`, without failing: null when Temporal does not answer within a second. */
export function glanceAtRunExecution(stack: Stack, run: string): Promise<RunExecution | null> {
  const { environment } = stack;
  return glance(stack, mostWaitMs, (temporal, limitMs) =>
    describeRunExecution(temporal, { environment, run, limitMs }),
  );
}
