/** Quiet hours by the clock on the wall, also in the nights in which it is changed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MuteWindow } from '../../src/domain/alert-policy.js';
import { isInWindow, windowEnd } from '../../src/domain/mute-window.js';

const minuteMs = 60_000;
const at = (text: string): number => Date.parse(text);

function windowOf(between: string, more: Partial<MuteWindow> = {}): MuteWindow {
  const [from = 0, to = 0] = between.split('-').map((clock) => {
    const [hours = 0, minutes = 0] = clock.split(':').map(Number);
    return hours * 60 + minutes;
  });
  return {
    match: {},
    fromMinute: from,
    toMinute: to,
    days: null,
    timeZone: 'Europe/Oslo',
    below: null,
    ...more,
  };
}

const night = windowOf('22:00-07:00');

/** The end as ISO text; null outside. */
const endOf = (window: MuteWindow, now: string): string | null => {
  const end = windowEnd(window, at(now));
  return end === null ? null : new Date(end).toISOString();
};

describe('a window', () => {
  it('holds from its first minute to the one before its last', () => {
    const lunch = windowOf('11:30-12:30');
    expect(isInWindow(lunch, at('2026-01-15T11:29:59+01:00'))).toBe(false);
    expect(isInWindow(lunch, at('2026-01-15T11:30:00+01:00'))).toBe(true);
    expect(isInWindow(lunch, at('2026-01-15T12:29:59+01:00'))).toBe(true);
    expect(isInWindow(lunch, at('2026-01-15T12:30:00+01:00'))).toBe(false);
  });

  it('goes over midnight', () => {
    expect(endOf(night, '2026-01-15T23:10:30+01:00')).toBe('2026-01-16T06:00:00.000Z');
    expect(endOf(night, '2026-01-16T06:59:59+01:00')).toBe('2026-01-16T06:00:00.000Z');
    expect(endOf(night, '2026-01-16T07:00:00+01:00')).toBeNull();
  });

  it('belongs to the day on which it begins', () => {
    const saturday = windowOf('22:00-07:00', { days: [6] });
    expect(isInWindow(saturday, at('2026-01-17T23:00:00+01:00'))).toBe(true);
    expect(isInWindow(saturday, at('2026-01-18T05:00:00+01:00'))).toBe(true);
    expect(isInWindow(saturday, at('2026-01-17T05:00:00+01:00'))).toBe(false);
    expect(isInWindow(saturday, at('2026-01-18T23:00:00+01:00'))).toBe(false);
  });

  it('without a gap holds the whole day, and ends with the part of the day', () => {
    const always = windowOf('08:00-08:00');
    expect(endOf(always, '2026-01-15T08:00:00+01:00')).toBe('2026-01-16T07:00:00.000Z');
    const sunday = windowOf('00:00-00:00', { days: [0] });
    expect(isInWindow(sunday, at('2026-01-18T23:59:00+01:00'))).toBe(true);
    expect(isInWindow(sunday, at('2026-01-19T00:00:00+01:00'))).toBe(false);
  });

  it('ends by the new clock when summer time begins in it', () => {
    // 29 March 2026, 02:00 becomes 03:00 in Oslo: the night has an hour less.
    expect(endOf(night, '2026-03-28T23:00:00+01:00')).toBe('2026-03-29T05:00:00.000Z');
    // An end that the clock skips is the moment of the change.
    expect(endOf(windowOf('01:00-02:30'), '2026-03-29T01:30:00+01:00')).toBe('2026-03-29T01:00:00.000Z');
    // A window that the clock skips does not happen.
    const skipped = windowOf('02:10-02:50');
    for (let minute = 0; minute < 180; minute += 1)
      expect(isInWindow(skipped, at('2026-03-29T00:00:00Z') + minute * minuteMs)).toBe(false);
  });

  it('ends by the new clock when summer time ends in it', () => {
    // 25 October 2026, 03:00 becomes 02:00 in Oslo: the night has an hour more.
    expect(endOf(night, '2026-10-24T23:00:00+02:00')).toBe('2026-10-25T06:00:00.000Z');
    // The hour that comes twice: in the window both times.
    const twice = windowOf('02:00-02:30');
    expect(endOf(twice, '2026-10-25T02:10:00+02:00')).toBe('2026-10-25T00:30:00.000Z');
    expect(endOf(twice, '2026-10-25T02:10:00+01:00')).toBe('2026-10-25T01:30:00.000Z');
    // From before the change to the second 02:30.
    expect(isInWindow(windowOf('01:00-02:30'), at('2026-10-25T02:45:00+02:00'))).toBe(false);
  });

  it('in a zone that nobody knows is taken as UTC', () => {
    expect(
      isInWindow(windowOf('10:00-11:00', { timeZone: 'Mars/Olympus' }), at('2026-01-15T10:30:00Z')),
    ).toBe(true);
  });

  it('always ends later than now, in the first minute that is outside or begins it anew', () => {
    const zones = ['Europe/Oslo', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'UTC'];
    const minute = fc.nat(1439);
    const some = fc.record({
      fromMinute: minute,
      toMinute: minute,
      days: fc.option(fc.subarray([0, 1, 2, 3, 4, 5, 6], { minLength: 1 })),
      timeZone: fc.constantFrom(...zones),
    });
    // Around the changes of the clock, where it is difficult.
    const near = fc.constantFrom(
      '2026-03-29T01:00:00Z',
      '2026-10-25T01:00:00Z',
      '2026-03-08T07:00:00Z',
      '2026-04-04T15:00:00Z',
    );
    const moment = fc.record({
      near,
      offsetMinutes: fc.integer({ min: -1500, max: 1500 }),
      ms: fc.nat(59_999),
    });
    fc.assert(
      fc.property(some, moment, (changes, { near: change, offsetMinutes, ms }) => {
        const window = windowOf('00:00-00:00', changes);
        const now = at(change) + offsetMinutes * minuteMs + ms;
        const end = windowEnd(window, now);
        expect(end === null).toBe(!isInWindow(window, now));
        if (end === null) return;
        expect(end).toBeGreaterThan(now);
        expect(end - now).toBeLessThanOrEqual(26 * 60 * minuteMs);
        expect(isInWindow(window, end - minuteMs)).toBe(true);
        if (window.days === null && window.fromMinute !== window.toMinute)
          for (let time = now; time < end; time += 7 * minuteMs) expect(isInWindow(window, time)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
