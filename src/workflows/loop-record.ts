/** Writing a loop's row: once per change, and without holding up the loop when it cannot be written. */
import { isCancellation, log } from '@temporalio/workflow';
import type { LoopStatus } from '../domain/loop.js';
import { loopActivities } from './activity-proxies.js';
import type { ControlState } from './loop-control.js';

/** Writes the row when something changed since the last time. The next change (or tick) makes up for a failed one. */
export async function recordLoop(
  control: ControlState,
  environment: string,
  status: () => LoopStatus,
): Promise<void> {
  if (control.isRecorded) return;
  // Before the write: what changes while it is under way must be written, too.
  control.isRecorded = true;
  try {
    await loopActivities.recordLoop({ environment, loop: status() });
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the state of this loop could not be recorded; `opsloop loops show` asks the loop itself', {
      error: String(error),
    });
  }
}
