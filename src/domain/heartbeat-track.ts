/** What a heartbeat shard remembers of a service that is not plainly fine, and what a check says of one. */
import { isWithin, type VerdictAt } from './flapping.js';
import type { Verdict } from './observation.js';
import type { ServicePolicy } from './service.js';

export type ServiceState = 'healthy' | 'unhealthy' | 'flapping' | 'unknown';

export const problemTypes = ['unhealthy', 'expiring', 'anomaly'] as const;
export type ProblemType = (typeof problemTypes)[number];

/** Something that a service cannot work without, directly or through others. */
export interface Dependency {
  name: string;
  everyMs: number;
  /** Steps away; 1 is a direct dependency. */
  depth: number;
  /** As last recorded by its own shard; null when nobody has looked yet or the record cannot be read. */
  state: ServiceState | null;
  verdict: Verdict | null;
  checkedAt: number | null;
  /** True while a deployment works on it. */
  isDeploying?: boolean;
}

/** The result of one service's checks in a tick. */
export interface CheckedService {
  name: string;
  policy: ServicePolicy;
  verdict: Verdict;
  reason: string;
  /** Unhealthy only because something expires soon. */
  isExpiring: boolean;
  /** True when one bad result is enough: silence past its deadline is no measurement that may be wrong. */
  isDecisive?: boolean;
  /** True while a deployment works on it: what is wrong is not told yet. */
  isDeploying?: boolean;
  /** Why the latency is far outside its baseline; null when it is not. */
  anomaly: string | null;
  latencyMs: number;
  /** When the checks ended, epoch ms. */
  at: number;
  /** State on record before this tick. */
  knownState: ServiceState;
  /** All dependencies, transitively, nearest first; empty for a healthy service. */
  dependencies: Dependency[];
}

/** How a problem of one type stands. */
export interface ProblemTrack {
  /** Newest last, at most max(openAfter.of, closeAfter); true is good. */
  results: boolean[];
  /** Decided by k of n; stays until `closeAfter` good results in a row. */
  isBad: boolean;
  /** none: nobody was told; held: waits for a dependency's verdict, or for the end of a deployment; affected: listed in another's incident; own: has its incident. */
  incident: 'none' | 'held' | 'affected' | 'own';
  /** Until when a held problem waits, epoch ms. */
  heldUntil: number | null;
  /** Service whose incident lists this one. */
  cause: string | null;
  /** First bad result of the present trouble, epoch ms. */
  badSinceAt: number | null;
  /** Why the newest bad result was bad; the results after it may be good, or say nothing. */
  reason: string;
  /** The newest bad result was decisive by itself. */
  isDecisive?: boolean;
}

export interface ServiceTrack {
  policy: ServicePolicy;
  state: ServiceState;
  /** Since when in that state, epoch ms. */
  since: number;
  reason: string;
  problems: Partial<Record<ProblemType, ProblemTrack>>;
  verdicts: VerdictAt[];
  stateChangesAt: number[];
  flapping: { since: number; lastChangeAt: number; isTold: boolean } | null;
  /** As its newest result said. */
  isDeploying?: boolean;
  unknownInRow: number;
  dependencies: Dependency[];
  /** Number of the last episode told, per problem. */
  episodes: Partial<Record<ProblemType, number>>;
}

export const newProblem = (): ProblemTrack => ({
  results: [],
  isBad: false,
  incident: 'none',
  heldUntil: null,
  cause: null,
  badSinceAt: null,
  reason: '',
});

/** A track for a service that was plainly fine (or new) until now. */
export function newTrack(checked: CheckedService, episodes: ServiceTrack['episodes']): ServiceTrack {
  return {
    policy: checked.policy,
    state: checked.knownState,
    since: checked.at,
    reason: '',
    problems: {},
    // The good result that went before was not kept; without it the first failure would not count as a change.
    verdicts:
      checked.knownState === 'healthy' ? [{ at: checked.at - checked.policy.everyMs, isGood: true }] : [],
    stateChangesAt: [],
    flapping: null,
    unknownInRow: 0,
    dependencies: [],
    episodes,
  };
}

/** A track is dropped when it holds nothing that an untracked, healthy service would not have. */
export function isForgettable(track: ServiceTrack, now: number): boolean {
  const isQuiet = (problem: ProblemTrack): boolean =>
    !problem.isBad && problem.incident === 'none' && problem.results.every((isGood) => isGood);
  return (
    track.state === 'healthy' &&
    track.flapping === null &&
    track.unknownInRow === 0 &&
    Object.values(track.problems).every(isQuiet) &&
    track.verdicts.every((verdict) => verdict.isGood) &&
    !track.stateChangesAt.some((at) => isWithin(track.policy.flapping.withinMs, at, now))
  );
}
