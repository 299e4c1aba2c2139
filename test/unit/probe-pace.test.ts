/** The pace at which checks start. */
import { describe, expect, it } from 'vitest';
import { createPace } from '../../src/activities/probe-pace.js';

const turnOfTheEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('createPace', () => {
  it('starts everything, in the order of the calls', async () => {
    const pace = createPace();
    const started: number[] = [];
    await Promise.all(Array.from({ length: 100 }, (_, index) => pace().then(() => started.push(index))));
    expect(started).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  it('lets the event loop turn between a few starts and the next few', async () => {
    const pace = createPace();
    let started = 0;
    const all = Promise.all(Array.from({ length: 100 }, () => pace().then(() => (started += 1))));
    const perTurn: number[] = [];
    while (started < 100) {
      const before = started;
      await turnOfTheEventLoop();
      perTurn.push(started - before);
    }
    await all;
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(10);
  });

  it('starts at once again after it had nothing to do', async () => {
    const pace = createPace();
    await pace();
    await turnOfTheEventLoop();
    await pace();
    await Promise.all([pace(), pace()]);
  });

  it('does not wait for what it started: one that hangs delays nobody', async () => {
    const pace = createPace();
    let finished = 0;
    const never = new Promise<void>(() => undefined);
    for (let index = 0; index < 50; index += 1) void pace().then(() => never);
    await Promise.all(Array.from({ length: 50 }, () => pace().then(() => (finished += 1))));
    expect(finished).toBe(50);
  });
});
