/** What one look at a run leads to. */
import { describe, expect, it } from 'vitest';
import { decideSighting, type KnownRun } from '../../src/domain/run-sighting.js';
import { runOf, step } from '../support/run-facts.js';

const minute = 60_000;
const now = Date.UTC(2026, 0, 15, 12);
const rules = {
  clocks: { stalledAfterMs: 30 * minute, startWithinMs: null, maxDurationMs: null },
  lookBackMs: 24 * 60 * minute,
  now,
};
const known = (changes: Partial<KnownRun> = {}): KnownRun => ({
  state: 'running',
  completion: 0,
  stallCount: 0,
  toldSteps: {},
  firstSeenAt: now - 60 * minute,
  ...changes,
});

describe('a run that is over', () => {
  it('is taken care of, also when opsloop was away when it ended', () => {
    const facts = runOf({ state: 'succeeded', finishedAt: now - 23 * 60 * minute });
    expect(decideSighting(facts, null, rules)).toMatchObject({
      state: 'succeeded',
      completed: { verdict: 'succeeded' },
    });
  });

  it('is history when it ended before lookBack, unless it was taken care of before', () => {
    const facts = runOf({
      state: 'failed',
      finishedAt: now - 25 * 60 * minute,
      steps: [step('a', 'failed')],
    });
    expect(decideSighting(facts, null, rules)).toMatchObject({
      state: 'failed',
      completed: null,
      failedSteps: [],
    });
    expect(decideSighting(facts, known({ completion: 1 }), rules).completed).not.toBeNull();
  });

  it('goes on when a step does', () => {
    const facts = runOf({ steps: [step('a', 'succeeded'), step('b', 'running', { updatedAt: now })] });
    expect(decideSighting(facts, known({ state: 'succeeded', completion: 1 }), rules)).toMatchObject({
      state: 'running',
      isReopened: true,
      completed: null,
    });
    expect(decideSighting(facts, known(), rules).isReopened).toBe(false);
  });
});

describe('a run that stands still', () => {
  const still = runOf({ startedAt: now - 60 * minute, updatedAt: now - 31 * minute });

  it('is told once, and numbers what it tells', () => {
    expect(decideSighting(still, known({ stallCount: 4 }), rules)).toMatchObject({
      state: 'stalled',
      stall: { kind: 'stalled', count: 5 },
    });
    expect(decideSighting(still, known({ state: 'stalled', stallCount: 5 }), rules).stall).toBeNull();
  });

  it('recovers when it moves, and when it ends', () => {
    const before = known({ state: 'stalled', stallCount: 5 });
    expect(decideSighting({ ...still, updatedAt: now }, before, rules)).toMatchObject({
      state: 'running',
      stall: { kind: 'moving', count: 6 },
      dueAt: now + 30 * minute,
    });
    expect(decideSighting({ ...still, state: 'failed' }, before, rules)).toMatchObject({
      state: 'failed',
      stall: { kind: 'moving', count: 6 },
    });
  });
});

describe('a step that failed', () => {
  const at = now - minute;
  const facts = runOf({
    steps: [step('load', 'failed', { error: 'disk full', finishedAt: at }), step('b', 'running')],
  });

  it('is told once', () => {
    const first = decideSighting(facts, known(), rules);
    expect(first.failedSteps).toEqual([{ name: 'load', error: 'disk full', at }]);
    expect(first.toldSteps).toEqual({ load: at });
    expect(decideSighting(facts, known({ toldSteps: first.toldSteps }), rules).failedSteps).toEqual([]);
  });

  it('is told again when it failed again, also with a success between that nobody saw', () => {
    const again = runOf({ steps: [step('load', 'failed', { finishedAt: now })] });
    expect(decideSighting(again, known({ toldSteps: { load: at } }), rules).failedSteps).toHaveLength(1);
    const well = decideSighting(
      runOf({ steps: [step('load', 'running')] }),
      known({ toldSteps: { load: at } }),
      rules,
    );
    expect(well.toldSteps).toEqual({});
  });

  it('is the same failure when its end is written down later', () => {
    expect(decideSighting(facts, known({ toldSteps: { load: 0 } }), rules).failedSteps).toEqual([]);
  });
});
