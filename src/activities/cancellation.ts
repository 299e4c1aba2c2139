/** Why an activity is to stop, told apart: somebody wants it, the worker stops, or Temporal has only lost sight of it. */
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

/** The worker that goes leaves the work to the next one. */
export const isWorkerStopping = (reason: unknown): boolean =>
  reason instanceof Error && reason.message === 'WORKER_SHUTDOWN';

const isWanted = (reason: unknown): boolean => reason instanceof Error && reason.message === 'CANCELLED';

/**
 * Aborted when the work has to end. When Temporal was away for longer than a heartbeat it gives the work out again: that is no reason
 * to break off what goes on well.
 */
export function endOfWork(): { signal: AbortSignal; release(): void } {
  const { cancellationSignal } = Context.current();
  const controller = new AbortController();
  const onAbort = (): void => {
    const reason: unknown = cancellationSignal.reason;
    if (isWanted(reason) || isWorkerStopping(reason)) controller.abort(reason);
  };
  cancellationSignal.addEventListener('abort', onAbort);
  if (cancellationSignal.aborted) onAbort();
  return {
    signal: controller.signal,
    release: () => cancellationSignal.removeEventListener('abort', onAbort),
  };
}

/** Throws when the work has to end: for the workflow that it was cancelled, for Temporal that another worker has to go on. */
export function throwIfEnded(signal: AbortSignal): void {
  if (!signal.aborted) return;
  if (isWorkerStopping(signal.reason))
    throw ApplicationFailure.retryable('the worker stops; the next one goes on', 'unavailable');
  throw signal.reason;
}
