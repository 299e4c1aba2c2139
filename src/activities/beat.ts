/** The sign of life of an activity: a killed worker is noticed when it stops. */
import { Context } from '@temporalio/activity';

/** Reports life to Temporal each second, so that a killed worker is noticed within the heartbeat's time limit. */
export function beat(): () => void {
  const context = Context.current();
  const timer = setInterval(() => context.heartbeat(), 1000);
  return () => clearInterval(timer);
}
