/** How long output is waited for after the end of a program, on a clock of the test's own. */
import { describe, expect, it } from 'vitest';
import { drainOutput } from '../../src/adapters/commands/output-drain.js';

/** `came`: bytes that each read finds, 0 after the last. `groupEndsAt`: ms. Gives how often was read, and when it ended. */
async function drained(came: number[], groupEndsAt: number): Promise<{ reads: number; endedAt: number }> {
  let now = 0;
  let reads = 0;
  await drainOutput({
    readOn: () => came[reads++] ?? 0,
    isGroupThere: () => now < groupEndsAt,
    pause: async (ms) => void (now += ms),
    now: () => now,
  });
  return { reads, endedAt: now };
}

describe('output after the end of a program', () => {
  it('is not waited for when nothing of the program is left, but read once more', async () => {
    expect(await drained([5, 7], 0)).toEqual({ reads: 2, endedAt: 0 });
  });

  it('is taken that comes within a tenth of a second of the end, or of what came before it', async () => {
    expect(await drained([6, 5, 5, 5], Infinity)).toEqual({ reads: 5, endedAt: 400 });
  });

  it('is waited for no longer than it is quiet', async () => {
    expect(await drained([6], Infinity)).toEqual({ reads: 2, endedAt: 100 });
  });

  it('is waited for no longer than anybody is left to write, and then read once more', async () => {
    expect(await drained([6, 5, 4], 150)).toEqual({ reads: 4, endedAt: 200 });
  });

  it('is waited for one second at most, however much comes', async () => {
    expect(
      await drained(
        Array.from({ length: 100 }, () => 1),
        Infinity,
      ),
    ).toEqual({ reads: 12, endedAt: 1_000 });
  });
});
