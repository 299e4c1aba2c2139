/** Schedules as Temporal's client has them, and what counts of them. */
import type { CalendarSpecDescription, ScheduleDescription, ScheduleOptions } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import type { CalendarRange, ScheduleCalendar } from '../domain/cron-expression.js';
import type { JobSettings } from '../domain/job.js';
import { scheduleFingerprint, type FoundSchedule, type ScheduleContent } from '../domain/job-schedule.js';

const months = [
  'JANUARY',
  'FEBRUARY',
  'MARCH',
  'APRIL',
  'MAY',
  'JUNE',
  'JULY',
  'AUGUST',
  'SEPTEMBER',
  'OCTOBER',
  'NOVEMBER',
  'DECEMBER',
] as const;
const days = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY'] as const;

type Month = (typeof months)[number];
type Day = (typeof days)[number];
type Named<Name> = { start: Name; end: Name; step: number };

const named = <Name extends string>(
  names: readonly Name[],
  first: number,
  ranges: readonly CalendarRange[],
): Named<Name>[] =>
  ranges.map(({ start, end, step }) => {
    const [from, to] = [names[start - first], names[end - first]];
    if (from === undefined || to === undefined) throw new Error(`a calendar has no ${start} to ${end}`);
    return { start: from, end: to, step };
  });

const calendarSpec = (calendar: ScheduleCalendar) => ({
  ...calendar,
  month: named<Month>(months, 1, calendar.month),
  dayOfWeek: named<Day>(days, 0, calendar.dayOfWeek),
});

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

type Options = ScheduleOptions;

/** What a schedule of this content is created with, or updated to. */
export function scheduleOptions(
  content: ScheduleContent,
  { environment, job, purpose }: { environment: string; job: string; purpose: string | null },
): Pick<Options, 'spec' | 'action' | 'policies'> {
  return {
    spec: {
      calendars: content.calendars.map(calendarSpec),
      timezone: content.timeZone,
      jitter: content.jitterMs,
    },
    policies: {
      overlap: 'ALLOW_ALL',
      catchupWindow: content.catchupWindowMs,
      pauseOnFailure: content.pauseOnFailure,
    },
    action: {
      type: 'startWorkflow',
      workflowType: content.workflowType,
      workflowId: content.workflowId,
      taskQueue: content.taskQueue,
      args: content.args,
      memo: { opsloop: { fingerprint: scheduleFingerprint(content) } },
      staticSummary: `job ${job}${purpose === null ? '' : `: ${purpose}`}`.slice(0, 200),
      typedSearchAttributes: new TypedSearchAttributes([
        { key: keyword('OpsLoop'), value: 'cronExecution' },
        { key: keyword('OpsTarget'), value: job },
        { key: keyword('OpsStatus'), value: 'starting' },
        { key: keyword('OpsEnvironment'), value: environment },
      ]),
    },
  };
}

const numbered = <Name extends string>(
  names: readonly Name[],
  first: number,
  ranges: readonly { start: Name; end: Name; step: number }[],
): CalendarRange[] =>
  ranges.map(({ start, end, step }) => ({
    start: names.indexOf(start) + first,
    end: names.indexOf(end) + first,
    step,
  }));

/** A range of a single value has any step. */
const plain = (ranges: readonly CalendarRange[]): CalendarRange[] =>
  ranges.map(({ start, end, step }) => ({ start, end, step: start === end ? 1 : step }));

const calendarOf = (calendar: CalendarSpecDescription): ScheduleCalendar => ({
  second: plain(calendar.second as CalendarRange[]),
  minute: plain(calendar.minute as CalendarRange[]),
  hour: plain(calendar.hour as CalendarRange[]),
  dayOfMonth: plain(calendar.dayOfMonth as CalendarRange[]),
  month: plain(numbered<Month>(months, 1, calendar.month as Named<Month>[])),
  dayOfWeek: plain(numbered<Day>(days, 0, calendar.dayOfWeek as Named<Day>[])),
});

/** What is there, as far as it counts. */
export function foundSchedule(job: string, description: ScheduleDescription): FoundSchedule {
  const { spec, action, policies, state } = description;
  const calendars = spec.calendars ?? [];
  const mark = action.memo?.['opsloop'] as { fingerprint?: unknown } | undefined;
  const hasYears = calendars.some(({ year }) => (year as unknown[]).length > 0);
  const others =
    (spec.intervals?.length ?? 0) +
    (spec.skip?.length ?? 0) +
    (spec.startAt === undefined ? 0 : 1) +
    (spec.endAt === undefined ? 0 : 1) +
    (hasYears ? 1 : 0) +
    (state.remainingActions === undefined ? 0 : 1);
  return {
    job,
    content: {
      calendars: calendars.map(calendarOf),
      others,
      timeZone: spec.timezone ?? 'UTC',
      jitterMs: Number(spec.jitter ?? 0),
      catchupWindowMs: policies.catchupWindow,
      overlap: policies.overlap ?? 'SKIP',
      pauseOnFailure: policies.pauseOnFailure,
      workflowType: action.workflowType,
      workflowId: action.workflowId ?? '',
      taskQueue: action.taskQueue,
      args: [...(action.args ?? [])],
    },
    writtenFingerprint: typeof mark?.fingerprint === 'string' ? mark.fingerprint : null,
    isPaused: state.paused,
    note: state.note === undefined || state.note === '' ? null : state.note,
  };
}

export type ScheduledJob = Pick<JobSettings, 'name' | 'purpose'>;
