/** When a loop counts as stale. */
import { describe, expect, it } from 'vitest';
import { isStale, type LoopStatus } from '../../src/domain/loop.js';
import { minute, startAt } from '../support/heartbeat-facts.js';

const loop = (more: Partial<LoopStatus> = {}) => ({
  state: 'running' as const,
  lastAt: startAt,
  nextAt: startAt + minute,
  everyMs: minute,
  ...more,
});

describe('isStale', () => {
  it('is true when nothing was heard for twice the interval, and a moment of grace', () => {
    expect(isStale(loop(), startAt + minute)).toBe(false);
    expect(isStale(loop(), startAt + 2 * minute + 5_000)).toBe(false);
    expect(isStale(loop(), startAt + 2 * minute + 5_001)).toBe(true);
  });

  it('is never true of a loop that shall not run now, or only reacts', () => {
    const later = startAt + 100 * minute;
    expect(isStale(loop({ state: 'paused' }), later)).toBe(false);
    expect(isStale(loop({ state: 'stopped' }), later)).toBe(false);
    expect(isStale(loop({ everyMs: null }), later)).toBe(false);
    expect(isStale(loop({ nextAt: null }), later)).toBe(false);
  });
});
