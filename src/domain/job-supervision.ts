/** Jobs that run elsewhere: what their pings say about each slot. */
import { endOf } from './bounded-text.js';
import { keptOutput, type CronExecution, type CronVerdict } from './cron-execution.js';
import { formatDuration } from './duration.js';
import type { JobSettings } from './job.js';
import { beganAt, runsOf, type PingedRun } from './pinged-run.js';
import { firstLine, type Ping } from './push.js';

export type PingedExecution = CronExecution & { rid: string | null };

export interface SupervisionFacts {
  job: JobSettings;
  /** Due since the job was last settled, ascending, epoch ms. */
  slots: readonly number[];
  /** The last slot before those, epoch ms; null: none is as near as `nearMs`. */
  previousSlotAt: number | null;
  /** The first slot after those, epoch ms; null: there is none. */
  nextSlotAt: number | null;
  /** In any order, from a while before the first slot on; of runs that told more before that, all of it. */
  pings: readonly Ping[];
  /** The job is known to tell the ends of its runs only: when they begin nobody hears. */
  isEndsOnly: boolean;
  /** When a run has taken too long, ms; null: nobody knows. */
  limitMs: number | null;
  now: number;
  judgeOutput(text: string): string | null;
}

export interface Supervision {
  /** The truth of now about the slots, one row for each run, or for a slot without one. */
  rows: PingedExecution[];
  /** Nothing that comes later changes the slots up to here; null: not even the first. */
  settledUntil: number | null;
  /** When silence changes something, epoch ms; null: it does not. */
  dueAt: number | null;
}

/** A little early is on time: clocks differ. */
const mostEarlyMs = 5 * 60_000;
/** A slot that is nearer than this to another has less time before it, ms. */
export const nearMs = 4 * mostEarlyMs;
/** Of a run without a limit that tells no end for so long, ms, nobody will tell it. */
const longestUntoldMs = 86_400_000;

/**
 * What is known of the slots at `now`. Any order of the same pings gives the same. A later truth takes the place of an earlier one: a slot
 * that was `missed` is `running` and then `late` when its start comes after all before the next slot; an `overrun` may tell its end.
 */
export function supervise(facts: SupervisionFacts): Supervision {
  const { slots, now } = facts;
  const supervision: Supervision = { rows: [], settledUntil: null, dueAt: null };
  const windows = windowsOf(facts);
  const runs = runsOf(facts.pings, (at) => windows.filter((from) => from <= at).length);
  let isSettled = true;
  slots.forEach((slot, index) => {
    const from = windows[index] ?? slot;
    const until = windows[index + 1] ?? Infinity;
    const own = runs.filter((run) => beganAt(run) >= from && beganAt(run) < until);
    const seen = lookAtSlot(facts, { slot, runs: own, until });
    supervision.rows.push(...seen.rows);
    if (seen.dueAt !== null && seen.dueAt > now)
      supervision.dueAt = Math.min(supervision.dueAt ?? Infinity, seen.dueAt);
    isSettled = isSettled && seen.isOver && now >= until;
    if (isSettled) supervision.settledUntil = slot;
  });
  if (slots.length === 0) supervision.settledUntil = now;
  return supervision;
}

/** When the time of each slot begins, and that of the one after them. */
function windowsOf({ slots, previousSlotAt, nextSlotAt }: SupervisionFacts): number[] {
  const all = nextSlotAt === null ? slots : [...slots, nextSlotAt];
  return all.map((slot, index) => slot - earlyOf(slot, all[index - 1] ?? previousSlotAt));
}

const earlyOf = (slot: number, before: number | null): number =>
  before === null ? mostEarlyMs : Math.min(mostEarlyMs, (slot - before) / 4);

interface SlotSeen {
  rows: PingedExecution[];
  /** Whether every run of it has ended, or will not any more. */
  isOver: boolean;
  dueAt: number | null;
}

function lookAtSlot(
  facts: SupervisionFacts,
  { slot, runs, until }: { slot: number; runs: readonly PingedRun[]; until: number },
): SlotSeen {
  const { job, limitMs, now, isEndsOnly } = facts;
  if (runs.length === 0) {
    // An end comes as much later as the run takes. What comes when the next slot has its time is of that one.
    const graceMs = job.startWithinMs + (isEndsOnly ? (limitMs ?? 0) : 0);
    const startBy = Math.min(slot + graceMs, until);
    if (now < startBy) return { rows: [], isOver: false, dueAt: startBy };
    const reason = `no ping came by ${iso(startBy)}`;
    return {
      rows: [rowOf(job, { slot, attempt: 1, verdict: 'missed', reason, run: null })],
      isOver: true,
      dueAt: null,
    };
  }
  const seen: SlotSeen = { rows: [], isOver: true, dueAt: null };
  runs.forEach((run, index) => {
    const { verdict, reason, dueAt } = verdictOf(run, facts, slot);
    if (verdict === 'running') seen.isOver = false;
    if (dueAt !== null) seen.dueAt = Math.min(seen.dueAt ?? Infinity, dueAt);
    seen.rows.push(rowOf(job, { slot, attempt: index + 1, verdict, reason, run }));
  });
  return seen;
}

interface RunVerdict {
  verdict: CronVerdict;
  reason: string | null;
  dueAt: number | null;
}

function verdictOf(run: PingedRun, facts: SupervisionFacts, slot: number): RunVerdict {
  const { endedAt } = run;
  return endedAt === null
    ? verdictOfOpen(run, facts)
    : { ...verdictOfEnded(facts, { slot, run, endedAt }), dueAt: null };
}

function verdictOfOpen({ startedAt, givenUpAt }: PingedRun, { limitMs, now }: SupervisionFacts): RunVerdict {
  const began = startedAt ?? 0;
  const patienceMs = limitMs ?? longestUntoldMs;
  const overAt = began + patienceMs;
  if (givenUpAt !== null && givenUpAt < overAt) {
    const reason = `started ${iso(began)} and told no end before it started again at ${iso(givenUpAt)}`;
    return { verdict: 'failed', reason, dueAt: null };
  }
  if (now < overAt) return { verdict: 'running', reason: null, dueAt: overAt };
  const reason = `started ${iso(began)} and told no end within ${formatDuration(patienceMs)}`;
  return { verdict: 'overrun', reason, dueAt: null };
}

function verdictOfEnded(
  { job, limitMs, judgeOutput }: SupervisionFacts,
  { slot, run, endedAt }: { slot: number; run: PingedRun; endedAt: number },
): Pick<RunVerdict, 'verdict' | 'reason'> {
  const { startedAt } = run;
  if (run.hasFailed) {
    const said = firstLine(run.lastWords) || firstLine(run.output);
    const how = run.exitCode === null ? 'the job said that it failed' : `exit code ${run.exitCode}`;
    return { verdict: 'failed', reason: said === '' ? how : `${how}: ${said}` };
  }
  const wrong = judgeOutput(run.output);
  if (wrong !== null) return { verdict: 'failed', reason: wrong };
  const tookMs = startedAt === null ? null : endedAt - startedAt;
  if (tookMs !== null && limitMs !== null && tookMs >= limitMs)
    return { verdict: 'overrun', reason: `ran longer than ${formatDuration(limitMs)}` };
  if (tookMs !== null && tookMs < job.minimumMs) {
    const took = formatDuration(Math.max(1, tookMs));
    const reason = `too fast: it ended after ${took}, and takes ${formatDuration(job.minimumMs)} at least`;
    return { verdict: 'failed', reason };
  }
  // Of a run that tells its end only, nobody knows when it began.
  const lateMs = beganAt(run) - slot - (startedAt === null ? (limitMs ?? 0) : 0);
  if (lateMs <= job.startWithinMs) return { verdict: 'ok', reason: null };
  const reason = `started ${formatDuration(Math.round(lateMs / 1000) * 1000)} after its time`;
  return { verdict: 'late', reason };
}

function rowOf(
  { name }: JobSettings,
  {
    slot,
    attempt,
    verdict,
    reason,
    run,
  }: { slot: number; attempt: number; verdict: CronVerdict; reason: string | null; run: PingedRun | null },
): PingedExecution {
  return {
    job: name,
    scheduledAt: slot,
    attempt,
    trigger: 'ping',
    verdict,
    reason,
    startedAt: run?.startedAt ?? run?.endedAt ?? null,
    finishedAt: run?.endedAt ?? null,
    exitCode:
      run === null ? null : (run.exitCode ?? (run.endedAt === null ? null : run.hasFailed ? null : 0)),
    signal: null,
    outputHead: null,
    outputEnd: run === null || run.output === '' ? null : endOf(run.output, keptOutput.endBytes),
    outputFile: null,
    cpuMs: null,
    peakBytes: null,
    host: null,
    workflowId: null,
    rid: run?.rid ?? null,
  };
}

const iso = (at: number): string => new Date(at).toISOString();
