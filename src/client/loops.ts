/** What people ask about loops: the list with what really runs, and one loop in full. */
import { wantedLoops, type RunningLoop, type WantedLoop } from '../domain/apply-plan.js';
import type { LoopDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import { isStale, type LoopState, type LoopStatus } from '../domain/loop.js';
import { nearMiss } from '../domain/near-miss.js';
import { readRunningLoops } from './loop-executions.js';
import type { Stack } from './stack.js';
import { asTemporalError, callTimeoutMs, isUnanswered } from './temporal.js';

/** A loop as a client knows it. */
export interface Loop {
  document: LoopDocument;
  status: LoopStatus;
  /** null when the applied configuration does not ask for it (any more). */
  wanted: WantedLoop | null;
}

const isoOf = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

/** The row of `loops list` for a status. */
export function loopDocument(status: LoopStatus, now: number): LoopDocument {
  return {
    id: status.id,
    loop: status.loop,
    target: status.target,
    state: status.state,
    pausedBy: status.pausedBy,
    note: status.note,
    lastAt: isoOf(status.lastAt),
    nextAt: isoOf(status.nextAt),
    count: status.count,
    missed: status.missed,
    stale: isStale(status, now),
  };
}

const unknownStatus = (id: string, loop: string, target: string): LoopStatus => ({
  id,
  loop,
  target,
  state: 'stopped',
  pausedBy: null,
  note: null,
  lastAt: null,
  nextAt: null,
  everyMs: null,
  count: 0,
  missed: 0,
});

/** A loop whose workflow does not run is stopped, whatever it wrote last; one that runs cannot be stopped. */
function trueState(recorded: LoopState, isRunning: boolean): LoopState {
  if (!isRunning) return 'stopped';
  return recorded === 'stopped' ? 'running' : recorded;
}

function loopOf(
  status: LoopStatus,
  facts: { isRunning: boolean; wanted: WantedLoop | null; now: number },
): Loop {
  const state = trueState(status.state, facts.isRunning);
  // A loop that was started again has not written its row yet: why it was stopped is history.
  const isStartedAgain = status.state === 'stopped' && facts.isRunning;
  const known = {
    ...status,
    state,
    note: isStartedAgain ? null : status.note,
    nextAt: state === 'running' ? status.nextAt : null,
  };
  return { document: loopDocument(known, facts.now), status: known, wanted: facts.wanted };
}

function mergeLoops(recorded: LoopStatus[], wanted: WantedLoop[], running: Map<string, RunningLoop>): Loop[] {
  const now = Date.now();
  const wantedById = new Map(wanted.map((loop) => [loop.id, loop]));
  const statusById = new Map(recorded.map((status) => [status.id, status]));
  for (const { id, loop, target } of wanted) {
    if (!statusById.has(id)) statusById.set(id, unknownStatus(id, loop, target));
  }
  for (const { id, loop } of running.values()) {
    if (!statusById.has(id)) statusById.set(id, unknownStatus(id, loop, id.split(':').at(-1) ?? ''));
  }
  return (
    [...statusById.values()]
      // A shard that the configuration needs no more is history once it has stopped.
      .filter(({ id }) => running.has(id) || wantedById.has(id))
      .map((status) =>
        loopOf(status, { isRunning: running.has(status.id), wanted: wantedById.get(status.id) ?? null, now }),
      )
      .sort(
        (a, b) =>
          a.document.loop.localeCompare(b.document.loop) ||
          a.document.id.localeCompare(b.document.id, 'en', { numeric: true }),
      )
  );
}

/** All loops of the environment: recorded, wanted by the applied configuration, or running. */
export async function readLoops(stack: Stack): Promise<Loop[]> {
  const { readLoops: readRecorded } = await import('../adapters/postgres/read-model.js');
  const { latestConfiguration } = await import('../adapters/postgres/configuration-store.js');
  const [recorded, latest] = await stack.read((pool, environment) =>
    Promise.all([readRecorded(pool, environment), latestConfiguration(pool, environment)]),
  );
  const wanted = latest === null ? [] : wantedLoops(latest.configuration, latest.revision);
  const candidates = [...recorded, ...wanted].map(({ id }) => id);
  const running = await readRunningLoops(await stack.temporal(), stack.environment, candidates);
  return mergeLoops(recorded, wanted, running);
}

/** The loops that a person means: one by its id, or all of one name. Throws OpsError `notFound` with what there is. */
export function selectLoops(loops: Loop[], idOrName: string): Loop[] {
  const byId = loops.filter(({ document }) => document.id === idOrName);
  const selected = byId.length > 0 ? byId : loops.filter(({ document }) => document.loop === idOrName);
  if (selected.length > 0) return selected;
  const names = [...new Set(loops.flatMap(({ document }) => [document.loop, document.id]))];
  const near = nearMiss(idOrName, names);
  const hint =
    names.length === 0
      ? 'No loop was applied yet: run `opsloop apply`.'
      : `${near === null ? '' : `Did you mean "${near}"? `}There are: ${names.join(', ')}.`;
  throw new OpsError('notFound', `there is no loop "${idOrName}". ${hint}`, { field: 'loop' });
}

/** A loop in full: its row, and whatever the loop itself adds. */
export interface LoopDetail {
  document: LoopDocument & Record<string, unknown>;
  /** False when no worker answered, so that only the recorded row is shown. */
  isAnswered: boolean;
}

/** Asks the loop itself; falls back to what it recorded last. */
export async function showLoop(stack: Stack, loop: Loop): Promise<LoopDetail> {
  const recorded = { document: { ...loop.document }, isAnswered: loop.document.state === 'stopped' };
  if (loop.document.state === 'stopped') return recorded;
  const temporal = await stack.temporal();
  try {
    const handle = temporal.client.workflow.getHandle(loop.document.id);
    const answer = await temporal.within(callTimeoutMs, () => handle.query<LoopStatus>('state'));
    return { document: { ...answer, ...loopDocument(answer, Date.now()) }, isAnswered: true };
  } catch (error) {
    if (isUnanswered(error)) return recorded;
    throw asTemporalError(error, temporal);
  }
}
