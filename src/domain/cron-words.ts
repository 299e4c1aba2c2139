/** Schedules in words: `at 02:00`, `every 15 minutes`, `at 09:30 on Monday to Friday`. */
import type { CronSchedule } from './cron-expression.js';

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** Texts of more times than this help nobody. */
const mostTimes = 6;

export function describeSchedule(schedule: CronSchedule): string {
  return [timesText(schedule), daysText(schedule), monthsText(schedule)]
    .filter((text) => text !== '')
    .join(' ');
}

const two = (value: number): string => String(value).padStart(2, '0');

function timesText({ seconds, minutes, hours }: CronSchedule): string {
  const isOnTheMinute = seconds.length === 1 && seconds[0] === 0;
  const count = seconds.length * minutes.length * hours.length;
  if (count <= mostTimes) {
    const times = hours.flatMap((hour) =>
      minutes.flatMap((minute) =>
        seconds.map((second) => `${two(hour)}:${two(minute)}${isOnTheMinute ? '' : `:${two(second)}`}`),
      ),
    );
    return `at ${listText(times)}`;
  }
  const parts = [
    ...(isOnTheMinute ? [] : [`${unitText(seconds, 60, 'second')}`]),
    ...(minutes.length === 60 && !isOnTheMinute ? [] : [unitText(minutes, 60, 'minute')]),
    ...(hours.length === 24 ? [] : [hoursText(hours)]),
  ];
  return parts.filter((text) => text !== '').join(' ');
}

/** `every 15 minutes`, `every minute`, `at minute 5 and 20`. */
function unitText(values: readonly number[], size: number, unit: string): string {
  if (values.length === size) return `every ${unit}`;
  const step = evenStep(values, size);
  if (step !== null)
    return values[0] === 0 ? `every ${step} ${unit}s` : `every ${step} ${unit}s from ${unit} ${values[0]} on`;
  return `at ${unit} ${rangesText(values, String)}${unit === 'minute' ? ' of the hour' : ''}`;
}

/** The step when the values go round evenly. */
function evenStep(values: readonly number[], size: number): number | null {
  const step = (values[1] ?? 0) - (values[0] ?? 0);
  if (values.length < 2 || step < 2 || size % step !== 0 || values.length !== size / step) return null;
  return values.every((value, index) => value === (values[0] ?? 0) + index * step) ? step : null;
}

function hoursText(hours: readonly number[]): string {
  const step = evenStep(hours, 24);
  if (step !== null)
    return hours[0] === 0 ? `of every ${step} hours` : `of every ${step} hours from ${two(hours[0] ?? 0)} on`;
  return `in the hours ${rangesText(hours, two)}`;
}

function daysText({ daysOfMonth, daysOfWeek, isEitherDay }: CronSchedule): string {
  const month = daysOfMonth.length === 31 ? '' : `on day ${rangesText(daysOfMonth, String)} of the month`;
  const week = daysOfWeek.length === 7 ? '' : `on ${rangesText(daysOfWeek, (day) => days[day] ?? '')}`;
  if (month === '' || week === '') return month === '' ? week : month;
  return isEitherDay ? `${month}, or ${week}` : `${month}, if it is ${week.slice(3)}`;
}

const monthsText = ({ months: allowed }: CronSchedule): string =>
  allowed.length === 12 ? '' : `in ${rangesText(allowed, (month) => months[month - 1] ?? '')}`;

/** `1, 5 to 9 and 20`. */
function rangesText(values: readonly number[], name: (value: number) => string): string {
  const parts: string[] = [];
  for (let index = 0; index < values.length;) {
    const first = values[index] ?? 0;
    let last = index;
    while (values[last + 1] === (values[last] ?? 0) + 1) last += 1;
    if (last - index < 2) {
      parts.push(name(first));
      index += 1;
    } else {
      parts.push(`${name(first)} to ${name(values[last] ?? 0)}`);
      index = last + 1;
    }
  }
  return listText(parts);
}

function listText(parts: readonly string[]): string {
  const last = parts.at(-1) ?? '';
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(', ')} and ${last}`;
}
