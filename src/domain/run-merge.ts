/** Events of a run become its end state, in whatever order and however often they come. */
import type { RunEvent, RunStateEvent, StepEvent } from './run-event.js';
import { finalStepStates, type RunFacts, type StepFacts } from './run.js';

export interface MergedRun {
  /** With those of its steps that were known or came. */
  run: RunFacts;
  /** Names of steps that are not as they were. */
  changedSteps: string[];
  hasRunChanged: boolean;
}

interface Standing {
  state: string | null;
  startedAt: number | null;
  updatedAt: number | null;
  finishedAt: number | null;
}

/** Of two states of one instant the one that says more about the end; a word of others goes on. */
const ranks: Record<string, number> = { pending: 1, skipped: 3, succeeded: 4, cancelled: 5, failed: 6 };
const rankOf = (state: string | null): number => (state === null || state === '' ? 0 : (ranks[state] ?? 2));

const isFinal = (state: string | null): boolean => finalStepStates.some((word) => word === state);

const least = (a: number | null, b: number): number => (a === null ? b : Math.min(a, b));

/** Since when a standing is as it is. */
const sinceOf = ({ state, updatedAt, finishedAt }: Standing): number =>
  (isFinal(state) ? (finishedAt ?? updatedAt) : updatedAt) ?? Number.NEGATIVE_INFINITY;

/**
 * A standing after one more event. The newest counts; an older `running` only tells when it began. A final state that is
 * repeated without an instant stays where it was first. `hasWon`: the event's state is the one that counts now.
 */
function advance<Kind extends Standing>(
  before: Kind,
  event: { state: string; at: number | null },
  now: number,
): { after: Kind; hasWon: boolean } {
  const at = event.at ?? now;
  const startedAt = event.state === 'running' ? least(before.startedAt, at) : before.startedAt;
  const since = sinceOf(before);
  const isRepeated = event.at === null && isFinal(event.state) && event.state === before.state;
  const isNewer = at > since || (at === since && rankOf(event.state) > rankOf(before.state));
  if (isRepeated || !isNewer) return { after: { ...before, startedAt }, hasWon: false };
  const finishedAt = isFinal(event.state) ? at : null;
  return { after: { ...before, state: event.state, startedAt, updatedAt: at, finishedAt }, hasWon: true };
}

function takeStep(before: StepFacts, event: StepEvent, now: number): StepFacts {
  const { after, hasWon } = advance(before, event, now);
  if (hasWon) return { ...after, error: event.error };
  // A repetition may say why, when the first one did not.
  const isSame = event.state === before.state && (event.at === null || event.at === sinceOf(before));
  return isSame && before.error === null ? { ...after, error: event.error } : after;
}

function takeRun(before: RunFacts, event: RunStateEvent, now: number): RunFacts {
  const { after, hasWon } = advance(before, event, now);
  const { name, workDirectory } = event;
  return {
    ...after,
    name: hasWon ? (name ?? after.name) : (after.name ?? name),
    workDirectory: hasWon ? (workDirectory ?? after.workDirectory) : (after.workDirectory ?? workDirectory),
  };
}

/** A step that is not finished says of its run that it goes on: one that was over is open again. */
function goOn(before: RunFacts, event: StepEvent, now: number): RunFacts {
  if (isFinal(event.state)) return before;
  const { after } = advance(before, { state: 'running', at: event.at }, now);
  // What was only announced has not begun.
  return event.state === 'running' ? after : { ...after, startedAt: before.startedAt };
}

const emptyStep = (name: string): StepFacts => ({
  name,
  state: '',
  error: null,
  startedAt: null,
  updatedAt: null,
  finishedAt: null,
});

/** A run of which nothing is known yet. */
export const emptyRun = (id: string): RunFacts => ({
  id,
  name: null,
  state: null,
  workDirectory: null,
  startedAt: null,
  updatedAt: null,
  finishedAt: null,
  steps: [],
});

const differs = (a: object, b: object): boolean => JSON.stringify(a) !== JSON.stringify(b);

/** Takes events on top of what is known. Events with instants of their own give the same end in any order. */
export function mergeRunEvents(known: RunFacts, events: readonly RunEvent[], now: number): MergedRun {
  const before = new Map(known.steps.map((step) => [step.name, step]));
  const steps = new Map(before);
  let run = known;
  for (const event of events.toSorted((a, b) => (a.at ?? now) - (b.at ?? now))) {
    if (event.kind === 'run') run = takeRun(run, event, now);
    else {
      steps.set(event.step, takeStep(steps.get(event.step) ?? emptyStep(event.step), event, now));
      run = goOn(run, event, now);
    }
  }
  const all = [...steps.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    run: { ...run, steps: all },
    changedSteps: all.filter((step) => differs(step, before.get(step.name) ?? {})).map(({ name }) => name),
    hasRunChanged: differs({ ...run, steps: [] }, { ...known, steps: [] }),
  };
}
