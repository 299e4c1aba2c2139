/** Output that comes after the end of a program, from what it has started: a `tee` for example. */

export interface DrainMeans {
  /** Reads what has come; how many bytes that was. */
  readOn(): number;
  /** Whether anything of the program's group is left, which could still write. */
  isGroupThere(): boolean;
  /** Waits so long, ms. */
  pause(ms: number): Promise<void>;
  /** Monotonic, ms. */
  now(): number;
}

const quietMs = 100;
const drainLimitMs = 1_000;

/**
 * What the program wrote itself is there already. Only while some of its group is left, more is waited for: until nothing has come for
 * a tenth of a second, and for a second at most. What is written after that is lost: nobody can know of it.
 */
export const drainOutput = async ({ readOn, isGroupThere, pause, now }: DrainMeans): Promise<void> => {
  readOn();
  const deadline = now() + drainLimitMs;
  while (now() < deadline && isGroupThere()) {
    await pause(quietMs);
    if (readOn() === 0) return;
  }
  readOn();
};
