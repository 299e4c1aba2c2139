/** Runs of jobs that run elsewhere, put together from their pings. */
import type { Ping, PingKind } from './push.js';

/** One run as its pings tell it. Instants in epoch ms. */
export interface PingedRun {
  rid: string | null;
  /** Null: its start was not told. */
  startedAt: number | null;
  /** Null: its end was not told. */
  endedAt: number | null;
  /** Without an end: when the job started again under the same name; null: it did not. */
  givenUpAt: number | null;
  hasFailed: boolean;
  exitCode: number | null;
  /** All that it said. */
  output: string;
  /** What it said as it ended. */
  lastWords: string;
}

/**
 * A ping whose answer was lost is sent again for so long, ms: `curl -m 10 --retry 5` takes a minute and a half. One that is sent beside
 * the job may come after the next one in the same time.
 */
const againMs = 120_000;

interface Known {
  run: PingedRun;
  /** When its start or end was told last. */
  toldAt: number;
}

/**
 * Pairs starts with ends: by `rid` where there is one, else each end with the last start before it. What is told again is no second run.
 * `slotOf` names the slot that an instant belongs to. Any order of the same pings gives the same.
 */
export function runsOf(pings: readonly Ping[], slotOf: (at: number) => number = () => 0): PingedRun[] {
  const runs: PingedRun[] = [];
  const known = new Map<string | null, Known>();
  const early = new Map<string | null, string>();
  const begin = ({ rid }: Ping): PingedRun => {
    const run = newRun(rid, early.get(rid) ?? '');
    early.delete(rid);
    runs.push(run);
    return run;
  };
  for (const ping of pings.toSorted(inOrder)) {
    const { rid, at, kind, body } = ping;
    const before = known.get(rid);
    if (kind === 'log') {
      const run = rid === null ? latestOf(runs) : before?.run;
      if (run !== undefined) say(run, body);
      // What a run says may overtake its start. Without a `rid` it is nobody's.
      else if (rid !== null) early.set(rid, joined(early.get(rid) ?? '', body));
      continue;
    }
    const isSameSlot = before !== undefined && slotOf(before.toldAt) === slotOf(at);
    const isOfBefore = kind === 'start' ? isStartOf : isEndOf;
    const run = before !== undefined && isOfBefore(ping, before, isSameSlot) ? before.run : begin(ping);
    if (before !== undefined && run !== before.run && before.run.endedAt === null) before.run.givenUpAt = at;
    if (run.endedAt === null) {
      if (kind === 'start') run.startedAt ??= at;
      else end(run, ping);
    }
    known.set(rid, { run, toldAt: at });
  }
  return runs;
}

const ranks: Record<PingKind, number> = { start: 0, log: 1, success: 2, fail: 3 };

const inOrder = (a: Ping, b: Ping): number =>
  a.at - b.at || ranks[a.kind] - ranks[b.kind] || compareTexts(textOf(a), textOf(b));

const textOf = ({ rid, exitCode, body }: Ping): string => JSON.stringify([rid, exitCode, body]);

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function isStartOf({ rid, at }: Ping, { run, toldAt }: Known, isSameSlot: boolean): boolean {
  const isSoon = at - toldAt <= againMs;
  // A run without a name that has ended may be followed by the next one at once.
  if (run.endedAt !== null) return rid !== null && isSoon;
  return rid === null ? isSameSlot && isSoon : isSameSlot || isSoon;
}

function isEndOf({ rid, at, kind, exitCode }: Ping, { run, toldAt }: Known, isSameSlot: boolean): boolean {
  if (run.endedAt === null) return true;
  const isSoon = at - toldAt <= againMs;
  if (rid !== null) return isSameSlot || isSoon;
  return isSameSlot && isSoon && run.hasFailed === (kind === 'fail') && run.exitCode === exitCode;
}

const newRun = (rid: string | null, output: string): PingedRun => ({
  rid,
  startedAt: null,
  endedAt: null,
  givenUpAt: null,
  hasFailed: false,
  exitCode: null,
  output,
  lastWords: '',
});

function end(run: PingedRun, { at, kind, exitCode, body }: Ping): void {
  run.endedAt = at;
  run.hasFailed = kind === 'fail';
  run.exitCode = exitCode;
  run.lastWords = body;
  say(run, body);
}

/** The one that is running, or ran last. */
const latestOf = (runs: readonly PingedRun[]): PingedRun | undefined =>
  runs.findLast(({ endedAt, givenUpAt }) => endedAt === null && givenUpAt === null) ?? runs.at(-1);

function say(run: PingedRun, text: string): void {
  run.output = joined(run.output, text);
}

const joined = (before: string, text: string): string =>
  before === '' || text === '' ? before + text : `${before}\n${text}`;

/** When it gave its first sign of life, as far as it counts for its slot. */
export const beganAt = ({ startedAt, endedAt }: PingedRun): number => startedAt ?? endedAt ?? 0;
