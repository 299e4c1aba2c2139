/** Whether a run is over, whether that is news, and whether it stands still. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { completedFacts, isNewCompletion, judgeRun, judgeStall } from '../../src/domain/run-judgement.js';
import { finalStepStates, runRowStates, type RunFacts, type RunVerdict } from '../../src/domain/run.js';
import { runOf, step } from '../support/run-facts.js';

const minute = 60_000;
const noon = Date.UTC(2026, 0, 15, 12);

const verdictOf = (facts: RunFacts): RunVerdict | 'open' => {
  const judgement = judgeRun(facts);
  return judgement.kind === 'open' ? 'open' : judgement.verdict;
};

describe('a run', () => {
  it('without steps goes on until its own row says that it is over', () => {
    expect(runRowStates.map((state) => verdictOf(runOf({ state })))).toEqual([
      'open',
      'open',
      'succeeded',
      'failed',
      'cancelled',
    ]);
    expect(verdictOf(runOf({ state: null }))).toBe('open');
  });

  it('is over when all its steps are, and failed when one of them did', () => {
    const of = (...states: string[]) =>
      verdictOf(runOf({ steps: states.map((state, at) => step(`s${at}`, state)) }));
    expect(of('succeeded', 'skipped')).toBe('succeeded');
    expect(of('succeeded', 'cancelled')).toBe('cancelled');
    expect(of('cancelled', 'failed', 'succeeded')).toBe('failed');
    expect(of('succeeded', 'running')).toBe('open');
    expect(of('failed', 'pending')).toBe('open');
    expect(of('succeeded', 'uploading')).toBe('open');
  });

  it('is what its own row says, whatever its steps say', () => {
    expect(verdictOf(runOf({ state: 'succeeded', steps: [step('a', 'failed'), step('b', 'running')] }))).toBe(
      'succeeded',
    );
  });

  it('ended when its row says, or else with its last step', () => {
    const steps = [
      step('a', 'succeeded', { finishedAt: noon }),
      step('b', 'succeeded', { updatedAt: noon + 5 }),
    ];
    expect(judgeRun(runOf({ steps }))).toMatchObject({ finishedAt: noon + 5 });
    expect(judgeRun(runOf({ steps, finishedAt: noon + 9 }))).toMatchObject({ finishedAt: noon + 9 });
    expect(judgeRun(runOf({ state: 'failed' }))).toMatchObject({ finishedAt: null });
  });
});

describe('an end', () => {
  const ended = (facts: RunFacts) => {
    const judgement = judgeRun(facts);
    if (judgement.kind === 'open') throw new Error('the run is open');
    return completedFacts(facts, judgement.verdict);
  };
  const steps = [step('a', 'succeeded', { finishedAt: noon })];

  it('is the same when the own row follows the steps', () => {
    const first = ended(runOf({ steps }));
    expect(isNewCompletion(first, ended(runOf({ steps, state: 'succeeded', finishedAt: noon + 40 })))).toBe(
      false,
    );
  });

  it('is the same when steps follow the own row', () => {
    const first = ended(runOf({ state: 'succeeded', finishedAt: noon, steps: [step('a', 'running')] }));
    expect(isNewCompletion(first, ended(runOf({ state: 'succeeded', finishedAt: noon, steps })))).toBe(false);
  });

  it('is the same when times are written later than states', () => {
    const first = ended(runOf({ steps: [step('a', 'succeeded')] }));
    expect(isNewCompletion(first, ended(runOf({ steps })))).toBe(false);
    const own = ended(runOf({ state: 'failed' }));
    expect(isNewCompletion(own, ended(runOf({ state: 'failed', finishedAt: noon })))).toBe(false);
  });

  it('is another one when a step ran again, or a new one came', () => {
    const first = ended(runOf({ steps }));
    const again = [step('a', 'succeeded', { finishedAt: noon + minute })];
    expect(isNewCompletion(first, ended(runOf({ steps: again })))).toBe(true);
    expect(isNewCompletion(first, ended(runOf({ steps: [...steps, step('b', 'skipped')] })))).toBe(true);
  });

  it('is another one when the verdict is', () => {
    const first = ended(runOf({ steps }));
    expect(isNewCompletion(first, ended(runOf({ steps, state: 'failed' })))).toBe(true);
  });

  it('is never another one of itself', () => {
    const anyStep = fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      state: fc.constantFrom(...finalStepStates),
      finishedAt: fc.option(fc.integer({ min: 0, max: 9 })),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(anyStep, { selector: ({ name }) => name, minLength: 1 }),
        fc.option(fc.constantFrom(...runRowStates)),
        (anySteps, state) => {
          const facts = runOf({ state, steps: anySteps.map((each) => step(each.name, each.state, each)) });
          expect(isNewCompletion(ended(facts), ended(facts))).toBe(false);
        },
      ),
    );
  });
});

describe('an open run', () => {
  const clocks = { stalledAfterMs: 30 * minute, startWithinMs: null, maxDurationMs: null };
  const judge = (facts: RunFacts, now: number, more = {}) =>
    judgeStall(facts, { ...clocks, ...more }, { firstSeenAt: noon, now });

  it('stands still when nothing moved for stalledAfter, and not a moment earlier', () => {
    const facts = runOf({
      startedAt: noon - minute,
      steps: [step('load', 'running', { startedAt: noon, updatedAt: noon + minute })],
    });
    expect(judge(facts, noon + 31 * minute - 1)).toEqual({ stall: null, dueAt: noon + 31 * minute });
    expect(judge(facts, noon + 31 * minute)).toEqual({
      stall: { reason: 'no progress for 30m, in load', since: noon + minute },
      dueAt: null,
    });
  });

  it('counts from when it was first seen where the tables have no times', () => {
    expect(judge(runOf(), noon + 30 * minute).stall).toMatchObject({ since: noon });
    expect(judge(runOf(), noon + 30 * minute - 1).stall).toBeNull();
  });

  it('that was only announced is judged by startWithin alone', () => {
    const facts = runOf({
      state: 'pending',
      updatedAt: noon,
      steps: [step('a', 'pending', { updatedAt: noon })],
    });
    expect(judge(facts, noon + 1000 * minute)).toEqual({ stall: null, dueAt: null });
    const { stall } = judge(facts, noon + 5 * minute, { startWithinMs: 5 * minute });
    expect(stall?.reason).toBe('announced, but not begun within 5m');
  });

  it('that never ends is judged by maxDuration, however much it moves', () => {
    const facts = runOf({ startedAt: noon, updatedAt: noon + 59 * minute });
    expect(judge(facts, noon + 60 * minute, { maxDurationMs: 60 * minute }).stall?.reason).toBe(
      'not over after 1h',
    );
    expect(judge(facts, noon + 60 * minute - 1, { maxDurationMs: 60 * minute })).toEqual({
      stall: null,
      dueAt: noon + 60 * minute,
    });
  });
});
