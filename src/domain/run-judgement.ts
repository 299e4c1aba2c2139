/** Whether a run is over and how it ended, whether that is news, and whether one that goes on stands still. */
import { formatDuration } from './duration.js';
import { finalStepStates, type RunFacts, type RunVerdict, type StepFacts } from './run.js';

export type RunJudgement =
  | {
      kind: 'complete';
      verdict: RunVerdict;
      /** When it ended, as far as the tables say, epoch ms; null: they do not. */
      finishedAt: number | null;
    }
  | { kind: 'open' };

const isFinal = ({ state }: Pick<StepFacts, 'state'>): boolean =>
  (finalStepStates as readonly string[]).includes(state);

/** How it ended by its own row; null: that does not say that it is over. */
const ownVerdict = ({ state }: Pick<RunFacts, 'state'>): RunVerdict | null =>
  state === 'succeeded' || state === 'failed' || state === 'cancelled' ? state : null;

const latest = (instants: readonly (number | null)[]): number | null =>
  instants.reduce<number | null>((a, b) => (b === null || (a !== null && a >= b) ? a : b), null);

/** A run is over when its own row says so, or when it has steps and all that are known are final. */
export function judgeRun(facts: RunFacts): RunJudgement {
  const { steps } = facts;
  const ofSteps = latest(steps.map(({ finishedAt, updatedAt }) => finishedAt ?? updatedAt));
  const own = ownVerdict(facts);
  if (own !== null)
    return {
      kind: 'complete',
      verdict: own,
      finishedAt: facts.finishedAt ?? facts.updatedAt ?? ofSteps,
    };
  if (steps.length === 0 || !steps.every(isFinal)) return { kind: 'open' };
  const has = (state: string): boolean => steps.some((step) => step.state === state);
  const verdict = has('failed') ? 'failed' : has('cancelled') ? 'cancelled' : 'succeeded';
  return { kind: 'complete', verdict, finishedAt: facts.finishedAt ?? ofSteps };
}

/** What a completion was like; it is kept to tell the next one from it. Plain JSON. */
export interface CompletedFacts {
  verdict: RunVerdict;
  /** Said by the run's own row. */
  isOwn: boolean;
  /** Of the run's own row. */
  finishedAt: number | null;
  steps: { name: string; state: string; finishedAt: number | null }[];
}

export const completedFacts = (facts: RunFacts, verdict: RunVerdict): CompletedFacts => ({
  verdict,
  isOwn: ownVerdict(facts) !== null,
  finishedAt: facts.finishedAt,
  steps: facts.steps.map(({ name, state, finishedAt }) => ({ name, state, finishedAt })),
});

/** An end that is written down a little later than the state is no second end. */
const differs = (before: number | null, after: number | null): boolean =>
  before !== null && after !== null && before !== after;

/**
 * True when a run that was over has ended again, and nobody saw it go on meanwhile. Pipelines write their rows one by one, so
 * what only completes the picture of the same end does not count: the run's own row after its steps, steps after it.
 */
export function isNewCompletion(before: CompletedFacts, after: CompletedFacts): boolean {
  if (before.verdict !== after.verdict) return true;
  if (after.isOwn) return before.isOwn && differs(before.finishedAt, after.finishedAt);
  const known = new Map(before.steps.map((step) => [step.name, step]));
  return after.steps.some((step) => {
    const earlier = known.get(step.name);
    return (
      earlier === undefined || earlier.state !== step.state || differs(earlier.finishedAt, step.finishedAt)
    );
  });
}

/** Clocks of a run that is not over, ms; null: not judged. */
export interface StallClocks {
  stalledAfterMs: number;
  startWithinMs: number | null;
  maxDurationMs: number | null;
}

export interface Stall {
  /** For people: `no progress for 31m, the last in step build`. */
  reason: string;
  since: number;
}

/** When it last moved, epoch ms; null: the tables do not say. */
export function progressAt(facts: RunFacts): number | null {
  const ofSteps = facts.steps.flatMap((step) => [step.startedAt, step.updatedAt, step.finishedAt]);
  return latest([facts.startedAt, facts.updatedAt, facts.finishedAt, ...ofSteps]);
}

/** When it began, epoch ms; null: it has not, or the tables do not say. */
export function begunAt({ startedAt, steps }: RunFacts): number | null {
  const known = [startedAt, ...steps.map((step) => step.startedAt)].filter((at) => at !== null);
  return known.length === 0 ? null : Math.min(...known);
}

const hasBegun = (facts: RunFacts): boolean =>
  facts.state === 'running' ||
  begunAt(facts) !== null ||
  facts.steps.some(({ state }) => state !== 'pending' && state !== '');

/** The clocks that run for it: what each says, and when it runs out. */
function clocksOf(
  facts: RunFacts,
  clocks: StallClocks,
  firstSeenAt: number,
): { at: number; since: number; text: string }[] {
  const { stalledAfterMs, startWithinMs, maxDurationMs } = clocks;
  if (!hasBegun(facts)) {
    if (startWithinMs === null) return [];
    const since = Math.min(firstSeenAt, facts.updatedAt ?? firstSeenAt);
    const text = `announced, but not begun within ${formatDuration(startWithinMs)}`;
    return [{ at: since + startWithinMs, since, text }];
  }
  const moved = progressAt(facts) ?? firstSeenAt;
  const last = facts.steps.filter(({ state }) => state === 'running').map(({ name }) => name);
  const where = last.length === 0 ? '' : `, in ${last.slice(0, 3).join(', ')}`;
  const found = [
    {
      at: moved + stalledAfterMs,
      since: moved,
      text: `no progress for ${formatDuration(stalledAfterMs)}${where}`,
    },
  ];
  const begun = begunAt(facts) ?? firstSeenAt;
  if (maxDurationMs !== null)
    found.push({
      at: begun + maxDurationMs,
      since: begun,
      text: `not over after ${formatDuration(maxDurationMs)}${where}`,
    });
  return found;
}

/**
 * Why an open run is taken for stalled; null: it is not. `dueAt` is when to look again though nothing was heard of it, epoch
 * ms; null: nothing will change by time alone.
 */
export function judgeStall(
  facts: RunFacts,
  clocks: StallClocks,
  { firstSeenAt, now }: { firstSeenAt: number; now: number },
): { stall: Stall | null; dueAt: number | null } {
  const running = clocksOf(facts, clocks, firstSeenAt).sort((a, b) => a.at - b.at);
  const [first] = running;
  if (first !== undefined && first.at <= now)
    return { stall: { reason: first.text, since: first.since }, dueAt: null };
  return { stall: null, dueAt: first?.at ?? null };
}
