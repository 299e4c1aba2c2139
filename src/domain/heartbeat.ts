/** The heartbeat's decision: from the results of a tick to changed states, and to what incidents are told. */
import { decideProblem, report, type Desk, type HeartbeatFacts } from './heartbeat-problems.js';
import { takeResult } from './heartbeat-results.js';
import {
  isForgettable,
  newTrack,
  problemTypes,
  type ServiceState,
  type ServiceTrack,
} from './heartbeat-track.js';
import type { IncidentReport } from './incident.js';

export interface ServiceChange {
  name: string;
  from: ServiceState;
  to: ServiceState;
  /** Instant of the present state, epoch ms. */
  since: number;
  reason: string;
  /** What the loop remembers; null when it forgets the service because it is plainly fine again. */
  track: ServiceTrack | null;
}

export interface HeartbeatDecision {
  tracks: Record<string, ServiceTrack>;
  episodes: Record<string, ServiceTrack['episodes']>;
  changes: ServiceChange[];
  reports: IncidentReport[];
  /** Dependencies whose verdict is wanted at once. */
  ask: string[];
  sequence: number;
}

/** Decides a tick. Pure: the same facts always give the same decision. */
export function decideHeartbeat(facts: HeartbeatFacts): HeartbeatDecision {
  const desk: Desk = {
    facts,
    tracks: { ...facts.tracks },
    reports: [],
    ask: new Set(),
    sequence: facts.sequence,
  };
  for (const checked of facts.results) {
    const track = desk.tracks[checked.name] ?? newTrack(checked, facts.episodes[checked.name] ?? {});
    desk.tracks[checked.name] = takeResult(track, checked);
  }
  for (const name of causesFirst(desk.tracks))
    for (const type of problemTypes) decideProblem(desk, name, type);
  reportAffected(desk);
  return concludeHeartbeat(desk);
}

/** Resolves what is open of services that are no longer watched, and forgets them. */
export function releaseServices(
  facts: Omit<HeartbeatFacts, 'results'>,
  gone: readonly string[],
): HeartbeatDecision {
  const desk: Desk = {
    facts: { ...facts, results: [] },
    tracks: { ...facts.tracks },
    reports: [],
    ask: new Set(),
    sequence: facts.sequence,
  };
  for (const name of gone) {
    const track = desk.tracks[name];
    if (track === undefined) continue;
    for (const type of problemTypes) {
      if (track.problems[type]?.incident !== 'own') continue;
      report(desk, name, type, {
        kind: 'recover',
        reason: 'no longer watched: removed from the configuration',
        resolvedBy: 'source',
      });
    }
    // Without a track nobody lists it as affected any more, and what it caused looks for another cause.
    delete desk.tracks[name];
  }
  for (const [name, track] of Object.entries(desk.tracks))
    desk.tracks[name] = {
      ...track,
      dependencies: track.dependencies.filter((dependency) => !gone.includes(dependency.name)),
    };
  for (const name of causesFirst(desk.tracks))
    for (const type of problemTypes) decideProblem(desk, name, type);
  reportAffected(desk);
  return concludeHeartbeat(desk);
}

/** A dependency is decided before what hangs on it: whoever has fewer dependencies in total comes first. */
function causesFirst(tracks: Readonly<Record<string, ServiceTrack>>): string[] {
  const weight = (name: string): number => tracks[name]?.dependencies.length ?? 0;
  return Object.keys(tracks).sort((a, b) => weight(a) - weight(b) || (a < b ? -1 : 1));
}

function affectedBy(tracks: Readonly<Record<string, ServiceTrack>>): Map<string, string[]> {
  const lists = new Map<string, string[]>();
  for (const [name, track] of Object.entries(tracks)) {
    const problem = track.problems.unhealthy;
    if (problem?.incident !== 'affected' || problem.cause === null) continue;
    lists.set(problem.cause, [...(lists.get(problem.cause) ?? []), name].sort());
  }
  return lists;
}

/** Puts what hangs on a cause into its reports of this tick, or tells its incident that the list changed. */
function reportAffected(desk: Desk): void {
  const before = affectedBy(desk.facts.tracks);
  const after = affectedBy(desk.tracks);
  for (const cause of new Set([...before.keys(), ...after.keys()])) {
    const affected = after.get(cause) ?? [];
    const own = desk.reports.filter(
      (candidate) => candidate.target === cause && candidate.type === 'unhealthy',
    );
    for (const candidate of own)
      candidate.affected = candidate.kind === 'recover' ? (before.get(cause) ?? []) : affected;
    const hasChanged = affected.join('\n') !== (before.get(cause) ?? []).join('\n');
    // A list that only empties because everything recovers stays in the incident as what was affected.
    if (own.length > 0 || !hasChanged || affected.length === 0) continue;
    report(desk, cause, 'unhealthy', { kind: 'affected', reason: '', resolvedBy: null });
    const added = desk.reports.at(-1);
    if (added !== undefined) added.affected = affected;
  }
}

const memoryOf = (track: ServiceTrack | undefined): string =>
  JSON.stringify(
    track === undefined
      ? null
      : [
          track.state,
          track.flapping,
          track.episodes,
          Object.entries(track.problems).map(([type, problem]) => [
            type,
            problem.isBad,
            problem.incident,
            problem.cause,
          ]),
        ],
  );

/** What a service last read of a dependency that is plainly fine again must not be held against it. */
function withoutOldNews(track: ServiceTrack, isFine: (name: string) => boolean): ServiceTrack {
  if (!track.dependencies.some(({ name }) => isFine(name))) return track;
  const dependencies = track.dependencies.map((dependency) =>
    isFine(dependency.name)
      ? { ...dependency, state: 'healthy' as const, verdict: 'healthy' as const }
      : dependency,
  );
  return { ...track, dependencies };
}

function concludeHeartbeat(desk: Desk): HeartbeatDecision {
  const { facts } = desk;
  const episodes = { ...facts.episodes };
  const changes: ServiceChange[] = [];
  const tracks: Record<string, ServiceTrack> = {};
  const isForgettableNow = (name: string): boolean => {
    const track = desk.tracks[name];
    return track !== undefined && isForgettable(track, facts.now);
  };
  for (const [name, decided] of Object.entries(desk.tracks)) {
    const track = withoutOldNews(decided, isForgettableNow);
    if (Object.keys(track.episodes).length > 0) episodes[name] = track.episodes;
    const isForgotten = isForgettableNow(name);
    if (!isForgotten) tracks[name] = track;
    const before = facts.tracks[name];
    if (!isForgotten && memoryOf(before) === memoryOf(track)) continue;
    const from =
      before?.state ?? facts.results.find((checked) => checked.name === name)?.knownState ?? 'unknown';
    changes.push({
      name,
      from,
      to: track.state,
      since: track.since,
      reason: track.reason,
      track: isForgotten ? null : track,
    });
  }
  return {
    tracks,
    episodes,
    changes,
    reports: desk.reports,
    ask: [...desk.ask].sort(),
    sequence: desk.sequence,
  };
}
