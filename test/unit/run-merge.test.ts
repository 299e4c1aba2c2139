// Merging pushed events: late, repeated and mixed up, they tell the same in the end.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runRowStates } from '../../src/domain/run.js';
import { stepEventStates, type RunEvent, type StepEvent } from '../../src/domain/run-event.js';
import { emptyRun, mergeRunEvents } from '../../src/domain/run-merge.js';

const now = 1_000_000;
const step = (state: StepEvent['state'], at: number | null, error: string | null = null): RunEvent => ({
  kind: 'step',
  step: 'a',
  state,
  at,
  error,
});
const run = (state: (typeof runRowStates)[number], at: number | null): RunEvent => ({
  kind: 'run',
  state,
  at,
  name: null,
  workDirectory: null,
});
const after = (...events: RunEvent[]) =>
  events.reduce((known, event, index) => mergeRunEvents(known, [event], now + index).run, emptyRun('r'));

const eventOf = fc.oneof(
  fc.record({
    kind: fc.constant('step' as const),
    step: fc.constantFrom('a', 'b', 'c'),
    state: fc.constantFrom(...stepEventStates),
    error: fc.constantFrom(null, 'broken'),
  }),
  fc.record({
    kind: fc.constant('run' as const),
    state: fc.constantFrom(...runRowStates),
    name: fc.constantFrom(null, 'Nightly'),
    workDirectory: fc.constant(null),
  }),
);

describe('mergeRunEvents', () => {
  it('gives one end state for any order, repetition and division of events with instants of their own', () => {
    const made = fc
      .array(eventOf, { minLength: 1, maxLength: 12 })
      .map((events) => events.map((event, index) => ({ ...event, at: 1000 + index })));
    fc.assert(
      fc.property(
        made.chain((events) =>
          fc.tuple(
            fc.constant(events),
            fc.shuffledSubarray(events, { minLength: events.length }),
            fc.array(fc.constantFrom(...events), { maxLength: 6 }),
          ),
        ),
        ([inOrder, mixed, repeated]) => {
          const expected = mergeRunEvents(emptyRun('r'), inOrder, now).run;
          expect(after(...mixed, ...repeated)).toEqual(expected);
          expect(after(...repeated, ...mixed)).toEqual(expected);
          const half = Math.floor(mixed.length / 2);
          const first = mergeRunEvents(emptyRun('r'), mixed.slice(0, half), now).run;
          expect(mergeRunEvents(first, mixed.slice(half), now).run).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('takes from an older start only when it began', () => {
    expect(after(step('succeeded', 20), step('running', 10)).steps).toEqual([
      { name: 'a', state: 'succeeded', error: null, startedAt: 10, updatedAt: 20, finishedAt: 20 },
    ]);
  });

  it('prefers the more final of one instant', () => {
    for (const events of [
      [step('running', 5), step('failed', 5, 'why')],
      [step('failed', 5, 'why'), step('running', 5)],
    ])
      expect(after(...events).steps).toMatchObject([{ state: 'failed', error: 'why', startedAt: 5 }]);
  });

  it('keeps the first end of a state that is repeated without an instant, and takes the reason if it had none', () => {
    expect(
      after(step('failed', null), step('failed', null, 'why'), step('failed', null)).steps,
    ).toMatchObject([{ state: 'failed', finishedAt: now, error: 'why' }]);
  });

  it('drops the error of an attempt that was repeated', () => {
    expect(after(step('failed', 1, 'why'), step('running', 2)).steps).toMatchObject([
      { state: 'running', error: null, finishedAt: null, startedAt: 2 },
    ]);
  });

  it('opens a run again when a step goes on after its end, and not when one ended or was before', () => {
    const ended = run('succeeded', 10);
    for (const state of ['pending', 'running'] as const)
      expect(after(ended, step(state, 11))).toMatchObject({ state: 'running', finishedAt: null });
    expect(after(ended, step('succeeded', 11))).toMatchObject({ state: 'succeeded', finishedAt: 10 });
    expect(after(ended, step('running', 10))).toMatchObject({ state: 'succeeded', startedAt: 10 });
    expect(after(step('pending', 11), ended)).toMatchObject({ state: 'running', startedAt: null });
  });

  it('tells what has changed, and nothing for a repetition', () => {
    const known = after(run('running', 5), step('succeeded', 10));
    expect(mergeRunEvents(known, [step('succeeded', 10), run('running', 5)], now)).toMatchObject({
      changedSteps: [],
      hasRunChanged: false,
    });
    expect(mergeRunEvents(known, [{ ...step('skipped', 11), step: 'b' } as RunEvent], now)).toMatchObject({
      changedSteps: ['b'],
      hasRunChanged: false,
    });
  });
});
