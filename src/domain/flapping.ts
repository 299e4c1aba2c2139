/** Whether a service changes its mind too often to be told about each change. */
import type { ServicePolicy } from './service.js';

export interface VerdictAt {
  at: number;
  isGood: boolean;
}

/** Results that count for flapping: this many times the number of changes that make it. */
export const flappingWindow = (policy: Pick<ServicePolicy, 'flapping'>): number =>
  3 * policy.flapping.changes;

/** True for an instant of the last `windowMs`. One that lies far ahead is of before the clock was set back: long ago, too. */
export const isWithin = (windowMs: number, at: number, now: number): boolean =>
  Math.abs(now - at) <= windowMs;

/** Instants at which the verdict differs from the one before. */
export function changesOf(verdicts: readonly VerdictAt[]): number[] {
  return verdicts
    .slice(1)
    .flatMap((verdict, index) => (verdict.isGood === verdicts[index]?.isGood ? [] : [verdict.at]));
}

/**
 * Flapping begins, at a bad result, with enough changes inside the time window, of the decided state or of single
 * results. A service that has just recovered is told as recovered: only one that fails yet again flaps.
 * Single results count over the last few results only: two blips in an hour of good results are no flapping,
 * a service that fails every other check is, even if no threshold of failures in a row is ever reached.
 */
export function startsFlapping(facts: {
  policy: Pick<ServicePolicy, 'flapping'>;
  verdicts: readonly VerdictAt[];
  stateChangesAt: readonly number[];
  now: number;
}): boolean {
  const { changes, withinMs } = facts.policy.flapping;
  const isRecent = (at: number): boolean => isWithin(withinMs, at, facts.now);
  const recent = facts.verdicts.slice(-flappingWindow(facts.policy));
  if (recent.at(-1)?.isGood !== false) return false;
  return (
    changesOf(recent).filter(isRecent).length >= changes ||
    facts.stateChangesAt.filter(isRecent).length >= changes
  );
}
