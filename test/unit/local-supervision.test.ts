/** How long supervision waits before it starts something again. */
import { expect, it } from 'vitest';
import { restartDelayMs } from '../../src/local/supervision.js';

it('waits 0.2 s first, doubles with each end in a row, and never waits longer than 10 s', () => {
  const delays = [0, 1, 2, 3, 4, 5, 6, 7, 100].map(restartDelayMs);
  expect(delays).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
});
