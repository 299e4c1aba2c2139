/** The weekly review of jobs: what their executions say about them, with a recommendation for each finding. */
import type { CronExecution, CronVerdict } from './cron-execution.js';
import { trendOf } from './cron-trend.js';
import { formatDuration } from './duration.js';
import type { JobSettings } from './job.js';
import { percentile } from './percentile.js';

export const findingKinds = [
  'risingRuntime',
  'alwaysFailing',
  'intermittent',
  'neverRan',
  'tooFast',
  'overlapping',
  'missed',
  'overrun',
  'late',
] as const;
export type CronFindingKind = (typeof findingKinds)[number];

export interface CronFinding {
  kind: CronFindingKind;
  text: string;
  recommendation: string;
}

/** What the review has to know of an execution. */
export type ReviewedExecution = Pick<
  CronExecution,
  'scheduledAt' | 'attempt' | 'trigger' | 'verdict' | 'reason' | 'startedAt' | 'finishedAt'
>;

export interface JobReview {
  job: string;
  isPaused: boolean;
  /** By the last attempt of each slot. */
  slots: Record<CronVerdict, number>;
  /** Slots that only a retry brought to an end. */
  retried: number;
  /** Of good runs, ms; null: there were none. */
  runtime: { p50: number; p95: number; max: number; runs: number } | null;
  findings: CronFinding[];
}

export interface CronReview {
  environment: string;
  /** Epoch ms; `until` is not included. */
  from: number;
  until: number;
  madeAt: number;
  jobs: JobReview[];
}

export interface ReviewFacts {
  job: JobSettings;
  isPaused: boolean;
  /** How many slots the schedule had in the period since the job is watched. */
  dueSlots: number;
  /** From one slot to the next at least, ms; null: nobody knows. */
  intervalMs: number | null;
  executions: readonly ReviewedExecution[];
}

export function reviewJob(facts: ReviewFacts): JobReview {
  const { job, isPaused, executions } = facts;
  const attempts = [...executions].sort((a, b) => a.scheduledAt - b.scheduledAt || a.attempt - b.attempt);
  const last = new Map<number, ReviewedExecution>();
  for (const attempt of attempts) last.set(attempt.scheduledAt, attempt);
  const slots: JobReview['slots'] = {
    ok: 0,
    failed: 0,
    late: 0,
    missed: 0,
    overrun: 0,
    skipped: 0,
    running: 0,
  };
  for (const { verdict } of last.values()) slots[verdict] += 1;
  const durations = attempts.flatMap(({ verdict, startedAt, finishedAt }) =>
    (verdict === 'ok' || verdict === 'late') && startedAt !== null && finishedAt !== null
      ? [finishedAt - startedAt]
      : [],
  );
  const counted: Counted = {
    ...facts,
    slots,
    durations,
    last: [...last.values()],
    retried: [...last.values()].filter(({ trigger, verdict }) => trigger === 'retry' && isGood(verdict))
      .length,
  };
  return {
    job: job.name,
    isPaused,
    slots,
    retried: counted.retried,
    runtime:
      durations.length === 0
        ? null
        : {
            p50: percentile(durations, 0.5) ?? 0,
            p95: percentile(durations, 0.95) ?? 0,
            max: Math.max(...durations),
            runs: durations.length,
          },
    findings: judges.flatMap((judge) => judge(counted) ?? []),
  };
}

interface Counted extends ReviewFacts {
  slots: JobReview['slots'];
  durations: number[];
  last: ReviewedExecution[];
  retried: number;
}

type Judge = (facts: Counted) => CronFinding | null;

const isGood = (verdict: CronVerdict): boolean => verdict === 'ok' || verdict === 'late';
const ran = ({ slots }: Counted): number => slots.ok + slots.late + slots.failed + slots.overrun;
const bad = ({ slots }: Counted): number => slots.failed + slots.overrun;
const times = (count: number, what = 'slot'): string => `${count} ${what}${count === 1 ? '' : 's'}`;
const rounded = (ms: number): string =>
  formatDuration(ms < 10_000 ? Math.max(1, Math.round(ms)) : Math.round(ms / 1000) * 1000);

/** A rise by chance is so rare, and one by less than this share is nobody's business. */
const mostChance = 0.01;
const leastRise = 0.2;

const rising: Judge = ({ durations, job }) => {
  const trend = trendOf(durations);
  const first = percentile(durations, 0.5);
  if (trend === null || first === null || trend.p >= mostChance) return null;
  const riseMs = trend.slope * (durations.length - 1);
  if (riseMs < leastRise * first || riseMs < 1) return null;
  const p = trend.p < 0.0001 ? 'p < 0.0001' : `p = ${trend.p.toFixed(4)}`;
  return {
    kind: 'risingRuntime',
    text: `its runtime rises by ${rounded(riseMs)} over ${times(durations.length, 'run')}, median ${rounded(first)} (Mann–Kendall, one-sided, ${p}; Theil–Sen slope ${trend.slope.toFixed(1)} ms a run)`,
    recommendation:
      job.expectedMs === null
        ? `Look at what grows: its data, or what it waits for. Set \`expected: ${rounded(2 * Math.max(...durations))}\`, so that a run that hangs is ended.`
        : `Look at what grows: its data, or what it waits for. At this pace it reaches \`expected: ${formatDuration(job.expectedMs)}\`${paceText(trend.slope, durations, job.expectedMs)}.`,
  };
};

function paceText(slope: number, durations: readonly number[], expectedMs: number): string {
  const latest = percentile(durations.slice(-5), 0.5) ?? 0;
  const runs = Math.ceil((expectedMs - latest) / slope);
  return runs <= 0 ? ' now' : ` in ${times(runs, 'run')}`;
}

const lastReason = ({ last }: Counted): string => {
  const reason = last.filter(({ verdict }) => !isGood(verdict)).at(-1)?.reason;
  return reason === null || reason === undefined ? '' : ` (the last: ${reason})`;
};

const alwaysFailing: Judge = (facts) => {
  const count = bad(facts);
  if (count === 0 || count < ran(facts)) return null;
  return {
    kind: 'alwaysFailing',
    text: `all of its ${times(count, 'run')} failed${lastReason(facts)}`,
    recommendation: `Mend it, or pause it until somebody does: opsloop cron pause ${facts.job.name}.`,
  };
};

const intermittent: Judge = (facts) => {
  const count = bad(facts);
  const good = facts.slots.ok + facts.slots.late;
  if (good === 0 || count + facts.retried === 0) return null;
  const { attempts, afterMs } = facts.job.retry;
  return {
    kind: 'intermittent',
    text: `${count} of ${times(ran(facts), 'run')} failed, and ${facts.retried} did their work only when they were tried again${lastReason(facts)}`,
    recommendation:
      count === 0
        ? 'Read the output of the first attempts: something it needs is not always there.'
        : `Read the output of the failed runs; where it waits for something, \`retry: {attempts: ${attempts + 1}, after: ${formatDuration(afterMs)}}\` bridges it.`,
  };
};

const neverRan: Judge = (facts) => {
  if (ran(facts) + facts.slots.running > 0 || facts.isPaused) return null;
  if (facts.dueSlots === 0) return null;
  return {
    kind: 'neverRan',
    text: `it was due ${facts.dueSlots === 1 ? 'once' : `${facts.dueSlots} times`}, and never ran${lastReason(facts)}`,
    recommendation:
      facts.job.action.kind === 'pings'
        ? `See whether it is started at all, and whether it calls its URL: opsloop cron show ${facts.job.name}.`
        : `See what holds it up: opsloop cron history ${facts.job.name}. Remove it when nobody needs it.`,
  };
};

/** A run in less than this share of what was usual before. */
const collapse = 0.2;

const tooFast: Judge = ({ job, durations, last }) => {
  const told = last.filter(({ reason }) => reason?.startsWith('too fast') === true).length;
  if (told > 0)
    return {
      kind: 'tooFast',
      text: `${times(told, 'run')} ended sooner than \`minimum: ${formatDuration(job.minimumMs)}\``,
      recommendation:
        'See whether it still finds its work; when it really is that fast now, make `minimum` smaller.',
    };
  const quarter = Math.floor(durations.length / 4);
  if (quarter < 3) return null;
  const before = percentile(durations.slice(0, -quarter), 0.5) ?? 0;
  const after = percentile(durations.slice(-quarter), 0.5) ?? 0;
  if (before < 1_000 || after >= collapse * before) return null;
  return {
    kind: 'tooFast',
    text: `its last ${times(quarter, 'run')} took ${rounded(after)}, those before ${rounded(before)}`,
    recommendation: `See whether it still does its work; \`minimum: ${rounded(before / 2)}\` would have told it.`,
  };
};

const overlapping: Judge = ({ job, slots, last, durations, intervalMs }) => {
  const skipped = last.filter(({ reason }) => reason?.includes('overlap') === true).length;
  const p95 = percentile(durations, 0.95) ?? 0;
  const isTooLong = intervalMs !== null && p95 > intervalMs;
  if (skipped === 0 && !isTooLong) return null;
  const all = Object.values(slots).reduce((sum, count) => sum + count, 0);
  const every = rounded(Math.max(2 * p95, 2 * (intervalMs ?? 0)));
  return {
    kind: 'overlapping',
    text: `${skipped} of ${times(all)} gave way to another run${isTooLong ? `; a run takes up to ${rounded(p95)}, and is due each ${rounded(intervalMs)}` : ''}`,
    recommendation: `Make it faster or rarer (each ${every} leaves room), or choose what happens with \`overlap\` (now ${job.overlap}).`,
  };
};

const missed: Judge = (facts) => {
  const { slots, job } = facts;
  if (slots.missed === 0 || ran(facts) === 0) return null;
  return {
    kind: 'missed',
    text: `${times(slots.missed)} ${slots.missed === 1 ? 'was' : 'were'} missed${lastReason(facts)}`,
    recommendation:
      job.action.kind === 'pings'
        ? 'See whether it was started at all, and whether its host reaches the URL that it pings.'
        : `A longer \`catchUp\` (now ${formatDuration(job.catchUpMs)}) makes up what an outage cost.`,
  };
};

const overrun: Judge = (facts) => {
  const { slots, durations, job } = facts;
  if (slots.overrun === 0 || slots.ok + slots.late === 0) return null;
  const p95 = percentile(durations, 0.95) ?? 0;
  return {
    kind: 'overrun',
    text: `${times(slots.overrun, 'run')} ${slots.overrun === 1 ? 'was' : 'were'} ended at twice what is expected; good ones took up to ${rounded(p95)}`,
    recommendation: `When the ended ones were at work, \`expected: ${rounded(1.5 * Math.max(p95, job.expectedMs ?? 0))}\` gives them time; otherwise find what they hang on.`,
  };
};

const late: Judge = ({ slots, job }) => {
  if (slots.late === 0) return null;
  return {
    kind: 'late',
    text: `${times(slots.late)} began more than ${formatDuration(job.startWithinMs)} after their time`,
    recommendation: 'See what the machine was busy with; `jitter` spreads jobs that are due together.',
  };
};

const judges: readonly Judge[] = [
  alwaysFailing,
  intermittent,
  neverRan,
  rising,
  tooFast,
  overlapping,
  missed,
  overrun,
  late,
];
