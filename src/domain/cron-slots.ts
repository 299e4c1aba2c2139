/** When a job is due: the slots of its schedule in its time zone. */
import { isAnyHourOfAnyDay, type CronSchedule } from './cron-expression.js';
import { isWholeHours, offsetAt } from './time-zone.js';

const minuteMs = 60_000;
const quarterMs = 15 * minuteMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Beyond this nothing is looked for: the 29th of February comes within eight years. */
const furthestMs = 9 * 366 * dayMs;

/**
 * The time zone in which the schedule is counted. What runs at all hours of all days does not depend on the zone where that is whole hours
 * away from UTC, and in UTC no hour is left out or comes twice.
 */
export const countingZone = (schedule: CronSchedule, timeZone: string, at: number): string =>
  isAnyHourOfAnyDay(schedule) && isWholeHours(timeZone, at) ? 'UTC' : timeZone;

export interface SlotRange {
  /** Epoch ms; not included. */
  after: number;
  /** Epoch ms; included. */
  until: number;
  limit: number;
}

/**
 * The slots in a range, ascending, epoch ms. A local time that does not exist, as the clock is set forward over it, has no slot; of one
 * that comes twice the first counts, except where the schedule runs at every hour.
 */
export function slotsBetween(schedule: CronSchedule, timeZone: string, range: SlotRange): number[] {
  const zone = countingZone(schedule, timeZone, range.after);
  const isEveryHour = schedule.hours.length === 24;
  const slots: number[] = [];
  // No clock changes inside a quarter of an hour.
  let at = Math.floor(range.after / quarterMs) * quarterMs;
  while (at <= range.until && slots.length < range.limit) {
    const offset = offsetAt(zone, at);
    const local = new Date(at + offset);
    const skipMs = waitMs(schedule, local);
    if (skipMs > 0) {
      at = nextQuarter(at, at + skipMs, zone);
      continue;
    }
    const isSecondTime = !isEveryHour && wasBefore(zone, at, offset);
    if (!isSecondTime) addQuarter(schedule, { at, local, range, slots });
    at += quarterMs;
  }
  return slots;
}

/** How long nothing can be due from a local time on, ms; 0: something may be. */
function waitMs(schedule: CronSchedule, local: Date): number {
  const intoDayMs = local.getUTCHours() * hourMs + local.getUTCMinutes() * minuteMs;
  if (!schedule.months.includes(local.getUTCMonth() + 1)) {
    const nextMonth = Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + 1, 1);
    return nextMonth - local.getTime();
  }
  if (!fitsDay(schedule, local)) return dayMs - intoDayMs;
  if (!schedule.hours.includes(local.getUTCHours())) return hourMs - local.getUTCMinutes() * minuteMs;
  return 0;
}

function fitsDay({ daysOfMonth, daysOfWeek, isEitherDay }: CronSchedule, local: Date): boolean {
  const fitsMonth = daysOfMonth.includes(local.getUTCDate());
  const fitsWeek = daysOfWeek.includes(local.getUTCDay());
  return isEitherDay ? fitsMonth || fitsWeek : fitsMonth && fitsWeek;
}

/** Where the clock is changed on the way, the quarter that was aimed at lies elsewhere: it is gone to carefully. */
function nextQuarter(from: number, aim: number, zone: string): number {
  const changed = offsetAt(zone, aim) - offsetAt(zone, from);
  const at = changed === 0 ? aim : aim - Math.max(hourMs, Math.abs(changed));
  return Math.max(from + quarterMs, Math.floor(at / quarterMs) * quarterMs);
}

/** Whether the same local time was there before, as the clock was set back in between. */
function wasBefore(zone: string, at: number, offset: number): boolean {
  const earlier = offsetAt(zone, at - 3 * hourMs);
  const backMs = earlier - offset;
  // The hours that are repeated are those right after the change.
  return backMs > 0 && offsetAt(zone, at - backMs) === earlier;
}

function addQuarter(
  schedule: CronSchedule,
  { at, local, range, slots }: { at: number; local: Date; range: SlotRange; slots: number[] },
): void {
  const first = local.getUTCMinutes();
  for (const minute of schedule.minutes) {
    if (minute < first || minute >= first + 15) continue;
    for (const second of schedule.seconds) {
      const slot = at + (minute - first) * minuteMs + second * 1000;
      if (slot > range.after && slot <= range.until && slots.length < range.limit) slots.push(slot);
    }
  }
}

/** The next slots after an instant; fewer than `count` when none come within nine years. */
export function nextSlots(schedule: CronSchedule, timeZone: string, after: number, count: number): number[] {
  return slotsBetween(schedule, timeZone, { after, until: after + furthestMs, limit: count });
}
