/** Work of a deployment that a person may end: whoever decides is not kept waiting, and nothing runs on unseen. */
import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { Outcome } from '../activities/deployment-contract.js';

/**
 * Does the work until it is done or `isUnwanted`: then it is cancelled, and null comes when it has ended. To be called in a scope that nobody cancels.
 */
export async function unlessInterrupted<T>(
  isUnwanted: () => boolean,
  work: () => Promise<T>,
): Promise<T | null> {
  if (isUnwanted()) return null;
  const scope = new CancellationScope({ cancellable: true });
  let isDone = false;
  const running = scope.run(work).finally(() => {
    isDone = true;
  });
  // Awaited below; until then a failure is nobody's.
  running.catch(() => undefined);
  await condition(() => isDone || isUnwanted());
  if (!isDone) scope.cancel();
  try {
    return await running;
  } catch (error) {
    if (isUnwanted() && isCancellation(error)) return null;
    throw error;
  }
}

/** A failure that Temporal does not try again is an answer, too. */
export async function asOutcome<T>(work: () => Promise<T>): Promise<T | (Outcome & { isGood: false })> {
  try {
    return await work();
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { isGood: false, note: messageOf(error) };
  }
}

/** The innermost message: what the activity said. */
export function messageOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error) return messageOf(cause);
  return error instanceof Error ? error.message : String(error);
}
