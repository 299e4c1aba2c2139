/** Decides one problem of one service: whom to tell, and whether a dependency explains it. */
import { causeOf, isStillCause } from './dependency-cause.js';
import { formatDuration } from './duration.js';
import { reachesOpening, ruleOf } from './heartbeat-results.js';
import type { CheckedService, ProblemTrack, ProblemType, ServiceTrack } from './heartbeat-track.js';
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

type ReportKind = Pick<IncidentReport, 'kind' | 'reason' | 'resolvedBy'> & { why?: string };

/** Tracks while they are being decided on, and what came out of it. */
export interface Desk {
  facts: HeartbeatFacts;
  tracks: Record<string, ServiceTrack>;
  reports: IncidentReport[];
  ask: Set<string>;
  sequence: number;
}

/** Decides what follows from a problem as it stands; puts reports and questions on the desk. */
export function decideProblem(desk: Desk, name: string, type: ProblemType): void {
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
  // What a deployment held back is told when it is still so, never at a good result.
  const isStill = problem.results.at(-1) === false;
  if (problem.incident === 'none' && problem.isBad && isStill && !isDown && track.isDeploying !== true) {
    openEpisode(desk, name, type, 'open', problem.reason);
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
    if (!track.flapping.isTold && track.isDeploying !== true) tellFlapping(desk, name, track);
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
      reason: `settled: ${problem.reason}`,
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
  // Whoever deploys it watches it, and undoes what does not work; what is wrong after that is told.
  if (track.isDeploying === true || isAwaited(track, problem))
    return { ...problem, incident: 'held', heldUntil: null };
  const cause = causeOf(track, desk.tracks);
  if (cause.kind === 'deploying') return { ...problem, incident: 'held', heldUntil: null };
  if (cause.kind === 'cause') return { ...problem, incident: 'affected', cause: cause.name, heldUntil: null };
  const heldUntil = cause.kind === 'undecided' ? holdUntil(problem, desk.facts.now, cause.waitMs) : null;
  if (cause.kind === 'undecided' && heldUntil !== null && desk.facts.now < heldUntil) {
    if (problem.incident === 'none') for (const asked of cause.ask) desk.ask.add(asked);
    return { ...problem, incident: 'held', heldUntil };
  }
  if (isFlapping) tellFlapping(desk, name, track);
  else openEpisode(desk, name, 'unhealthy', 'open', problem.reason);
  return { ...problem, incident: 'own', heldUntil: null };
}

/** Held by a deployment that is over: only a bad result says that it is still wrong. */
const isAwaited = ({ flapping, unknownInRow }: ServiceTrack, problem: ProblemTrack): boolean =>
  problem.incident === 'held' &&
  problem.heldUntil === null &&
  flapping === null &&
  (unknownInRow > 0 || problem.results.at(-1) === true);

/** Ticks never come at the same moment of their interval: what is decided a little early counts as the end of the wait. */
const earlyShare = 0.1;

function holdUntil(problem: ProblemTrack, now: number, waitMs: number): number {
  const latest = now + waitMs * (1 - earlyShare);
  // A clock that was set back makes nobody wait longer.
  return Math.min(problem.heldUntil ?? latest, latest);
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
  report(desk, name, type, { kind, reason, resolvedBy: null, why: whyOf(track, type, kind) });
}

/** The rule that opened it, with its figures. */
function whyOf(track: ServiceTrack, type: ProblemType, kind: 'open' | 'flapping'): string {
  const { flapping, dependsOn } = track.policy;
  if (kind === 'flapping')
    return `it changed ${flapping.changes} times or more within ${formatDuration(flapping.withinMs)} (flapping)`;
  if (track.problems[type]?.isDecisive === true)
    return 'silence past its deadline, or a failure that the job told, needs no second look';
  const { failures, of } = ruleOf(type, track.policy).openAfter;
  const rule = type === 'anomaly' ? '' : ' (openAfter)';
  const alone = dependsOn.length === 0 ? '' : `, and nothing that it depends on explains it`;
  return `${failures} of its last ${of} results were bad${rule}${alone}`;
}

/** Puts a report on the desk. */
export function report(desk: Desk, name: string, type: ProblemType, what: ReportKind): void {
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
