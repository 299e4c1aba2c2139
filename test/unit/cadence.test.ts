/** Ticks lie on a grid; the ones that did not happen are counted, those of a pause are not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  changeCadences,
  nextWakeAt,
  skipTo,
  startCadences,
  takeDue,
  type Cadence,
} from '../../src/domain/cadence.js';
import { hour, startAt } from '../support/heartbeat-facts.js';

const seconds = (count: number): number => count * 1000;
const every = (...intervals: number[]): Cadence[] => startCadences(intervals.map(seconds), startAt);
/** Seconds after the start of a grid. */
const at = (count: number): number => startAt + seconds(count);

describe('startCadences', () => {
  it('begins every interval now, each once, the shortest first', () => {
    expect(every(300, 30, 300)).toEqual([
      { everyMs: seconds(30), nextAt: startAt },
      { everyMs: seconds(300), nextAt: startAt },
    ]);
    expect(nextWakeAt(every(300, 30))).toBe(startAt);
    expect(nextWakeAt([])).toBeNull();
  });
});

describe('takeDue', () => {
  it('takes what is due and goes on to the next instant of the grid, however late within the interval', () => {
    for (const late of [0, 1, 29.999]) {
      const due = takeDue(every(30), at(late));
      expect(due).toEqual({
        dueMs: [seconds(30)],
        scheduledAt: startAt,
        missed: 0,
        cadences: [{ everyMs: seconds(30), nextAt: at(30) }],
      });
    }
  });

  it('takes nothing before its time', () => {
    const cadences = takeDue(every(30), startAt).cadences;
    expect(takeDue(cadences, at(29))).toEqual({ dueMs: [], scheduledAt: at(29), missed: 0, cadences });
  });

  it('counts as missed the ticks whose whole interval has passed, and does the one of now', () => {
    const due = takeDue(every(30), at(100));
    // 0, 30 and 60 are over; this is the tick of 90, ten seconds late.
    expect(due.missed).toBe(3);
    expect(due.scheduledAt).toBe(at(90));
    expect(due.cadences[0]?.nextAt).toBe(at(120));
  });

  it('counts an outage on the shortest interval alone', () => {
    const { dueMs, missed, scheduledAt } = takeDue(every(30, 300), at(65));
    expect(dueMs).toEqual([seconds(30), seconds(300)]);
    expect([missed, scheduledAt]).toEqual([2, at(60)]);
  });

  it('takes longer intervals when it is their turn', () => {
    let cadences = every(30, 90);
    const taken: number[][] = [];
    for (let tick = 0; tick <= 6; tick += 1) {
      const due = takeDue(cadences, at(tick * 30));
      taken.push(due.dueMs.map((everyMs) => everyMs / 1000));
      cadences = due.cadences;
    }
    expect(taken).toEqual([[30, 90], [30], [30], [30, 90], [30], [30], [30, 90]]);
  });

  it('misses nothing and does nothing twice on the grid: ticks done and missed add up to the time that passed', () => {
    const delays = fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 50 });
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 60 }), delays, (interval, waits) => {
        let cadences = every(interval);
        let [now, done, missed] = [startAt, 0, 0];
        const slots: number[] = [];
        for (const wait of waits) {
          now += wait;
          const due = takeDue(cadences, now);
          cadences = due.cadences;
          missed += due.missed;
          if (due.dueMs.length === 0) continue;
          done += 1;
          slots.push(due.scheduledAt);
          expect(now - due.scheduledAt).toBeGreaterThanOrEqual(0);
          expect(now - due.scheduledAt).toBeLessThan(seconds(interval));
          expect((due.scheduledAt - startAt) % seconds(interval)).toBe(0);
        }
        expect(slots).toEqual([...new Set(slots)]);
        if (done > 0) expect(done + missed).toBe((slots.at(-1)! - startAt) / seconds(interval) + 1);
      }),
    );
  });

  it('goes on at once after a clock that was set forward by an hour, and says how much of the grid that skipped', () => {
    const cadences = takeDue(every(30), startAt).cadences;
    const due = takeDue(cadences, at(30) + hour);
    expect(due).toMatchObject({ dueMs: [seconds(30)], missed: 120, scheduledAt: at(30) + hour });
  });

  it('does not stand still for an hour after a clock that was set back by one, and misses nothing by it', () => {
    const cadences = takeDue(every(30, 300), startAt).cadences;
    const due = takeDue(cadences, at(20) - hour);
    expect(due).toMatchObject({ dueMs: [seconds(30), seconds(300)], missed: 0, scheduledAt: at(20) - hour });
    expect(due.cadences.map(({ nextAt }) => nextAt)).toEqual([at(50) - hour, at(320) - hour]);
  });
});

describe('a pause', () => {
  it('is not missed: the first tick after it begins a new grid', () => {
    const cadences = skipTo(takeDue(every(30, 300), startAt).cadences, at(1000));
    expect(cadences.map(({ nextAt }) => nextAt)).toEqual([at(1000), at(1000)]);
    expect(takeDue(cadences, at(1000)).missed).toBe(0);
  });

  it('that ends before the next tick leaves the grid as it was', () => {
    const cadences = takeDue(every(30), startAt).cadences;
    expect(skipTo(cadences, at(10))).toEqual(cadences);
  });
});

describe('changed intervals', () => {
  it('leave the grid of those that stay, begin new ones now, and end the others', () => {
    const cadences = takeDue(every(30, 300), startAt).cadences;
    expect(changeCadences(cadences, [seconds(10), seconds(300)], at(17))).toEqual([
      { everyMs: seconds(10), nextAt: at(17) },
      { everyMs: seconds(300), nextAt: at(300) },
    ]);
  });

  it('do not miss ticks by the change itself', () => {
    const cadences = changeCadences(takeDue(every(300), startAt).cadences, [seconds(5)], at(200));
    expect(takeDue(cadences, at(200))).toMatchObject({ missed: 0, scheduledAt: at(200) });
  });
});
