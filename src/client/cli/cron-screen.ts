/** How jobs are shown: a table of them, one in full, their history, a review. */
import { formatByteSize } from '../../domain/byte-size.js';
import type { ExecutionDocument, JobDetailDocument, JobDocument } from '../../domain/cron-document.js';
import type { CronReview } from '../../domain/cron-review.js';
import { formatDuration } from '../../domain/duration.js';
import type { ScreenOptions } from './status-screen.js';
import { cronFormat, type Style } from './style.js';
import { formatTable, type Column } from './table.js';
import { plainText } from './text-width.js';
import { localTime, relativeTime, shortDuration } from './time-text.js';

const indent = '  ';

/** An instant in a time zone, with its name: `2026-11-26 02:00 Europe/Oslo`. */
export function zonedTime(iso: string, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  return `${format.format(Date.parse(iso))} ${timeZone}`;
}

const took = (durationMs: number | null): string => (durationMs === null ? '' : shortDuration(durationMs));

export const jobColumns = (now: number): Column<JobDocument>[] => [
  { title: 'JOB', text: ({ name }) => name },
  {
    title: 'STATE',
    text: ({ state, isRunning }) => (isRunning ? 'running' : state),
    format: ({ state, isRunning }) => (isRunning ? 'cyan' : state === 'paused' ? 'yellow' : null),
  },
  {
    title: 'LAST',
    text: ({ lastVerdict }) => lastVerdict ?? '',
    format: ({ lastVerdict }) => (lastVerdict === null ? null : cronFormat[lastVerdict]),
  },
  { title: 'WHEN', text: ({ lastScheduledAt }) => relativeTime(lastScheduledAt, now), align: 'right' },
  { title: 'TOOK', text: ({ lastDurationMs }) => took(lastDurationMs), align: 'right' },
  { title: 'NEXT', text: ({ nextAt }) => relativeTime(nextAt, now), align: 'right' },
  { title: 'SCHEDULE', text: ({ scheduleText }) => scheduleText },
  { title: 'NOTE', text: noteOf, isFlexible: true },
];

function noteOf({ state, pausedBy, note, lastVerdict, lastReason, purpose }: JobDocument): string {
  if (state === 'paused') return `paused by ${pausedBy ?? 'somebody'}${note === null ? '' : `: ${note}`}`;
  return lastVerdict === 'ok' || lastReason === null ? (purpose ?? '') : lastReason;
}

export const executionColumns = (now: number): Column<ExecutionDocument>[] => [
  { title: 'JOB', text: ({ job }) => job },
  { title: 'SLOT', text: ({ scheduledAt }) => localTime(scheduledAt) },
  { title: '#', text: ({ attempt }) => String(attempt), align: 'right' },
  { title: 'BY', text: ({ trigger }) => trigger },
  {
    title: 'VERDICT',
    text: ({ verdict }) => verdict,
    format: ({ verdict }) => cronFormat[verdict],
  },
  {
    title: 'TOOK',
    text: ({ durationMs, startedAt, verdict }) =>
      verdict === 'running' && startedAt !== null
        ? shortDuration(now - Date.parse(startedAt))
        : took(durationMs),
    align: 'right',
  },
  { title: 'NOTE', text: ({ reason }) => reason ?? '', isFlexible: true },
];

/** One job in full. */
export function jobLines(job: JobDetailDocument, options: ScreenOptions): string[] {
  const { style, width, now } = options;
  const row = (title: string, text: string): string =>
    `${indent}${style('dim', title.padEnd(10))} ${plainText(text)}`;
  const table = formatTable(executionColumns(now), job.history, { style, width, indent });
  return [
    `${style('bold', plainText(job.name))}  ${job.state}${job.isRunning ? ', running' : ''}`,
    ...(job.purpose === null ? [] : [row('purpose', job.purpose)]),
    row('does', job.does),
    row('schedule', `${job.schedule}  (${job.scheduleText})`),
    ...(job.state === 'paused' ? [row('paused', noteOf(job))] : []),
    ...job.nextTimes.map((at, index) =>
      row(index === 0 ? 'next' : '', `${zonedTime(at, job.timeZone)}  ${relativeTime(at, now)}`),
    ),
    row('expected', expectedText(job)),
    row('overlap', job.overlap),
    row(
      'retry',
      `${job.retry.attempts} after ${formatDuration(job.retry.afterMs)}; made up for ${formatDuration(job.catchUpMs)}, late after ${formatDuration(job.startWithinMs)}`,
    ),
    ...temporalLines(job, style),
    ...pingLines(job, row),
    ...(table.length === 0 ? ['', `${indent}no slot was due yet`] : ['', ...table]),
    ...lastOutput(job, style),
  ];
}

function expectedText({ expectedMs, limitMs, expectedFrom, runtime }: JobDetailDocument): string {
  const known =
    runtime === null
      ? ''
      : `; of ${runtime.runs} good runs half took up to ${shortDuration(runtime.p50)}, 95 % up to ${shortDuration(runtime.p95)}`;
  if (expectedMs === null || limitMs === null) return `not known, so a run is never ended${known}`;
  const source = expectedFrom === 'history' ? ' (from its history)' : '';
  return `${shortDuration(expectedMs)}${source}, ended after ${shortDuration(limitMs)}${known}`;
}

function temporalLines({ temporal, name }: JobDetailDocument, style: Style): string[] {
  if (temporal === null) return [];
  const warn = (text: string): string => `${indent}${style('yellow', '!')} ${plainText(text)}`;
  if (temporal.isMissing)
    return [warn(`its schedule ${temporal.scheduleId} in Temporal is gone. Make it anew: opsloop apply`)];
  return [
    ...temporal.drift.map((text) => warn(`changed in Temporal: ${text}`)),
    ...(temporal.drift.length > 0 ? [warn('set it back: opsloop apply')] : []),
    ...(temporal.isPaused ? [warn(`its schedule is paused in Temporal: opsloop cron resume ${name}`)] : []),
  ];
}

const pingLines = ({ ping }: JobDetailDocument, row: (title: string, text: string) => string): string[] =>
  ping === null
    ? []
    : [
        row('pings', `${ping.url}[/start|/fail|/log|/<exit code>][?rid=…]`),
        row('uuid', ping.uuid),
        row('last ping', ping.lastPingAt === null ? 'never' : localTime(ping.lastPingAt)),
      ];

const mostLines = 12;

/** The end of what the newest run wrote. */
function lastOutput({ history }: JobDetailDocument, style: Style): string[] {
  const last = history.find(({ outputEnd }) => outputEnd !== null && outputEnd !== '');
  if (last === undefined) return [];
  const lines = (last.outputEnd ?? '').trimEnd().split('\n');
  const more = last.outputFile === null ? '' : `, all of it in ${last.outputFile}`;
  return [
    '',
    style('dim', `${indent}output of ${localTime(last.scheduledAt)}${plainText(more)}${usageText(last)}`),
    ...lines.slice(-mostLines).map((line) => `${indent}│ ${plainText(line)}`),
  ];
}

function usageText({ cpuMs, peakBytes, exitCode }: ExecutionDocument): string {
  const parts = [
    ...(exitCode === null ? [] : [`exit code ${exitCode}`]),
    ...(cpuMs === null ? [] : [`CPU ${shortDuration(cpuMs)}`]),
    ...(peakBytes === null ? [] : [`memory ${formatByteSize(peakBytes)}`]),
  ];
  return parts.length === 0 ? '' : `; ${parts.join(', ')}`;
}

/** A review: jobs with findings, and a line about the rest. */
export function reviewLines(review: CronReview, { style }: Pick<ScreenOptions, 'style'>): string[] {
  const found = review.jobs.filter(({ findings }) => findings.length > 0);
  const from = localTime(new Date(review.from).toISOString());
  const until = localTime(new Date(review.until).toISOString());
  const rest = review.jobs.length - found.length;
  return [
    `${style('bold', plainText(review.environment))}  ${review.jobs.length} jobs, ${from} to ${until}`,
    ...found.flatMap(({ job, findings }) => [
      '',
      style('bold', plainText(job)),
      ...findings.flatMap(({ kind, text, recommendation }) => [
        `${indent}${style('yellow', kind)}  ${plainText(text)}`,
        `${indent}${indent}${plainText(recommendation)}`,
      ]),
    ]),
    '',
    found.length === 0 ? 'nothing to look at' : `nothing to look at in ${rest} other jobs`,
  ];
}
