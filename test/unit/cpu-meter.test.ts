/** Percentages from counters that only grow. */
import { expect, it, vi } from 'vitest';
import { createCpuMeter, type CpuReading } from '../../src/adapters/cpu-meter.js';

/** A source that gives one reading after the other. */
const source = (...readings: (CpuReading | null)[]) => vi.fn(() => Promise.resolve(readings.shift() ?? null));

it('compares two readings of a first look', async () => {
  const read = source({ used: 1_000, elapsed: 50_000 }, { used: 1_050, elapsed: 50_200 });
  expect(await createCpuMeter()('api', read)).toBe(25);
  expect(read).toHaveBeenCalledTimes(2);
});

it('shares one measurement among calls at the same time and right after it', async () => {
  const measure = createCpuMeter();
  const read = source({ used: 0, elapsed: 0 }, { used: 300, elapsed: 200 });
  expect(await Promise.all([measure('api', read), measure('api', read)])).toEqual([150, 150]);
  expect(await measure('api', read)).toBe(150);
  expect(read).toHaveBeenCalledTimes(2);
});

it('keeps sources apart', async () => {
  const measure = createCpuMeter();
  const [one, two] = await Promise.all([
    measure('one', source({ used: 0, elapsed: 0 }, { used: 20, elapsed: 200 })),
    measure('two', source({ used: 0, elapsed: 0 }, { used: 40, elapsed: 200 })),
  ]);
  expect([one, two]).toEqual([10, 20]);
});

it('tells nothing about a source that tells nothing, stands still or begins again', async () => {
  const measure = createCpuMeter();
  expect(await measure('silent', source())).toBeNull();
  expect(await measure('still', source({ used: 5, elapsed: 5 }, { used: 6, elapsed: 5 }))).toBeNull();
  expect(await measure('restarted', source({ used: 5, elapsed: 5 }, { used: 1, elapsed: 9 }))).toBeNull();
  expect(await measure('gone', source({ used: 5, elapsed: 5 }, null))).toBeNull();
});

it('measures again after a failed reading', async () => {
  const measure = createCpuMeter();
  await expect(measure('api', () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
  expect(await measure('api', source({ used: 0, elapsed: 0 }, { used: 20, elapsed: 200 }))).toBe(10);
});
