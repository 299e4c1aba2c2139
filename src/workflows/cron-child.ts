/** A job that is a workflow of somebody else: started as a child, cancelled at its limit, terminated when it does not end. */
import {
  CancellationScope,
  ChildWorkflowFailure,
  condition,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  sleep,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import type { SlotWork } from '../activities/cron-contract.js';
import { endOf } from '../domain/bounded-text.js';
import { keptOutput, type WorkOutcome } from '../domain/cron-execution.js';
import { formatDuration } from '../domain/duration.js';
import type { SlotMemory } from './cron-memory.js';

/** Never throws for what the workflow does. `work` is cancelled when it shall end before. */
export async function runJobWorkflow(
  { environment, job, scheduledAt, attempt }: SlotMemory,
  work: CancellationScope,
  { workflow, limitMs, killAfterMs }: SlotWork,
): Promise<WorkOutcome> {
  if (workflow === null) throw new Error('the job is no workflow');
  const startedAt = Date.now();
  const child = new CancellationScope({ cancellable: false });
  let isAtLimit = false;
  let isOver = false;
  const limit = new CancellationScope();
  const watching = limit
    .run(async () => {
      if (limitMs === null) await condition(() => isOver);
      else await sleep(limitMs, { summary: 'the time limit of the job' });
      isAtLimit = !isOver;
      if (isAtLimit) child.cancel();
    })
    .catch(() => undefined);
  const wanted = work.run(() => condition(() => isOver)).catch(() => child.cancel());
  try {
    const result: unknown = await child.run(() =>
      executeChild(workflow.type, {
        workflowId: `cron:${environment}:${job}:${new Date(scheduledAt).toISOString()}:${attempt}`,
        taskQueue: workflow.taskQueue,
        args: workflow.input === null ? [] : [workflow.input],
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
        // What does not end when it is told to is terminated.
        ...(limitMs === null ? {} : { workflowExecutionTimeout: limitMs + killAfterMs }),
        staticSummary: `job ${job}, slot ${new Date(scheduledAt).toISOString()}`.slice(0, 200),
      }),
    );
    return outcomeOf({ kind: 'done', reason: '', startedAt, output: result });
  } catch (error) {
    const { kind, reason } = failureOf(error, { isAtLimit, limitMs });
    return outcomeOf({ kind, reason, startedAt, output: null });
  } finally {
    isOver = true;
    limit.cancel();
    await watching;
    await wanted;
  }
}

function failureOf(
  error: unknown,
  { isAtLimit, limitMs }: { isAtLimit: boolean; limitMs: number | null },
): Pick<WorkOutcome, 'kind' | 'reason'> {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  if (isAtLimit || cause instanceof TimeoutFailure)
    return {
      kind: 'overrun',
      reason: `ran longer than ${formatDuration(limitMs ?? 0)} and was ${cause instanceof TimeoutFailure ? 'terminated' : 'cancelled'}`,
    };
  if (cause instanceof TerminatedFailure)
    return { kind: 'failed', reason: 'somebody terminated its workflow' };
  if (isCancellation(error)) return { kind: 'cancelled', reason: 'cancelled' };
  const text = cause instanceof Error ? cause.message : String(cause);
  return { kind: 'failed', reason: text === '' ? 'its workflow failed' : text.slice(0, 500) };
}

function outcomeOf({
  kind,
  reason,
  startedAt,
  output,
}: Pick<WorkOutcome, 'kind' | 'reason' | 'startedAt'> & { output: unknown }): WorkOutcome {
  const text = output === undefined || output === null ? null : JSON.stringify(output, null, 2);
  return {
    kind,
    reason,
    startedAt,
    finishedAt: Date.now(),
    exitCode: null,
    signal: null,
    outputHead: null,
    outputEnd: text === null ? null : endOf(text, keptOutput.endBytes),
    outputFile: null,
    cpuMs: null,
    peakBytes: null,
  };
}
