/** The heartbeat's decision: from the results of a tick to changed states, and to what incidents are told. */
import { causeOf, isStillCause } from './dependency-cause.js';
import { reachesOpening, takeResult } from './heartbeat-results.js';
import {
  isForgettable,
  newTrack,
  problemTypes,
  type CheckedService,
  type ProblemTrack,
  type ProblemType,
  type ServiceState,
  type ServiceTrack,
} from './heartbeat-track.js';
import { incidentId } from './ids.js';
import type { IncidentReport } from './incident.js';

export interface HeartbeatFacts {
  environment: string;
  /** Workflow id of the shard. */
  reporter: string;
  tracks: Readonly<Record<string, ServiceTrack>>;
  /** Last episode told, per service and problem; outlives the tracks. */
  episodes: Readonly<Record<string, ServiceTrack['episodes']>>;
  /** Results of the tick: every service that is not plainly fine, and every tracked one that was due. */
  results: readonly CheckedService[];
  /** Sequence of the last report. */
  sequence: number;
  /** Epoch ms. */
  now: number;
}

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

type ReportKind = Pick<IncidentReport, 'kind' | 'reason' | 'resolvedBy'>;

/** Tracks while they are being decided on, and what came out of it. */
interface Desk {
  facts: HeartbeatFacts;
  tracks: Record<string, ServiceTrack>;
  reports: IncidentReport[];
  ask: Set<string>;
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

function decideProblem(desk: Desk, name: string, type: ProblemType): void {
  const track = desk.tracks[name];
  const problem = track?.problems[type];
  if (track === undefined || problem === undefined) return;
  const next =
    type === 'unhealthy'
      ? decideUnhealthy(desk, name, track, problem)
      : decideWarning(desk, name, type, track, problem);
  const latest = desk.tracks[name] ?? track;
  desk.tracks[name] = { ...latest, problems: { ...latest.problems, [type]: next } };
}

/** Expiry and latency warn: no dependency explains them, but they are not told of a service that is down. */
function decideWarning(
  desk: Desk,
  name: string,
  type: ProblemType,
  track: ServiceTrack,
  problem: ProblemTrack,
): ProblemTrack {
  const isDown = track.problems.unhealthy?.isBad ?? false;
  if (problem.incident === 'own' && !problem.isBad) {
    report(desk, name, type, { kind: 'recover', reason: 'back to normal', resolvedBy: 'recovery' });
    return { ...problem, incident: 'none' };
  }
  if (problem.incident === 'none' && problem.isBad && !isDown) {
    openEpisode(desk, name, type, 'open', track.reason);
    return { ...problem, incident: 'own' };
  }
  return problem;
}

function decideUnhealthy(desk: Desk, name: string, track: ServiceTrack, problem: ProblemTrack): ProblemTrack {
  switch (problem.incident) {
    case 'own':
      return decideOwn(desk, name, track, problem);
    case 'affected':
      if (!problem.isBad && track.flapping === null) return { ...problem, incident: 'none', cause: null };
      if (isStillCause(problem.cause ?? '', track, desk.tracks)) return problem;
      // Its cause recovered: it gets `openAfter` anew to recover, too, before it is told on its own.
      return { ...problem, incident: 'none', cause: null, results: [], badSinceAt: desk.facts.now };
    case 'held':
    case 'none':
      return decideUntold(desk, name, track, problem);
  }
}

function decideOwn(desk: Desk, name: string, track: ServiceTrack, problem: ProblemTrack): ProblemTrack {
  if (track.flapping !== null) {
    if (!track.flapping.isTold) tellFlapping(desk, name, track);
    return problem;
  }
  const before = desk.facts.tracks[name];
  const hasSettled = before?.flapping?.isTold === true;
  if (!problem.isBad) {
    const reason = hasSettled ? 'settled: healthy, no change of state any more' : 'healthy again';
    report(desk, name, 'unhealthy', {
      kind: hasSettled ? 'settled' : 'recover',
      reason,
      resolvedBy: 'recovery',
    });
    return { ...problem, incident: 'none' };
  }
  if (hasSettled)
    report(desk, name, 'unhealthy', {
      kind: 'settled',
      reason: `settled: ${track.reason}`,
      resolvedBy: null,
    });
  return problem;
}

function decideUntold(desk: Desk, name: string, track: ServiceTrack, problem: ProblemTrack): ProblemTrack {
  const isFlapping = track.flapping !== null;
  const isDue =
    isFlapping ||
    (problem.isBad && (problem.incident === 'held' || reachesOpening('unhealthy', problem, track.policy)));
  if (!isDue) return { ...problem, incident: 'none', heldUntil: null };
  const cause = causeOf(track, desk.tracks);
  if (cause.kind === 'cause') return { ...problem, incident: 'affected', cause: cause.name, heldUntil: null };
  const heldUntil = cause.kind === 'undecided' ? (problem.heldUntil ?? desk.facts.now + cause.waitMs) : null;
  if (cause.kind === 'undecided' && heldUntil !== null && desk.facts.now < heldUntil) {
    if (problem.incident === 'none') for (const asked of cause.ask) desk.ask.add(asked);
    return { ...problem, incident: 'held', heldUntil };
  }
  if (isFlapping) tellFlapping(desk, name, track);
  else openEpisode(desk, name, 'unhealthy', 'open', track.reason);
  return { ...problem, incident: 'own', heldUntil: null };
}

function tellFlapping(desk: Desk, name: string, track: ServiceTrack): void {
  if (track.flapping === null) return;
  desk.tracks[name] = { ...track, flapping: { ...track.flapping, isTold: true } };
  const reason = track.reason;
  if (track.problems.unhealthy?.incident === 'own')
    report(desk, name, 'unhealthy', { kind: 'flapping', reason, resolvedBy: null });
  else openEpisode(desk, name, 'unhealthy', 'flapping', reason);
}

function openEpisode(
  desk: Desk,
  name: string,
  type: ProblemType,
  kind: 'open' | 'flapping',
  reason: string,
): void {
  const track = desk.tracks[name];
  if (track === undefined) return;
  const episodes = { ...track.episodes, [type]: (track.episodes[type] ?? 0) + 1 };
  desk.tracks[name] = { ...track, episodes };
  report(desk, name, type, { kind, reason, resolvedBy: null });
}

function report(desk: Desk, name: string, type: ProblemType, what: ReportKind): void {
  const { environment, now } = desk.facts;
  const track = desk.tracks[name];
  const episode = track?.episodes[type] ?? 0;
  const target = { environment, loop: 'heartbeat', type, target: name };
  // Later than every report before it, also of an earlier life of this loop whose memory is lost.
  desk.sequence = Math.max(desk.sequence + 1, now);
  desk.reports.push({
    key: `${incidentId(target)}:${episode}:${what.kind}:${desk.sequence}`,
    reporter: desk.facts.reporter,
    sequence: desk.sequence,
    ...what,
    ...target,
    severity: type === 'anomaly' ? 'low' : (track?.policy.severity ?? 'high'),
    tags: track?.policy.tags ?? [],
    episode,
    affected: [],
    at: now,
  });
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

function concludeHeartbeat(desk: Desk): HeartbeatDecision {
  const { facts } = desk;
  const episodes = { ...facts.episodes };
  const changes: ServiceChange[] = [];
  const tracks: Record<string, ServiceTrack> = {};
  for (const [name, track] of Object.entries(desk.tracks)) {
    if (Object.keys(track.episodes).length > 0) episodes[name] = track.episodes;
    const isForgotten = isForgettable(track, facts.now);
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
