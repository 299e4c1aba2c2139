/** Schedules of jobs as people write them: five fields, six with seconds first, or a macro. */

/** What a field allows, ascending. */
type Allowed = readonly number[];

export interface CronSchedule {
  seconds: Allowed;
  minutes: Allowed;
  hours: Allowed;
  daysOfMonth: Allowed;
  months: Allowed;
  /** 0 is Sunday. */
  daysOfWeek: Allowed;
  /** Both days are restricted: a day fits when either does, as cron has always had it. */
  isEitherDay: boolean;
}

export type ScheduleReading = { ok: true; value: CronSchedule } | { ok: false; problem: string };

interface Field {
  name: string;
  from: number;
  to: number;
  example: string;
  names?: readonly string[];
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const fields: readonly Field[] = [
  { name: 'second', from: 0, to: 59, example: '0' },
  { name: 'minute', from: 0, to: 59, example: '*/15' },
  { name: 'hour', from: 0, to: 23, example: '8-18' },
  { name: 'day of month', from: 1, to: 31, example: '1,15' },
  { name: 'month', from: 1, to: 12, example: '1-6', names: monthNames },
  // 7 is Sunday, too.
  { name: 'day of week', from: 0, to: 7, example: 'mon-fri', names: dayNames },
];

const macros: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const longestExpression = 500;

/** The problem names the field and shows a valid example. */
export function parseSchedule(text: string): ScheduleReading {
  const trimmed = text.trim();
  if (trimmed.length > longestExpression)
    return { ok: false, problem: `is longer than ${longestExpression} characters` };
  if (trimmed.startsWith('@')) return parseMacro(trimmed.toLowerCase());
  const parts = trimmed.split(/\s+/);
  if (trimmed === '' || (parts.length !== 5 && parts.length !== 6))
    return {
      ok: false,
      problem: `has ${trimmed === '' ? 'no' : parts.length} field${parts.length === 1 && trimmed !== '' ? '' : 's'}; a schedule has five (minute, hour, day of month, month, day of week), or six with seconds first; for example "0 2 * * *"`,
    };
  const texts = parts.length === 5 ? ['0', ...parts] : parts;
  const allowed: number[][] = [];
  for (const [index, field] of fields.entries()) {
    const read = parseField(texts[index] ?? '', field);
    if (typeof read === 'string') return { ok: false, problem: read };
    allowed.push(read);
  }
  const [seconds = [], minutes = [], hours = [], daysOfMonth = [], months = [], week = []] = allowed;
  const isFree = (index: number): boolean => /^[*?]/.test(texts[index] ?? '');
  const daysOfWeek = [...new Set(week.map((day) => day % 7))].sort((a, b) => a - b);
  return {
    ok: true,
    value: {
      seconds,
      minutes,
      hours,
      daysOfMonth,
      months,
      daysOfWeek,
      isEitherDay: !isFree(3) && !isFree(5),
    },
  };
}

function parseMacro(text: string): ScheduleReading {
  const meaning = macros[text];
  if (meaning !== undefined) return parseSchedule(meaning);
  if (text === '@reboot')
    return {
      ok: false,
      problem:
        '"@reboot" is no time: what has to run when the machine starts belongs to its init system; for example "@daily"',
    };
  return {
    ok: false,
    problem: `"${text.slice(0, 40)}" is not known; one of ${Object.keys(macros).join(', ')}`,
  };
}

/** What the field allows, ascending, or what is wrong with it. */
function parseField(text: string, field: Field): number[] | string {
  const allowed = new Set<number>();
  for (const part of text.split(',')) {
    const range = parseRange(part, field);
    if (range === null)
      return `${field.name} "${text.slice(0, 60)}" is not understood; it takes ${field.from} to ${field.to}${
        field.names === undefined ? '' : ' or names'
      }, lists, ranges and steps; for example "${field.example}"`;
    for (let value = range.from; value <= range.to; value += range.step) allowed.add(value);
  }
  return [...allowed].sort((a, b) => a - b);
}

interface Range {
  from: number;
  to: number;
  step: number;
}

function parseRange(text: string, field: Field): Range | null {
  const match = /^(\*|\?|[a-z0-9]+)(?:-([a-z0-9]+))?(?:\/(\d+))?$/i.exec(text);
  if (match === null) return null;
  const [, first = '', last, stepText] = match;
  const step = stepText === undefined ? 1 : Number(stepText);
  if (step < 1 || step > field.to) return null;
  if (first === '*' || first === '?') {
    if (last !== undefined) return null;
    return { from: field.from, to: field.names === dayNames ? 6 : field.to, step };
  }
  const from = valueOf(first, field);
  if (from === null) return null;
  // `5/10` means from 5 on.
  const open = stepText === undefined ? from : field.names === dayNames ? 6 : field.to;
  const to = last === undefined ? open : valueOf(last, field);
  return to === null || to < from ? null : { from, to, step };
}

function valueOf(text: string, { from, to, names }: Field): number | null {
  if (/^\d{1,2}$/.test(text)) {
    const value = Number(text);
    return value >= from && value <= to ? value : null;
  }
  const index = names?.indexOf(text.toLowerCase()) ?? -1;
  return index < 0 ? null : index + from;
}

/** A range of Temporal's calendars, both ends included. */
export interface CalendarRange {
  start: number;
  end: number;
  step: number;
}

/** A calendar as Temporal's schedules have it: an instant fits when all of its parts do. */
export interface ScheduleCalendar {
  second: CalendarRange[];
  minute: CalendarRange[];
  hour: CalendarRange[];
  dayOfMonth: CalendarRange[];
  /** 1 is January. */
  month: CalendarRange[];
  /** 0 is Sunday. */
  dayOfWeek: CalendarRange[];
}

const allDaysOfMonth = Array.from({ length: 31 }, (_, index) => index + 1);
const allDaysOfWeek = [0, 1, 2, 3, 4, 5, 6];

/** One calendar, or two when either day may fit. */
export function calendarsOf(schedule: CronSchedule): ScheduleCalendar[] {
  const { daysOfMonth, daysOfWeek, isEitherDay } = schedule;
  const calendar = (monthDays: Allowed, weekDays: Allowed): ScheduleCalendar => ({
    second: rangesOf(schedule.seconds),
    minute: rangesOf(schedule.minutes),
    hour: rangesOf(schedule.hours),
    dayOfMonth: rangesOf(monthDays),
    month: rangesOf(schedule.months),
    dayOfWeek: rangesOf(weekDays),
  });
  return isEitherDay
    ? [calendar(daysOfMonth, allDaysOfWeek), calendar(allDaysOfMonth, daysOfWeek)]
    : [calendar(daysOfMonth, daysOfWeek)];
}

/** The fewest ranges of equal steps, from the left. */
function rangesOf(values: Allowed): CalendarRange[] {
  const ranges: CalendarRange[] = [];
  for (let index = 0; index < values.length;) {
    const start = values[index] ?? 0;
    const step = (values[index + 1] ?? start) - start;
    let last = index;
    while (step > 0 && (values[last + 1] ?? -1) - (values[last] ?? 0) === step) last += 1;
    // Two values are a range only when they follow each other.
    if (last === index + 1 && step > 1) last = index;
    ranges.push({ start, end: values[last] ?? start, step: last === index ? 1 : step });
    index = last + 1;
  }
  return ranges;
}

export const isAnyHourOfAnyDay = (schedule: CronSchedule): boolean =>
  schedule.hours.length === 24 &&
  schedule.months.length === 12 &&
  (schedule.isEitherDay
    ? schedule.daysOfMonth.length === 31 || schedule.daysOfWeek.length === 7
    : schedule.daysOfMonth.length === 31 && schedule.daysOfWeek.length === 7);
