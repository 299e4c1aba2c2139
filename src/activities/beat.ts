/** The sign of life of an activity: a killed worker is noticed when it stops. */
import { Context } from '@temporalio/activity';

/**
 * Reports life to Temporal each second, so that a killed worker is noticed within the heartbeat's time limit; `details` go along: for
 * people, and for the worker that goes on.
 */
export function beat(details?: () => unknown): () => void {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(details?.()), 1000);
  return () => clearInterval(timer);
}
