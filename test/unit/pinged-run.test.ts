/** Runs of jobs that run elsewhere, put together from their pings. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsOf } from '../../src/domain/pinged-run.js';
import type { Ping } from '../../src/domain/push.js';
import { minute, noon, ping } from '../support/job-pings.js';

/** `started-ended` in minutes after noon, `?` for what nobody told. */
const told = (pings: Ping[], slotOf?: (at: number) => number): string[] => {
  const minutes = (at: number | null): string => (at === null ? '?' : String((at - noon) / minute));
  return runsOf(pings, slotOf).map(
    ({ startedAt, endedAt, hasFailed }) =>
      `${minutes(startedAt)}-${minutes(endedAt)}${hasFailed ? ' failed' : ''}`,
  );
};

const hourly = (at: number): number => Math.floor((at - noon) / (60 * minute));

describe('the runs of pings', () => {
  it('are the same in whatever order the pings are read', () => {
    const kinds = fc.constantFrom('start', 'success', 'fail', 'log') as fc.Arbitrary<Ping['kind']>;
    const rids = fc.constantFrom('a', 'b', null);
    const bodies = fc.constantFrom('', 'x', 'y');
    // Minutes are few, so that several come at one instant.
    const minutes = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(
        fc.array(fc.record({ kind: kinds, rid: rids, minutes, body: bodies }), { maxLength: 20 }),
        fc.array(fc.nat()),
        (given, order) => {
          const pings = given.map(({ kind, rid, minutes: at, body }) => ping(kind, at, { rid, body }));
          const shuffled = pings
            .map((one, index) => ({ one, key: order[index] ?? index }))
            .toSorted((x, y) => x.key - y.key)
            .map(({ one }) => one);
          expect(runsOf(shuffled, hourly)).toEqual(runsOf(pings, hourly));
        },
      ),
    );
  });

  it('are not doubled by a ping that is sent again as its answer was lost', () => {
    expect(told([ping('start', 1), ping('start', 1.2), ping('success', 5), ping('success', 5.5)])).toEqual([
      '1-5',
    ]);
    expect(told([ping('fail', 5), ping('fail', 6)])).toEqual(['?-5 failed']);
    const rid = 'a';
    const again = [ping('start', 1, { rid }), ping('success', 2, { rid }), ping('success', 3, { rid })];
    expect(told(again)).toEqual(['1-2']);
  });

  it('are two when the same is told in two slots, or with another end', () => {
    expect(told([ping('success', 59.5), ping('success', 60.5)], hourly)).toEqual(['?-59.5', '?-60.5']);
    expect(told([ping('fail', 5), ping('success', 6)], hourly)).toEqual(['?-5 failed', '?-6']);
    const rid = 'nightly';
    const daily = [ping('start', 1, { rid }), ping('success', 2, { rid }), ping('start', 61, { rid })];
    expect(told(daily, hourly)).toEqual(['1-2', '61-?']);
  });

  it('that overlap are told apart by their ids', () => {
    const a = { rid: 'a' };
    const b = { rid: 'b' };
    expect(
      told([ping('start', 1, a), ping('start', 2, b), ping('fail', 3, b), ping('success', 4, a)]),
    ).toEqual(['1-4', '2-3 failed']);
  });

  it('are given up when the job starts again, unless the end comes with their id', () => {
    const [first, second] = runsOf([ping('start', 1), ping('start', 10), ping('success', 12)]);
    expect(first).toMatchObject({ endedAt: null, givenUpAt: noon + 10 * minute });
    expect(second).toMatchObject({ startedAt: noon + 10 * minute, endedAt: noon + 12 * minute });
  });

  it('are told to start though the end overtakes the start', () => {
    const rid = 'a';
    expect(told([ping('success', 2, { rid }), ping('start', 2.01, { rid })])).toEqual(['?-2']);
  });

  it('have the words that overtook their start', () => {
    const rid = 'a';
    const [run] = runsOf([
      ping('log', 0.9, { rid, body: 'begins' }),
      ping('start', 1, { rid }),
      ping('success', 2, { rid, body: 'over' }),
    ]);
    expect(run).toMatchObject({ output: 'begins\nover', lastWords: 'over' });
    expect(runsOf([ping('log', 1, { body: 'nobody' })])).toEqual([]);
  });
});
