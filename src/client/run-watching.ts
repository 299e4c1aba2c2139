/** What live commands show of runs: those that go on or have just ended, each with how far its archive is. */
import type { RunDetailDocument, RunDocument, RunProgressDocument } from '../domain/documents.js';
import { glanceAtRunExecution } from './run-progress.js';
import { isOver, listRuns } from './runs.js';
import type { Stack } from './stack.js';

export interface WatchedRun extends RunDocument {
  /** Null: no archive is being made now. */
  progress: RunProgressDocument | null;
}

const mostRuns = 100;
/** An archive each that Temporal is asked about at once; few are made side by side. */
const mostAsked = 20;
/** So long after its end a run is still shown. */
const justOverMs = 10 * 60_000;

/** True when it ended so short a time ago that people still look at it, or when its archive is not settled. */
const isShown = (run: RunDocument, now: number): boolean =>
  !isOver(run) ||
  run.archiveState === 'pending' ||
  (run.finishedAt !== null && now - Date.parse(run.finishedAt) < justOverMs);

/** Newest first, 100 at most. */
export async function readWatchedRuns(stack: Stack): Promise<WatchedRun[]> {
  const [open, newest] = await Promise.all([
    listRuns(stack, { states: ['running', 'stalled'], limit: mostRuns }),
    listRuns(stack, { states: null, limit: mostRuns }),
  ]);
  const known = new Set(newest.map(({ id }) => id));
  const now = Date.now();
  const runs = [...newest, ...open.filter(({ id }) => !known.has(id))]
    .filter((run) => isShown(run, now))
    .slice(0, mostRuns);
  const asked = runs.filter(({ archiveState }) => archiveState === 'pending').slice(0, mostAsked);
  const progress = new Map(
    await Promise.all(
      asked.map(async ({ id }) => [id, (await glanceAtRunExecution(stack, id))?.progress ?? null] as const),
    ),
  );
  return runs.map((run) => ({ ...run, progress: progress.get(run.id) ?? null }));
}

/** So long after its end a run that nobody took care of is taken for history, or for unwatched. */
const unwatchedAfterMs = 60_000;

/** True when nothing more will happen to a run by itself. */
export function isSettled(run: RunDetailDocument, now: number): boolean {
  if (!isOver(run)) return false;
  if (run.archiveState === 'elsewhere') return run.archive !== null;
  if (run.completion === 0)
    return run.finishedAt !== null && now - Date.parse(run.finishedAt) > unwatchedAfterMs;
  return run.archiveState !== 'pending' && run.report !== null && run.progress === null;
}
