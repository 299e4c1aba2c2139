/** Whether a job is active: it runs when it is due. */
import { pauseReason, type JobPause } from './cron-claim.js';
import type { CronExecution } from './cron-execution.js';

/** Why it is not; null: it is. `last` is its newest slot that is over. A job that fails is active: it runs. */
export function inactiveReason(
  pause: JobPause | null,
  last: Pick<CronExecution, 'verdict' | 'reason'> | null,
): string | null {
  if (pause !== null) return pauseReason(pause);
  if (last === null) return null;
  const isPausedInTemporal =
    last.verdict === 'skipped' && last.reason?.startsWith('paused in Temporal') === true;
  return last.verdict === 'missed' || isPausedInTemporal ? (last.reason ?? last.verdict) : null;
}
