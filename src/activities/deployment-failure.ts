/** What leaves an activity of a deployment as an error: without secrets, and as Temporal has to take it. */
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { OpsError } from '../domain/errors.js';

/** Does the work; whatever it throws but a cancellation keeps its reason, and whether it is tried again, and loses its secrets. */
export async function withoutSecrets<T>(scrub: (text: string) => string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CancelledFailure) throw error;
    throw scrubbed(error, scrub);
  }
}

/** A cause is left out: its message and its stack would go along as they are. */
function scrubbed(error: unknown, scrub: (text: string) => string): ApplicationFailure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const failure = ApplicationFailure.create({ message: scrub(message), ...kindOf(error) });
  if (stack !== undefined) failure.stack = scrub(stack);
  return failure;
}

const kindOf = (error: unknown): { type: string; nonRetryable: boolean } => {
  if (error instanceof ApplicationFailure)
    return { type: error.type ?? 'Error', nonRetryable: error.nonRetryable === true };
  if (error instanceof OpsError) return { type: error.reason, nonRetryable: !error.retryable };
  return { type: error instanceof Error ? error.name : 'Error', nonRetryable: false };
};
