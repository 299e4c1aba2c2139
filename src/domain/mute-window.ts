/** Recurring times of the day in a time zone, by the clock on the wall: a change to summer time moves them with it. */
import type { MuteWindow } from './alert-policy.js';

const minuteMs = 60_000;
const dayMinutes = 1440;

interface WallClock {
  /** Minute of the local day. */
  minute: number;
  /** 0 is Sunday. */
  day: number;
}

const dayNames = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** Making a formatter takes a thousand times as long as using it. */
const formatters: Record<string, Intl.DateTimeFormat> = {};

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const options = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  try {
    return (formatters[timeZone] ??= new Intl.DateTimeFormat('en-GB', { ...options, timeZone }));
  } catch {
    // A zone that this machine does not know (the configuration's check did): better UTC than no alerts at all.
    return (formatters[timeZone] ??= new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' }));
  }
}

function wallClock(at: number, timeZone: string): WallClock {
  const parts = formatterOf(timeZone).formatToParts(at);
  const part = (type: string): string => parts.find((each) => each.type === type)?.value ?? '';
  return {
    minute: Number(part('hour')) * 60 + Number(part('minute')),
    day: dayNames.indexOf(part('weekday')),
  };
}

/** True when `now` is inside an occurrence; a window belongs to the day on which it begins. */
export function isInWindow(window: MuteWindow, now: number): boolean {
  const { fromMinute, toMinute, days } = window;
  const { minute, day } = wallClock(now, window.timeZone);
  const beginsOn = (weekday: number): boolean => days === null || days.includes(weekday);
  if (fromMinute < toMinute) return minute >= fromMinute && minute < toMinute && beginsOn(day);
  return (minute >= fromMinute && beginsOn(day)) || (minute < toMinute && beginsOn((day + 6) % 7));
}

/**
 * When the occurrence that `now` is in ends, epoch ms; null outside. Of a window without a gap (`from` equals `to`) it is
 * the end of the day's part: whoever waits for it asks again then.
 */
export function windowEnd(window: MuteWindow, now: number): number | null {
  if (!isInWindow(window, now)) return null;
  const { minute } = wallClock(now, window.timeZone);
  const restMinutes = (window.toMinute - minute + dayMinutes) % dayMinutes || dayMinutes;
  const thisMinute = now - (now % minuteMs);
  const expected = thisMinute + restMinutes * minuteMs;
  if (wallClock(expected, window.timeZone).minute === window.toMinute) return expected;
  // The clock is changed before the end: by up to three hours, to be safe (Lord Howe: half an hour).
  const latest = expected + 180 * minuteMs;
  let at = Math.max(thisMinute + minuteMs, expected - 180 * minuteMs);
  while (at < latest && isInWindow(window, at)) at += minuteMs;
  return at;
}
