/** The schedule of a job in Temporal: what it has to be, and how one that is there differs. */
import { canonicalJson } from './canonical-json.js';
import { calendarsOf, parseSchedule, type ScheduleCalendar } from './cron-expression.js';
import { countingZone } from './cron-slots.js';
import { formatDuration } from './duration.js';
import { cronScheduleId, taskQueue } from './ids.js';
import { isScheduled, type JobSettings } from './job.js';
import { labelFingerprint } from './label-fingerprint.js';

/** What counts of a schedule; plain JSON, without the pause, which belongs to people. */
export interface ScheduleContent {
  calendars: ScheduleCalendar[];
  /** Intervals and times left out, which ours never have. */
  others: number;
  timeZone: string;
  jitterMs: number;
  catchupWindowMs: number;
  overlap: string;
  pauseOnFailure: boolean;
  workflowType: string;
  workflowId: string;
  taskQueue: string;
  args: unknown[];
}

/** Temporal makes up no less. */
const leastCatchUpMs = 10_000;

/** Throws for a schedule that was not validated. `now` decides which year's time zone counts. */
export function wantedSchedule(environment: string, job: JobSettings, now: number): ScheduleContent {
  const read = parseSchedule(job.schedule);
  if (!read.ok) throw new Error(`the schedule of ${job.name} was not validated: ${read.problem}`);
  return {
    calendars: calendarsOf(read.value),
    others: 0,
    timeZone: countingZone(read.value, job.timeZone, now),
    jitterMs: job.jitterMs,
    catchupWindowMs: Math.max(leastCatchUpMs, job.catchUpMs),
    // Which of two runs gives way is decided where every slot gets its verdict.
    overlap: 'ALLOW_ALL',
    pauseOnFailure: false,
    workflowType: 'cronExecution',
    workflowId: cronScheduleId(environment, job.name),
    taskQueue,
    args: [{ environment, job: job.name }],
  };
}

/** By which a schedule is told from one that people changed. */
export const scheduleFingerprint = (content: ScheduleContent): string =>
  labelFingerprint({ content: canonicalJson(content) });

/** A schedule that is there. */
export interface FoundSchedule {
  job: string;
  content: ScheduleContent;
  /** Of the content as we wrote it last; null: it does not say. */
  writtenFingerprint: string | null;
  isPaused: boolean;
  note: string | null;
}

const labels: { [Key in keyof ScheduleContent]: string } = {
  calendars: 'times',
  others: 'intervals and exceptions',
  timeZone: 'time zone',
  jitterMs: 'jitter',
  catchupWindowMs: 'catch-up window',
  overlap: 'overlap policy',
  pauseOnFailure: 'pause on failure',
  workflowType: 'workflow type',
  workflowId: 'workflow id',
  taskQueue: 'task queue',
  args: 'input',
};

/** `time zone: Europe/Oslo in the configuration, UTC in Temporal`, one for each difference. */
export function scheduleDifferences(wanted: ScheduleContent, found: ScheduleContent): string[] {
  const keys = Object.keys(labels) as (keyof ScheduleContent)[];
  return keys
    .filter((key) => canonicalJson(wanted[key]) !== canonicalJson(found[key]))
    .map((key) =>
      key === 'calendars'
        ? 'times: not those of the configuration any more'
        : `${labels[key]}: ${shown(key, wanted)} in the configuration, ${shown(key, found)} in Temporal`,
    );
}

function shown(key: keyof ScheduleContent, content: ScheduleContent): string {
  const value = content[key];
  return key.endsWith('Ms') && typeof value === 'number'
    ? formatDuration(value)
    : typeof value === 'string'
      ? value
      : canonicalJson(value);
}

/** True when it is not as we wrote it last. */
export const isChangedByPeople = ({ content, writtenFingerprint }: FoundSchedule): boolean =>
  writtenFingerprint === null || scheduleFingerprint(content) !== writtenFingerprint;

export type PlannedJob =
  | { action: 'create' | 'unchanged'; job: string }
  | {
      action: 'update';
      job: string;
      changes: string[];
      /** True when people changed the schedule in Temporal. */
      isDrift: boolean;
    }
  | { action: 'stop'; job: string };

/** What has to be done so that the schedules match; `found` are all of the environment. */
export function planJobs(
  wanted: ReadonlyMap<string, ScheduleContent>,
  found: readonly FoundSchedule[],
): PlannedJob[] {
  const byJob = new Map(found.map((schedule) => [schedule.job, schedule]));
  const kept = [...wanted].map(([job, content]): PlannedJob => {
    const there = byJob.get(job);
    if (there === undefined) return { action: 'create', job };
    const changes = scheduleDifferences(content, there.content);
    if (changes.length === 0) return { action: 'unchanged', job };
    return { action: 'update', job, changes, isDrift: isChangedByPeople(there) };
  });
  const removed = found
    .filter(({ job }) => !wanted.has(job))
    .map(({ job }): PlannedJob => ({ action: 'stop', job }));
  return [...kept, ...removed];
}

export const wantedSchedules = (
  environment: string,
  jobs: readonly JobSettings[],
  now: number,
): Map<string, ScheduleContent> =>
  new Map(jobs.filter(isScheduled).map((job) => [job.name, wantedSchedule(environment, job, now)]));
