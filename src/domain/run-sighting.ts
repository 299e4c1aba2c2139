/** What follows from one look at one run, given what was known of it. */
import {
  begunAt,
  completedFacts,
  judgeRun,
  judgeStall,
  progressAt,
  type CompletedFacts,
  type Stall,
  type StallClocks,
} from './run-judgement.js';
import type { RunFacts, RunState } from './run.js';

/** What was known of the run. */
export interface KnownRun {
  state: RunState;
  completion: number;
  stallCount: number;
  toldSteps: Record<string, number>;
  firstSeenAt: number;
}

/** A step that failed, not told yet. */
export interface FailedStep {
  name: string;
  error: string | null;
  /** When it ended, epoch ms; null: the table does not say. */
  at: number | null;
}

export interface RunFinding {
  state: RunState;
  startedAt: number | null;
  finishedAt: number | null;
  progressAt: number | null;
  /** Set when it is over and has to be taken care of; null: it goes on, or it is history. */
  completed: CompletedFacts | null;
  /** It was over, and goes on. */
  isReopened: boolean;
  /** It began to stand still, or moves again; null: neither is news. */
  stall: { kind: 'stalled'; stall: Stall; count: number } | { kind: 'moving'; count: number } | null;
  failedSteps: FailedStep[];
  toldSteps: Record<string, number>;
  /** When time alone may change it, epoch ms; null: never. */
  dueAt: number | null;
}

export interface SightingRules {
  clocks: StallClocks;
  /** Runs that ended longer ago when they are seen for the first time are history. */
  lookBackMs: number;
  now: number;
}

/** Steps told at once at most; a run of thousands of broken steps is one trouble, not thousands. */
const mostToldSteps = 100;

/** Pure: the same facts always give the same finding. */
export function decideSighting(facts: RunFacts, known: KnownRun | null, rules: SightingRules): RunFinding {
  const { now, lookBackMs, clocks } = rules;
  const judgement = judgeRun(facts);
  const firstSeenAt = known?.firstSeenAt ?? now;
  const finishedAt = judgement.kind === 'complete' ? judgement.finishedAt : null;
  const isHistory = (known?.completion ?? 0) === 0 && finishedAt !== null && finishedAt < now - lookBackMs;
  const { stall, dueAt } =
    judgement.kind === 'complete'
      ? { stall: null, dueAt: null }
      : judgeStall(facts, clocks, { firstSeenAt, now });
  const wasOver = known !== null && known.state !== 'running' && known.state !== 'stalled';
  const state = judgement.kind === 'complete' ? judgement.verdict : stall === null ? 'running' : 'stalled';
  const failed = isHistory ? [] : newFailures(facts, known?.toldSteps ?? {});
  return {
    state,
    startedAt: begunAt(facts),
    finishedAt,
    progressAt: progressAt(facts),
    completed: judgement.kind === 'complete' && !isHistory ? completedFacts(facts, judgement.verdict) : null,
    isReopened: judgement.kind === 'open' && wasOver && known.completion > 0,
    stall: stallNews(stall, known),
    failedSteps: failed,
    toldSteps: toldAfter(facts, known?.toldSteps ?? {}, failed),
    dueAt,
  };
}

function stallNews(stall: Stall | null, known: KnownRun | null): RunFinding['stall'] {
  const was = known?.state === 'stalled';
  const count = (known?.stallCount ?? 0) + 1;
  if (stall !== null && !was) return { kind: 'stalled', stall, count };
  if (stall === null && was) return { kind: 'moving', count };
  return null;
}

/** A step that failed again after it was told has another end. */
function newFailures(facts: RunFacts, told: Readonly<Record<string, number>>): FailedStep[] {
  return facts.steps
    .filter(({ name, state, finishedAt }) => {
      if (state !== 'failed') return false;
      if (!Object.hasOwn(told, name)) return true;
      return finishedAt !== null && told[name] !== 0 && told[name] !== finishedAt;
    })
    .slice(0, mostToldSteps)
    .map(({ name, error, finishedAt }) => ({ name, error, at: finishedAt }));
}

/** Steps that failed no more are forgotten: their next failure is news. */
function toldAfter(
  facts: RunFacts,
  told: Readonly<Record<string, number>>,
  news: readonly FailedStep[],
): Record<string, number> {
  const failing = new Set(facts.steps.filter(({ state }) => state === 'failed').map(({ name }) => name));
  const kept = Object.entries(told).filter(([name]) => failing.has(name));
  return Object.fromEntries([...kept, ...news.map(({ name, at }) => [name, at ?? 0] as const)]);
}
