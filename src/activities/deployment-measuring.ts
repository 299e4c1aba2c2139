/** Measuring while a deployment is watched: what is due, and what it says. */
import {
  judgeMeasurement,
  judgeMetric,
  nextMeasurementAt,
  takeMeasurement,
  type MetricTally,
} from '../domain/deployment-analysis.js';
import type { AnalysisMetric } from '../domain/deployment-settings.js';
import { evaluateCondition, parseCondition } from '../domain/condition.js';
import type { Observation } from '../domain/observation.js';
import type { WatchOutcome } from './deployment-contract.js';
import type { DeploymentHostDependencies } from './deployment-dependencies.js';
import type { DeploymentPlace } from './deployment-place.js';

/** Takes the measurements that are due into `tallies`; `until`: when the watch ends, epoch ms. Null: they decide nothing yet. */
export async function measure(
  deps: DeploymentHostDependencies,
  { place, until }: { place: DeploymentPlace; until: number },
  tallies: MetricTally[],
): Promise<WatchOutcome | null> {
  let inconclusive: WatchOutcome | null = null;
  for (const [index, tally] of tallies.entries()) {
    const metric = place.settings.analysis[index];
    if (metric === undefined || deps.now() < tally.nextAt) continue;
    const observation = await deps.observe(sourceOf(metric), metric.timeoutMs);
    const nextAt = nextMeasurementAt(tally.nextAt, { intervalMs: metric.intervalMs, until });
    const next = takeMeasurement(tally, judge(deps, metric, observation), nextAt);
    const verdict = judgeMetric(next, metric);
    // A measurement that took longer than its interval does not bring a burst of others.
    next.nextAt = verdict.kind === 'done' ? Number.MAX_SAFE_INTEGER : Math.max(next.nextAt, deps.now());
    tallies[index] = next;
    if (verdict.kind === 'failed') return { kind: 'failed', reason: verdict.reason };
    if (verdict.kind === 'inconclusive') inconclusive ??= { kind: 'inconclusive', reason: verdict.reason };
  }
  return inconclusive;
}

/** What is not asked for by a condition of a check is not read of an answer, a body for example. */
const sourceOf = ({
  source,
  successCondition,
  failureCondition,
}: AnalysisMetric): AnalysisMetric['source'] => ({
  ...source,
  conditions: [successCondition, failureCondition].filter((condition) => condition !== null),
});

function judge(
  deps: DeploymentHostDependencies,
  { successCondition, failureCondition }: AnalysisMetric,
  observation: Observation,
): Parameters<typeof takeMeasurement>[1] {
  const { connected, error, unknown } = observation;
  if (!connected || error !== undefined || unknown === true)
    return { measurement: 'error', text: deps.scrub(error ?? 'no answer') };
  // An error page is no measurement, unless it is the status that is measured.
  const isAboutStatus = [successCondition, failureCondition].some((text) => text?.includes('[STATUS]'));
  if ((observation.status ?? 0) >= 400 && !isAboutStatus)
    return { measurement: 'error', text: `answered with status ${observation.status}` };
  const evaluated = [successCondition, failureCondition].map((text) => {
    const parsed = text === null ? null : parseCondition(text);
    return parsed?.ok === true ? evaluateCondition(parsed.condition, observation) : null;
  });
  const text = deps.scrub(evaluated.find((result) => result !== null)?.shown ?? '');
  // A number that is not there says neither.
  if (evaluated.some((result) => result !== null && !result.isFound)) return { measurement: 'error', text };
  const [success = null, failure = null] = evaluated.map((result) => result?.holds ?? null);
  return { measurement: judgeMeasurement({ success, failure }), text };
}
