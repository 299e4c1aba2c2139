/** One look at the tables of runs: what is over is claimed and handed on, what stands still is told. */
import type { RunClaims } from '../adapters/postgres/run-claim-store.js';
import type { RunRecord, RunSighting } from '../adapters/postgres/run-record-store.js';
import type { RunSourceReader } from '../adapters/postgres/run-source.js';
import type { Alert } from '../domain/alert.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import { incidentId, runWatchId } from '../domain/ids.js';
import type { IncidentReport } from '../domain/incident.js';
import { severityOf, stepAlert } from '../domain/run-alerts.js';
import type { RunSettings } from '../domain/run-settings.js';
import { decideSighting, type RunFinding, type SightingRules } from '../domain/run-sighting.js';
import type { RunFacts } from '../domain/run.js';
import { createRunBacklog, type RunBacklog } from './run-backlog.js';
import { goneSighting, sightingOf, type ClaimedRun } from './run-sightings.js';
import type { LookAtRunsInput, RunsLook, RunWatchActivities } from './run-watch-contract.js';

/** The tables of one source, with the claims that belong to them. */
export interface WatchedSource {
  reader: RunSourceReader;
  claims: RunClaims;
}

export interface RunWatchDependencies {
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  /** Our own tables first, each by itself; their notifications are listened to from then on. */
  sourcesOf(environment: string, settings: RunSettings): Promise<WatchedSource>[];
  readRecords(environment: string, ids: readonly string[]): Promise<Map<string, RunRecord>>;
  writeSightings(environment: string, sightings: readonly RunSighting[]): Promise<void>;
  /** Instant of the database's clock, epoch ms. */
  databaseNow(): Promise<number>;
  readLoopCounts(environment: string, id: string): Promise<{ count: number; missed: number } | null>;
  readLastEpisode(environment: string, incidentId: string): Promise<number>;
  /** Starts the workflow of a run, or tells the one that runs. */
  completeRun(environment: string, run: string, completion: number): Promise<void>;
  signalIncident(report: IncidentReport): Promise<void>;
  signalRouter(alert: Alert): Promise<void>;
  warn(message: string, detail?: object): void;
  now(): number;
}

/** Runs dealt with in one call: their workflows are started in a fraction of a second. */
export const mostRunsOfLook = 50;
/** A source that failed is asked again after this. */
const againMs = 5_000;
/** Calls to Temporal side by side. */
const sideBySide = 8;

export function createRunWatchActivities(deps: RunWatchDependencies): RunWatchActivities {
  const backlogs = new Map<string, RunBacklog>();
  const backlogOf = (environment: string, source: string): RunBacklog => {
    const key = `${environment} ${source}`;
    const known = backlogs.get(key) ?? createRunBacklog();
    backlogs.set(key, known);
    return known;
  };
  return {
    lookAtRuns: async (input) => {
      const { environment, revision, loopId } = input;
      const { runs: settings } = await deps.configurationOf(environment, revision);
      const loop = loopId === null ? null : await deps.readLoopCounts(environment, loopId);
      const look: RunsLook = { hasMore: false, nextInMs: settings.pollMs, found: 0, problem: null, loop };
      const sources = deps.sourcesOf(environment, settings);
      // One that fails while another is looked at is told when its turn comes.
      for (const opening of sources) opening.catch(() => undefined);
      const failures: unknown[] = [];
      // One source that is away holds up no other.
      for (const opening of sources) {
        try {
          const source = await opening;
          const backlog = backlogOf(environment, source.reader.name);
          const { found, problem } = await lookAtSource(deps, { input, settings, source, backlog });
          look.found += found;
          look.problem ??= problem;
          look.hasMore ||= backlog.size() > 0;
          look.nextInMs = Math.min(look.nextInMs, backlog.nextInMs(deps.now(), settings.pollMs));
        } catch (error) {
          failures.push(error);
          look.nextInMs = Math.min(look.nextInMs, againMs);
          look.problem = messageOf(error);
        }
      }
      if (failures.length === sources.length) throw failures[0];
      return look;
    },
  };
}

interface SourceLook {
  input: LookAtRunsInput;
  settings: RunSettings;
  source: WatchedSource;
  backlog: RunBacklog;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

interface Found {
  found: number;
  /** Why some runs could not be dealt with; null: all could. */
  problem: string | null;
}

async function lookAtSource(deps: RunWatchDependencies, look: SourceLook): Promise<Found> {
  const { input, settings, source, backlog } = look;
  if (input.runs === null) backlog.owe();
  else backlog.add(input.runs);
  if (backlog.isLookDue(deps.now(), settings.pollMs)) {
    await source.claims.renew();
    const begunAt = deps.now();
    const marks = await source.reader.readMarks(settings.lookBackMs);
    backlog.takeMarks(marks, { begunAt, now: deps.now() });
  }
  const ids = backlog.next(mostRunsOfLook, deps.now());
  if (ids.length === 0) return { found: 0, problem: null };
  return lookAtRuns(deps, look, ids);
}

async function lookAtRuns(
  deps: RunWatchDependencies,
  look: SourceLook,
  ids: readonly string[],
): Promise<Found> {
  const { input, settings, source, backlog } = look;
  const { environment } = input;
  const [facts, records, now] = await Promise.all([
    source.reader.readRuns(ids),
    deps.readRecords(environment, ids),
    deps.databaseNow(),
  ]);
  const rules: SightingRules = { clocks: settings, lookBackMs: settings.lookBackMs, now };
  const seen = facts
    .filter(({ id }) => isOurs(deps, records.get(id), source.reader.name))
    .map((run) => ({ facts: run, finding: decideSighting(run, records.get(run.id) ?? null, rules) }));
  const claimed = await claimRuns(source, seen);
  const sightings = seen.map(({ facts: run, finding }) =>
    sightingOf(
      { facts: run, finding, now, settings, source: source.reader.name },
      records.get(run.id) ?? null,
      claimed.get(run.id),
    ),
  );
  await deps.writeSightings(
    environment,
    sightings.flatMap(({ sighting, isNews }) => (isNews ? [sighting] : [])),
  );
  const told = await inTurns(seen, (run) => hand(deps, environment, run, claimed.get(run.facts.id)));
  for (const [index, outcome] of told.entries()) {
    const run = seen[index];
    if (run === undefined) continue;
    if (outcome.status === 'fulfilled')
      backlog.settled(run.facts.id, dueAtOf(run.finding, claimed.get(run.facts.id)));
    else backlog.failed(run.facts.id);
  }
  await noteGone(
    deps,
    look,
    [...records.values()].filter(({ id }) => !facts.some((run) => run.id === id)),
  );
  const known = new Set(seen.map(({ facts: run }) => run.id));
  for (const id of ids) if (!known.has(id)) backlog.settled(id, null);
  const failed = told.filter((outcome) => outcome.status === 'rejected');
  const [first] = failed;
  // One that always fails holds up no other; when all do, it is no fault of theirs.
  if (first !== undefined && failed.length === told.length) throw first.reason;
  return {
    found: seen.filter(({ finding }) => finding.completed !== null || finding.stall !== null).length,
    problem: first === undefined ? null : messageOf(first.reason),
  };
}

/** Rows that are gone though their runs were not over: nothing will be heard of them. */
async function noteGone(
  deps: RunWatchDependencies,
  { input: { environment }, source }: SourceLook,
  missing: readonly RunRecord[],
): Promise<void> {
  const gone = missing.filter(
    (record) => record.source === source.reader.name && ['running', 'stalled'].includes(record.state),
  );
  for (const record of gone)
    if (record.state === 'stalled')
      await tellMoving(deps, environment, {
        run: record.id,
        count: record.stallCount + 1,
        reason: 'its row is gone',
      });
  await deps.writeSightings(environment, gone.map(goneSighting));
}

/** A run of the same id in two sources: the first that was seen keeps the name. */
function isOurs(deps: RunWatchDependencies, record: RunRecord | undefined, source: string): boolean {
  if (record === undefined || record.source === source) return true;
  deps.warn('two sources have a run of the same id: the one that was seen later is left alone', {
    run: record.id,
    kept: record.source,
    left: source,
  });
  return false;
}

interface SeenRun {
  facts: RunFacts;
  finding: RunFinding;
}

async function claimRuns(
  { claims }: WatchedSource,
  seen: readonly SeenRun[],
): Promise<Map<string, ClaimedRun>> {
  const reopened = seen.filter(({ finding }) => finding.isReopened).map(({ facts }) => facts.id);
  if (reopened.length > 0) await claims.reopen(reopened);
  const completed = new Map(
    seen.flatMap(({ facts, finding }) => (finding.completed === null ? [] : [[facts.id, finding.completed]])),
  );
  return completed.size === 0 ? new Map() : claims.claim(completed);
}

/** Tells whoever has to know. Each of these may be told twice without harm. */
async function hand(
  deps: RunWatchDependencies,
  environment: string,
  { facts, finding }: SeenRun,
  claim: ClaimedRun | undefined,
): Promise<void> {
  const isElsewhere = claim !== undefined && !claim.isMine;
  if (!isElsewhere)
    for (const step of finding.failedSteps)
      await deps.signalRouter(stepAlert({ environment, id: facts.id, name: facts.name }, step, deps.now()));
  if (finding.stall !== null) await tellStall(deps, environment, { facts, finding });
  if (claim !== undefined && claim.isMine && !claim.isDone)
    await deps.completeRun(environment, facts.id, claim.completion);
}

async function tellStall(
  deps: RunWatchDependencies,
  environment: string,
  { facts, finding: { stall, state } }: SeenRun,
): Promise<void> {
  if (stall === null) return;
  if (stall.kind === 'moving') {
    const reason = state === 'running' ? 'it moves on' : `it is over: ${state}`;
    return tellMoving(deps, environment, { run: facts.id, count: stall.count, reason });
  }
  const report = stallReport(environment, facts.id, stall.count);
  await deps.signalIncident({
    ...report,
    kind: 'open',
    episode: (await deps.readLastEpisode(environment, incidentId(report))) + 1,
    reason: stall.stall.reason,
    resolvedBy: null,
    at: deps.now(),
    event: 'run_stalled',
    advice: `See what it waits for: opsloop runs show ${facts.id}`,
    why: 'a clock of `runs` ran out: stalledAfter, startWithin or maxDuration',
  });
}

const tellMoving = (
  deps: RunWatchDependencies,
  environment: string,
  { run, count, reason }: { run: string; count: number; reason: string },
): Promise<void> =>
  deps.signalIncident({
    ...stallReport(environment, run, count),
    kind: 'recover',
    episode: 1,
    reason,
    resolvedBy: 'recovery',
    at: deps.now(),
  });

/** What all reports about a run that stands still have in common; `count` numbers them. */
const stallReport = (environment: string, run: string, count: number) => ({
  environment,
  loop: 'run',
  type: 'stalled',
  target: run,
  key: `${runWatchId(environment)}:${run}:${count}`,
  reporter: runWatchId(environment),
  sequence: count,
  severity: severityOf('run_stalled'),
  tags: [],
  affected: [],
});

/** What another opsloop has, and has not done, is looked at again when its claim runs out. */
const dueAtOf = (finding: RunFinding, claim: ClaimedRun | undefined): number | null =>
  claim !== undefined && !claim.isMine ? claim.leaseUntil : finding.dueAt;

async function inTurns<T>(
  items: readonly T[],
  act: (item: T) => Promise<void>,
): Promise<PromiseSettledResult<void>[]> {
  const results: PromiseSettledResult<void>[] = [];
  for (let at = 0; at < items.length; at += sideBySide)
    results.push(...(await Promise.allSettled(items.slice(at, at + sideBySide).map(act))));
  return results;
}
