/** Takes one result into a service's track: windows of results, decided problems, flapping, state. */
import { flappingWindow, isWithin, startsFlapping } from './flapping.js';
import {
  newProblem,
  type CheckedService,
  type ProblemTrack,
  type ProblemType,
  type ServiceState,
  type ServiceTrack,
} from './heartbeat-track.js';
import type { ServicePolicy } from './service.js';

/** An anomaly is told after 3 of the last 5 results, and over after 5 usual ones: it only warns. */
const anomalyRule = { openAfter: { failures: 3, of: 5 }, closeAfter: 5 };

/** When a problem of that type opens and closes. */
export const ruleOf = (
  type: ProblemType,
  policy: ServicePolicy,
): Pick<ServicePolicy, 'openAfter' | 'closeAfter'> => (type === 'anomaly' ? anomalyRule : policy);

/** True when the newest results reach the opening threshold, k bad ones of the last n. */
export function reachesOpening(type: ProblemType, problem: ProblemTrack, policy: ServicePolicy): boolean {
  if (problem.isDecisive === true) return true;
  const { failures, of } = ruleOf(type, policy).openAfter;
  return problem.results.slice(-of).filter((isGood) => !isGood).length >= failures;
}

function takeProblemResult(
  type: ProblemType,
  before: ProblemTrack,
  isGood: boolean,
  checked: CheckedService,
): ProblemTrack {
  const { openAfter, closeAfter } = ruleOf(type, checked.policy);
  const results = [...before.results, isGood].slice(-Math.max(openAfter.of, closeAfter));
  const badSinceAt = isGood ? before.badSinceAt : (before.badSinceAt ?? checked.at);
  const reason = isGood ? before.reason : reasonFor(type, checked);
  const isDecisive = type === 'unhealthy' && !isGood && checked.isDecisive === true;
  const { isDecisive: _, ...known } = before;
  const problem: ProblemTrack = { ...known, results, badSinceAt, reason, ...(isDecisive && { isDecisive }) };
  const hasClosed = results.length >= closeAfter && results.slice(-closeAfter).every((result) => result);
  if (before.isBad)
    return hasClosed
      ? { ...problem, isBad: false, badSinceAt: null, results: results.slice(-closeAfter) }
      : problem;
  if (reachesOpening(type, problem, checked.policy)) return { ...problem, isBad: true };
  return hasClosed ? { ...problem, badSinceAt: null } : problem;
}

/** Whether the result is good as to a type of problem; null when it says nothing about it. */
function resultFor(type: ProblemType, checked: CheckedService): boolean | null {
  const isDown = checked.verdict === 'unhealthy' && !checked.isExpiring;
  switch (type) {
    case 'unhealthy':
      return !isDown;
    case 'expiring':
      return isDown ? null : !checked.isExpiring;
    case 'anomaly':
      return isDown ? null : checked.anomaly === null;
  }
}

const reasonFor = (type: ProblemType, checked: CheckedService): string =>
  type === 'anomaly' ? (checked.anomaly ?? '') : checked.reason;

function takeProblems(track: ServiceTrack, checked: CheckedService): ServiceTrack['problems'] {
  const problems = { ...track.problems };
  for (const type of ['unhealthy', 'expiring', 'anomaly'] as const) {
    const isGood = resultFor(type, checked);
    const known = problems[type];
    if (isGood === null || (isGood && known === undefined)) continue;
    problems[type] = takeProblemResult(type, known ?? newProblem(), isGood, checked);
  }
  return problems;
}

function takeFlapping(
  track: ServiceTrack,
  checked: CheckedService,
  isGood: boolean,
  hasDecided: boolean,
): ServiceTrack {
  const last = track.verdicts.at(-1);
  // What its cause does to it is the cause's history: only the newest result is remembered meanwhile.
  if (track.problems.unhealthy?.incident === 'affected') {
    return { ...track, verdicts: [{ at: checked.at, isGood }], stateChangesAt: [], flapping: null };
  }
  const verdicts = [...track.verdicts, { at: checked.at, isGood }].slice(-flappingWindow(checked.policy));
  const { withinMs, settleAfterMs } = checked.policy.flapping;
  const stateChangesAt = [...track.stateChangesAt, ...(hasDecided ? [checked.at] : [])].filter((at) =>
    isWithin(withinMs, at, checked.at),
  );
  if (track.flapping !== null) {
    const hasChanged = last !== undefined && last.isGood !== isGood;
    const lastChangeAt = hasChanged ? checked.at : Math.min(track.flapping.lastChangeAt, checked.at);
    // While few and slow results have not reached a threshold yet, nobody can say how it settled.
    const isDecided = isGood !== (track.problems.unhealthy?.isBad ?? false);
    if (isDecided && checked.at - lastChangeAt >= settleAfterMs) {
      // The history that made it flap is closed: only what comes now may make it flap again.
      return { ...track, verdicts: verdicts.slice(-1), stateChangesAt: [], flapping: null };
    }
    return { ...track, verdicts, stateChangesAt, flapping: { ...track.flapping, lastChangeAt } };
  }
  const isStarting = startsFlapping({ policy: checked.policy, verdicts, stateChangesAt, now: checked.at });
  const flapping = isStarting ? { since: checked.at, lastChangeAt: checked.at, isTold: false } : null;
  return { ...track, verdicts, stateChangesAt, flapping };
}

function stateOf(track: ServiceTrack): ServiceState {
  if (track.flapping !== null) return 'flapping';
  if (track.problems.unhealthy?.isBad === true || track.problems.expiring?.isBad === true) return 'unhealthy';
  if (track.unknownInRow >= track.policy.openAfter.of) return 'unknown';
  if (track.unknownInRow === 0 && track.verdicts.at(-1)?.isGood === true) return 'healthy';
  return track.state === 'flapping' || track.state === 'unhealthy' ? 'healthy' : track.state;
}

function reasonOf(track: ServiceTrack, checked: CheckedService): string {
  if (track.flapping !== null) {
    return `flapping between healthy and unhealthy${checked.reason === '' ? '' : `; last: ${checked.reason}`}`;
  }
  return checked.reason === '' ? (checked.anomaly ?? '') : checked.reason;
}

/** The track after one more result. An `unknown` verdict proves nothing and moves no threshold. */
export function takeResult(before: ServiceTrack, checked: CheckedService): ServiceTrack {
  const { isDeploying: _, ...lasting } = before;
  const known: ServiceTrack = {
    ...lasting,
    ...(checked.isDeploying === true && { isDeploying: true }),
    policy: checked.policy,
    // A healthy result does not list them; what is removed from the configuration must not stay a cause.
    dependencies: checked.verdict === 'healthy' ? before.dependencies : checked.dependencies,
  };
  if (checked.verdict === 'unknown') {
    return withState({ ...known, unknownInRow: known.unknownInRow + 1 }, checked);
  }
  const problems = takeProblems(known, checked);
  const wasBad = known.problems.unhealthy?.isBad ?? false;
  const isGood = resultFor('unhealthy', checked) ?? true;
  const hasDecided = (problems.unhealthy?.isBad ?? false) !== wasBad;
  return withState(
    takeFlapping({ ...known, problems, unknownInRow: 0 }, checked, isGood, hasDecided),
    checked,
  );
}

function withState(track: ServiceTrack, checked: CheckedService): ServiceTrack {
  const state = stateOf(track);
  return {
    ...track,
    state,
    since: state === track.state ? track.since : checked.at,
    reason: reasonOf(track, checked),
  };
}
