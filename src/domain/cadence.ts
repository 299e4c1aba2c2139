/** When a loop with several intervals wakes up next, and which scheduled ticks were missed. */

/** One interval of a loop; ticks lie on the grid `nextAt + n * everyMs`. */
export interface Cadence {
  everyMs: number;
  /** Next scheduled tick, epoch ms. */
  nextAt: number;
}

export interface DueCadences {
  /** Intervals that are due, ms, ascending. */
  dueMs: number[];
  /** Instant of the grid that this tick is for, the latest of what is due; `now` when nothing was due. */
  scheduledAt: number;
  /** Scheduled ticks of the shortest interval whose whole interval has passed unused. */
  missed: number;
  /** The grid after this tick. */
  cadences: Cadence[];
}

/** Cadences that all start at `now`, in ascending order of interval. */
export function startCadences(intervalsMs: readonly number[], now: number): Cadence[] {
  return [...new Set(intervalsMs)].sort((a, b) => a - b).map((everyMs) => ({ everyMs, nextAt: now }));
}

/** Takes over new intervals: known ones keep their grid, new ones start at `now`. */
export function changeCadences(
  cadences: readonly Cadence[],
  intervalsMs: readonly number[],
  now: number,
): Cadence[] {
  return startCadences(intervalsMs, now).map(
    (cadence) => cadences.find((known) => known.everyMs === cadence.everyMs) ?? cadence,
  );
}

/** Moves every grid past `now` without counting anything as missed: what a pause skips is not missed. */
export function skipTo(cadences: readonly Cadence[], now: number): Cadence[] {
  return cadences.map((cadence) => (cadence.nextAt < now ? { ...cadence, nextAt: now } : cadence));
}

/** Epoch ms of the next wake-up; null without any cadence. */
export function nextWakeAt(cadences: readonly Cadence[]): number | null {
  return cadences.length === 0 ? null : Math.min(...cadences.map((cadence) => cadence.nextAt));
}

/** More than one interval ahead: the clock was set back, and the grid with it begins anew. */
const isOutOfReach = ({ nextAt, everyMs }: Cadence, now: number): boolean => nextAt - now > everyMs;

/**
 * What is due at `now`. A tick that starts late, but within its interval, is not missed; one whose interval has
 * passed entirely is. Missed ticks are counted on the shortest interval alone, since the others lie on its grid.
 */
export function takeDue(grid: readonly Cadence[], now: number): DueCadences {
  const cadences = grid.map((cadence) =>
    isOutOfReach(cadence, now) ? { ...cadence, nextAt: now } : cadence,
  );
  const due = cadences.filter((cadence) => cadence.nextAt <= now);
  const missedOf = (cadence: Cadence): number => Math.floor((now - cadence.nextAt) / cadence.everyMs);
  const shortest = cadences[0];
  return {
    dueMs: due.map((cadence) => cadence.everyMs),
    scheduledAt:
      due.length === 0
        ? now
        : Math.max(...due.map((cadence) => cadence.nextAt + missedOf(cadence) * cadence.everyMs)),
    missed: shortest !== undefined && shortest.nextAt <= now ? missedOf(shortest) : 0,
    cadences: cadences.map((cadence) =>
      cadence.nextAt <= now
        ? { ...cadence, nextAt: cadence.nextAt + (missedOf(cadence) + 1) * cadence.everyMs }
        : cadence,
    ),
  };
}
