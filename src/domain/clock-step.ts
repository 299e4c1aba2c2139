/** A clock that was set forward: the slots in between were never there for anybody. */

/** What the clock showed right before and right after it was set, epoch ms. */
export interface ClockStep {
  fromAt: number;
  toAt: number;
}

/** Smaller corrections are everyday work of NTP, and cost a slot nothing. */
export const leastClockStepMs = 30_000;

export interface ClockReading {
  /** Of the wall clock, epoch ms. */
  wallAt: number;
  /** Of a clock that nobody sets and that goes on while the machine sleeps, ms. */
  steadyMs: number;
}

/** The step forward between two readings; null: there was none worth the name. Steps back move no slot. */
export function clockStepBetween(before: ClockReading, after: ClockReading): ClockStep | null {
  const passedMs = after.steadyMs - before.steadyMs;
  const steppedMs = after.wallAt - before.wallAt - passedMs;
  if (steppedMs < leastClockStepMs) return null;
  return { fromAt: after.wallAt - steppedMs, toAt: after.wallAt };
}

/** The step that jumped over the instant; undefined: none did. */
export const stepOver = (steps: readonly ClockStep[], at: number): ClockStep | undefined =>
  steps.find(({ fromAt, toAt }) => at > fromAt && at <= toAt);
