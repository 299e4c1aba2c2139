/** Which dependency, if any, explains that a service is unhealthy. */
import type { Dependency, ServiceTrack } from './heartbeat-track.js';

export type Cause =
  | { kind: 'none' }
  /** A dependency's own incident explains it. */
  | { kind: 'cause'; name: string }
  /** A dependency is bad while a deployment works on it: its verdict comes when that is over. */
  | { kind: 'deploying' }
  /** A dependency has not given its verdict yet. */
  | { kind: 'undecided'; waitMs: number; ask: string[] };

type Standing = { kind: 'bad'; root: string } | { kind: 'suspect' } | { kind: 'unasked' } | { kind: 'good' };

function standingOf(dependency: Dependency, track: ServiceTrack | undefined, badSinceAt: number): Standing {
  if (track !== undefined) {
    const problem = track.problems.unhealthy;
    if (problem?.incident === 'affected') return { kind: 'bad', root: problem.cause ?? dependency.name };
    if (problem?.incident === 'own') return { kind: 'bad', root: dependency.name };
    if (problem?.isBad === true || track.verdicts.at(-1)?.isGood === false) return { kind: 'suspect' };
    if ((track.verdicts.at(-1)?.at ?? 0) >= badSinceAt) return { kind: 'good' };
  } else if (dependency.state === 'unhealthy' || dependency.state === 'flapping') {
    return { kind: 'bad', root: dependency.name };
  }
  if (dependency.verdict === 'unhealthy') return { kind: 'suspect' };
  return dependency.checkedAt === null || dependency.checkedAt < badSinceAt
    ? { kind: 'unasked' }
    : { kind: 'good' };
}

/**
 * The deepest dependency that is known to be unhealthy; else whether one still owes its verdict since the trouble
 * began (it gets at most one interval of its own, and is asked at once); else none.
 */
export function causeOf(track: ServiceTrack, tracks: Readonly<Record<string, ServiceTrack>>): Cause {
  const badSinceAt = track.problems.unhealthy?.badSinceAt ?? 0;
  const standings = track.dependencies.map((dependency) => ({
    dependency,
    standing: standingOf(dependency, tracks[dependency.name], badSinceAt),
  }));
  const deepest = standings
    .filter(({ standing }) => standing.kind === 'bad')
    .sort((a, b) => b.dependency.depth - a.dependency.depth)[0];
  if (deepest?.standing.kind === 'bad') return { kind: 'cause', name: deepest.standing.root };
  if (
    standings.some(
      ({ dependency, standing }) => standing.kind === 'suspect' && dependency.isDeploying === true,
    )
  )
    return { kind: 'deploying' };
  const owing = standings.filter(
    ({ standing }) => standing.kind === 'suspect' || standing.kind === 'unasked',
  );
  if (owing.length === 0) return { kind: 'none' };
  return {
    kind: 'undecided',
    waitMs: Math.max(...owing.map(({ dependency }) => dependency.everyMs)),
    ask: owing.filter(({ standing }) => standing.kind === 'unasked').map(({ dependency }) => dependency.name),
  };
}

/** True while the service that a trouble was blamed on is still unhealthy itself. */
export function isStillCause(
  name: string,
  track: ServiceTrack,
  tracks: Readonly<Record<string, ServiceTrack>>,
): boolean {
  const own = tracks[name];
  if (own !== undefined)
    return own.problems.unhealthy?.incident === 'own' || own.problems.unhealthy?.incident === 'affected';
  const dependency = track.dependencies.find((candidate) => candidate.name === name);
  // A record that cannot be read now does not say that anything recovered.
  return dependency !== undefined && [null, 'unhealthy', 'flapping'].includes(dependency.state);
}
