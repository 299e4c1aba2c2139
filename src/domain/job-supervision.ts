/** Jobs that run elsewhere: what their pings say about each slot. */
import type { CronExecution, CronVerdict } from './cron-execution.js';
import { formatDuration } from './duration.js';
import type { JobSettings } from './job.js';
import { firstLine, type Ping } from './push.js';

/** One run as its pings tell it. */
export interface PingedRun {
  rid: string | null;
  /** Epoch ms; null: its start was not told. */
  startedAt: number | null;
  /** Null: it has not ended. */
  endedAt: number | null;
  hasFailed: boolean;
  exitCode: number | null;
  /** What it said, the end of it. */
  output: string;
}

export type PingedExecution = CronExecution & { rid: string | null };

export interface SupervisionFacts {
  job: JobSettings;
  /** Due since the job was last settled, ascending, epoch ms. */
  slots: readonly number[];
  /** The first slot after those, epoch ms; null: there is none. */
  nextSlotAt: number | null;
  /** Ascending, from a while before the first slot on. */
  pings: readonly Ping[];
  /** When a run has taken too long, ms; null: never. */
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

const longestOutput = 48 * 1024;

/** Pairs starts with ends: by `rid` where there is one, else each end with the last start before it. */
export function runsOf(pings: readonly Ping[]): PingedRun[] {
  const runs: PingedRun[] = [];
  const open = new Map<string, PingedRun>();
  const begin = (ping: Ping, startedAt: number | null): PingedRun => {
    const run: PingedRun = {
      rid: ping.rid,
      startedAt,
      endedAt: null,
      hasFailed: false,
      exitCode: null,
      output: '',
    };
    runs.push(run);
    open.set(ping.rid ?? '', run);
    return run;
  };
  for (const ping of [...pings].sort((a, b) => a.at - b.at)) {
    const key = ping.rid ?? '';
    const known = open.get(key);
    switch (ping.kind) {
      case 'start':
        // A start told twice, or of a run that never told its end.
        if (known === undefined || known.endedAt !== null || ping.rid === null) begin(ping, ping.at);
        else known.startedAt = Math.min(known.startedAt ?? ping.at, ping.at);
        break;
      case 'log':
        say(known ?? runs.at(-1), ping.body);
        break;
      case 'success':
      case 'fail': {
        // The same end told twice is one.
        const run =
          known === undefined || (known.endedAt !== null && ping.rid === null) ? begin(ping, null) : known;
        if (run.endedAt !== null) break;
        run.endedAt = ping.at;
        run.hasFailed = ping.kind === 'fail';
        run.exitCode = ping.exitCode;
        say(run, ping.body);
      }
    }
  }
  return runs;
}

function say(run: PingedRun | undefined, text: string): void {
  if (run === undefined || text === '') return;
  run.output = `${run.output}${run.output === '' ? '' : '\n'}${text}`.slice(-longestOutput);
}

const beganAt = ({ startedAt, endedAt }: PingedRun): number => startedAt ?? endedAt ?? 0;

/** A little early is on time: clocks differ. */
const mostEarlyMs = 5 * 60_000;

/** What is known of the slots at `now`. Any order of the same pings gives the same. */
export function supervise(facts: SupervisionFacts): Supervision {
  const { slots, nextSlotAt, now } = facts;
  const runs = runsOf(facts.pings);
  const supervision: Supervision = { rows: [], settledUntil: null, dueAt: null };
  let isSettled = true;
  // A job that only ever tells its end is given the time that it may run, too.
  const isSilentStart = runs.length > 0 && runs.every(({ startedAt }) => startedAt === null);
  const waitMs = facts.job.startWithinMs + (isSilentStart ? (facts.limitMs ?? 0) : 0);
  slots.forEach((slot, index) => {
    const next = slots[index + 1] ?? nextSlotAt;
    const before = slots[index - 1] ?? null;
    // Of the slot before the first one only its distance is known: as far as to the next.
    const from = slot - earlyOf(slot, before ?? (next === null ? null : 2 * slot - next));
    const until = next === null ? Infinity : next - earlyOf(next, slot);
    const own = runs.filter((run) => beganAt(run) >= from && beganAt(run) < until);
    const seen = lookAtSlot(facts, { slot, runs: own, startBy: slot + waitMs });
    supervision.rows.push(...seen.rows);
    const dueAt = seen.dueAt ?? Infinity;
    if (dueAt > now) supervision.dueAt = Math.min(supervision.dueAt ?? Infinity, dueAt);
    isSettled = isSettled && seen.isOver && now >= until;
    if (isSettled) supervision.settledUntil = slot;
  });
  if (isSettled && slots.length === 0) supervision.settledUntil = now;
  if (supervision.dueAt === Infinity) supervision.dueAt = null;
  return supervision;
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
  { job, limitMs, now, judgeOutput }: SupervisionFacts,
  { slot, runs, startBy }: { slot: number; runs: readonly PingedRun[]; startBy: number },
): SlotSeen {
  if (runs.length === 0) {
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
    const { verdict, reason, dueAt } = verdictOf(run, { job, slot, limitMs, now, judgeOutput });
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

function verdictOf(
  run: PingedRun,
  {
    job,
    slot,
    limitMs,
    now,
    judgeOutput,
  }: Omit<SupervisionFacts, 'slots' | 'nextSlotAt' | 'pings'> & { slot: number },
): RunVerdict {
  const { startedAt, endedAt } = run;
  const overAt = startedAt === null || limitMs === null ? null : startedAt + limitMs;
  const isOverrun = overAt !== null && (endedAt ?? now) >= overAt;
  if (endedAt === null) {
    if (!isOverrun) return { verdict: 'running', reason: null, dueAt: overAt };
    const text = `started ${iso(startedAt ?? 0)} and told no end within ${formatDuration(limitMs ?? 0)}`;
    return { verdict: 'overrun', reason: text, dueAt: null };
  }
  const over = (verdict: CronVerdict, reason: string | null): RunVerdict => ({
    verdict,
    reason,
    dueAt: null,
  });
  if (run.hasFailed) {
    const said = firstLine(run.output);
    const how = run.exitCode === null ? 'the job said that it failed' : `exit code ${run.exitCode}`;
    return over('failed', said === '' ? how : `${how}: ${said}`);
  }
  const wrong = judgeOutput(run.output);
  if (wrong !== null) return over('failed', wrong);
  if (isOverrun) return over('overrun', `ran longer than ${formatDuration(limitMs ?? 0)}`);
  if (startedAt !== null && endedAt - startedAt < job.minimumMs)
    return over(
      'failed',
      `too fast: it ended after ${formatDuration(Math.max(1, endedAt - startedAt))}, and takes ${formatDuration(job.minimumMs)} at least`,
    );
  // Of a run that tells its end only, nobody knows when it began.
  const lateMs = beganAt(run) - slot - (startedAt === null ? (limitMs ?? 0) : 0);
  if (lateMs > job.startWithinMs)
    return over('late', `started ${formatDuration(Math.round(lateMs / 1000) * 1000)} after its time`);
  return over('ok', null);
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
    outputEnd: run === null || run.output === '' ? null : run.output,
    outputFile: null,
    cpuMs: null,
    peakBytes: null,
    host: null,
    workflowId: null,
    rid: run?.rid ?? null,
  };
}

const iso = (at: number): string => new Date(at).toISOString();
