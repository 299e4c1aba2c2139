/** Schedules of jobs: what is understood, what it becomes in Temporal, and when it is due. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calendarsOf, parseSchedule, type CronSchedule } from '../../src/domain/cron-expression.js';
import { countingZone, nextSlots, slotsBetween } from '../../src/domain/cron-slots.js';
import { describeSchedule } from '../../src/domain/cron-words.js';

const scheduleOf = (text: string): CronSchedule => {
  const read = parseSchedule(text);
  if (!read.ok) throw new Error(read.problem);
  return read.value;
};

const problemOf = (text: string): string => {
  const read = parseSchedule(text);
  return read.ok ? 'none' : read.problem;
};

const at = (text: string): number => Date.parse(text);
const iso = (slots: readonly number[]): string[] =>
  slots.map((slot) => new Date(slot).toISOString().replace(':00.000Z', 'Z'));

const between = (text: string, timeZone: string, after: string, until: string): string[] =>
  iso(slotsBetween(scheduleOf(text), timeZone, { after: at(after), until: at(until), limit: 1000 }));

describe('a schedule', () => {
  it('takes names, lists, ranges and steps, in any case', () => {
    const { minutes, hours, months, daysOfWeek } = scheduleOf('5,10-20/5,55 */6 ? JAN,mar-May Mon-fri');
    expect({ minutes, hours, months, daysOfWeek }).toEqual({
      minutes: [5, 10, 15, 20, 55],
      hours: [0, 6, 12, 18],
      months: [1, 3, 4, 5],
      daysOfWeek: [1, 2, 3, 4, 5],
    });
  });

  it('takes 7 for Sunday, seconds in front, and macros', () => {
    expect(scheduleOf('0 0 * * 7').daysOfWeek).toEqual([0]);
    expect(scheduleOf('0 0 * * 5-7').daysOfWeek).toEqual([0, 5, 6]);
    expect(scheduleOf('*/20 * * * * *').seconds).toEqual([0, 20, 40]);
    expect(scheduleOf('@Weekly')).toEqual(scheduleOf('0 0 * * 0'));
  });

  it.each([
    ['', /has no fields.*for example "0 2 \* \* \*"/],
    ['* * * *', /has 4 fields/],
    ['60 * * * *', /minute "60" is not understood; it takes 0 to 59.*for example/],
    ['* 24 * * *', /hour "24"/],
    ['* * 0 * *', /day of month "0"/],
    ['* * * 13 *', /month "13"/],
    ['* * * * 8', /day of week "8"/],
    ['*/0 * * * *', /minute/],
    ['20-10 * * * *', /minute "20-10"/],
    ['1,,2 * * * *', /minute "1,,2"/],
    ['@reboot', /is no time/],
    ['@never', /"@never" is not known; one of @yearly/],
    ['61 * * * * *', /second "61"/],
    [`${'1,'.repeat(300)}1 * * * *`, /longer than/],
  ])('refuses %j and names the field', (text, problem) => {
    expect(problemOf(text)).toMatch(problem);
  });

  it('means either day when both are restricted, and both when one begins with a star', () => {
    expect(between('0 0 13 * fri', 'UTC', '2026-11-01T00:01Z', '2026-11-14T00:00Z')).toEqual([
      '2026-11-06T00:00Z',
      '2026-11-13T00:00Z',
    ]);
    expect(between('0 0 13 * 1', 'UTC', '2026-11-08T00:01Z', '2026-11-16T00:00Z')).toEqual([
      '2026-11-09T00:00Z',
      '2026-11-13T00:00Z',
      '2026-11-16T00:00Z',
    ]);
    expect(between('0 0 */2 * 1', 'UTC', '2026-11-01T00:01Z', '2026-11-30T00:00Z')).toEqual([
      '2026-11-09T00:00Z',
      '2026-11-23T00:00Z',
    ]);
  });

  it('becomes calendars of Temporal, two where either day fits', () => {
    expect(calendarsOf(scheduleOf('0,15,30,45 2 1 * *'))).toEqual([
      {
        second: [{ start: 0, end: 0, step: 1 }],
        minute: [{ start: 0, end: 45, step: 15 }],
        hour: [{ start: 2, end: 2, step: 1 }],
        dayOfMonth: [{ start: 1, end: 1, step: 1 }],
        month: [{ start: 1, end: 12, step: 1 }],
        dayOfWeek: [{ start: 0, end: 6, step: 1 }],
      },
    ]);
    expect(calendarsOf(scheduleOf('0 0 13 * fri'))).toHaveLength(2);
  });

  it('says the same by its calendars, whatever it holds', () => {
    const field = (from: number, to: number) =>
      fc.uniqueArray(fc.integer({ min: from, max: to }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(field(0, 59), field(0, 23), (minutes, hours) => {
        const [calendar] = calendarsOf(scheduleOf(`${minutes.join(',')} ${hours.join(',')} * * *`));
        const unrolled = (ranges: { start: number; end: number; step: number }[]): number[] =>
          ranges.flatMap(({ start, end, step }) =>
            Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, index) => start + index * step),
          );
        expect(unrolled(calendar?.minute ?? [])).toEqual([...minutes].sort((a, b) => a - b));
        expect(unrolled(calendar?.hour ?? [])).toEqual([...hours].sort((a, b) => a - b));
      }),
    );
  });
});

describe('the slots of a schedule', () => {
  it('leave out the first instant and take the last', () => {
    expect(between('*/5 * * * *', 'UTC', '2026-11-01T00:05Z', '2026-11-01T00:15Z')).toEqual([
      '2026-11-01T00:10Z',
      '2026-11-01T00:15Z',
    ]);
  });

  it('have none for a local time that is left out in spring', () => {
    expect(between('30 2 * * *', 'Europe/Oslo', '2027-03-27T00:00Z', '2027-03-30T00:00Z')).toEqual([
      '2027-03-27T01:30Z',
      '2027-03-29T00:30Z',
    ]);
  });

  it('have one for a local time that comes twice in autumn', () => {
    expect(between('30 2 * * *', 'Europe/Oslo', '2026-10-24T00:00Z', '2026-10-26T23:00Z')).toEqual([
      '2026-10-24T00:30Z',
      '2026-10-25T00:30Z',
      '2026-10-26T01:30Z',
    ]);
  });

  it('go on evenly through both changes when they are due at every hour', () => {
    const spring = between('*/30 * * * *', 'America/New_York', '2027-03-14T06:00Z', '2027-03-14T08:00Z');
    expect(spring).toEqual([
      '2027-03-14T06:30Z',
      '2027-03-14T07:00Z',
      '2027-03-14T07:30Z',
      '2027-03-14T08:00Z',
    ]);
    const autumn = between('0 * * * *', 'Europe/Oslo', '2026-10-24T23:00Z', '2026-10-25T03:00Z');
    expect(autumn).toEqual([
      '2026-10-25T00:00Z',
      '2026-10-25T01:00Z',
      '2026-10-25T02:00Z',
      '2026-10-25T03:00Z',
    ]);
    expect(countingZone(scheduleOf('0 * * * *'), 'Europe/Oslo', at('2026-10-25'))).toBe('UTC');
    expect(countingZone(scheduleOf('0 * * * *'), 'Asia/Kolkata', at('2026-10-25'))).toBe('Asia/Kolkata');
    expect(countingZone(scheduleOf('0 2 * * *'), 'Europe/Oslo', at('2026-10-25'))).toBe('Europe/Oslo');
  });

  it('keep local time where a zone is half an hour off', () => {
    expect(between('0 9 * * *', 'Asia/Kolkata', '2026-11-01T00:00Z', '2026-11-02T00:00Z')).toEqual([
      '2026-11-01T03:30Z',
    ]);
  });

  it('are found years ahead, and never where there are none', () => {
    const leap = nextSlots(scheduleOf('0 0 29 2 *'), 'UTC', at('2026-11-01'), 2);
    expect(iso(leap)).toEqual(['2028-02-29T00:00Z', '2032-02-29T00:00Z']);
    expect(nextSlots(scheduleOf('0 0 31 2 *'), 'UTC', at('2026-11-01'), 1)).toEqual([]);
  });

  it('are the same looked at in one piece or in many', () => {
    const zones = ['Europe/Oslo', 'America/New_York', 'Australia/Lord_Howe', 'UTC'] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom('*/7 1-4 * * *', '30 2 * * *', '0 */3 1,25 * sun', '59 23 * 3,10 *'),
        fc.integer({ min: 0, max: 400 }),
        fc.integer({ min: 1, max: 50 }),
        (zone, text, day, pieceHours) => {
          const schedule = scheduleOf(text);
          const from = at('2026-03-01') + day * 86_400_000;
          const until = from + 4 * 86_400_000;
          const whole = slotsBetween(schedule, zone, { after: from, until, limit: 10_000 });
          const pieces: number[] = [];
          for (let after = from; after < until; after += pieceHours * 3_600_000)
            pieces.push(
              ...slotsBetween(schedule, zone, {
                after,
                until: Math.min(until, after + pieceHours * 3_600_000),
                limit: 10_000,
              }),
            );
          expect(pieces).toEqual(whole);
        },
      ),
    );
  });
});

describe('a schedule in words', () => {
  it.each([
    ['0 2 * * *', 'at 02:00'],
    ['*/15 * * * *', 'every 15 minutes'],
    ['* * * * *', 'every minute'],
    ['0 * * * *', 'at minute 0 of the hour'],
    ['30 9 * * 1-5', 'at 09:30 on Monday to Friday'],
    ['0 9,17 * * *', 'at 09:00 and 17:00'],
    ['0 0 1 1 *', 'at 00:00 on day 1 of the month in January'],
    ['0 0 13 * fri', 'at 00:00 on day 13 of the month, or on Friday'],
    ['*/10 * * * * *', 'every 10 seconds'],
    ['*/15 8-18 * * 1-5', 'every 15 minutes in the hours 08 to 18 on Monday to Friday'],
  ])('says %s as %s', (text, words) => {
    expect(describeSchedule(scheduleOf(text))).toBe(words);
  });
});
