/** Judges the measurements of a metric during the watch; verdicts and limits as in Argo Rollouts. */
import type { AnalysisMetric } from './deployment-settings.js';

/** One measurement. `error`: there was no number, so nothing can be said. */
export type Measurement = 'success' | 'failure' | 'inconclusive' | 'error';

/** What is remembered of a metric. Plain JSON. */
export interface MetricTally {
  name: string;
  /** Those that got a number: errors are no measurements, and do not count towards `count`. */
  measured: number;
  failures: number;
  inconclusive: number;
  /** In a row, the newest included. */
  errors: number;
  /** The newest measurement in words. */
  latest: string;
  /** When it is measured next, epoch ms. */
  nextAt: number;
}

/** `until`: when the watch ends; the metric is measured once until then, however long its interval. Epoch ms. */
export const newTally = (
  { name, intervalMs }: Pick<AnalysisMetric, 'name' | 'intervalMs'>,
  { now, until }: { now: number; until: number },
): MetricTally => ({
  name,
  measured: 0,
  failures: 0,
  inconclusive: 0,
  errors: 0,
  latest: '',
  nextAt: nextMeasurementAt(now, { intervalMs, until }),
});

/** An interval after `from`; the last one of a watch comes when it ends, never a moment too late. */
export const nextMeasurementAt = (
  from: number,
  { intervalMs, until }: { intervalMs: number; until: number },
): number => (from < until ? Math.min(from + intervalMs, until) : from + intervalMs);

export interface MeasuredConditions {
  /** Null: there is no such condition. */
  success: boolean | null;
  failure: boolean | null;
}

/** What one measurement says: a failure goes before a success, and what is neither is inconclusive. */
export function judgeMeasurement({ success, failure }: MeasuredConditions): Measurement {
  if (failure === true) return 'failure';
  if (success === true) return 'success';
  // Without conditions a number is all that is asked for.
  if (success === null) return 'success';
  return failure === null ? 'failure' : 'inconclusive';
}

export function takeMeasurement(
  tally: MetricTally,
  { measurement, text }: { measurement: Measurement; text: string },
  nextAt: number,
): MetricTally {
  return {
    ...tally,
    measured: tally.measured + (measurement === 'error' ? 0 : 1),
    failures: tally.failures + (measurement === 'failure' ? 1 : 0),
    inconclusive: tally.inconclusive + (measurement === 'inconclusive' ? 1 : 0),
    errors: measurement === 'error' ? tally.errors + 1 : 0,
    latest: text,
    nextAt,
  };
}

export type MetricVerdict =
  { kind: 'running' | 'done' } | { kind: 'failed' | 'inconclusive'; reason: string };

/** What the measurements say together. `done`: all of its `count` are made, or none is asked for any more. */
export function judgeMetric(
  tally: MetricTally,
  metric: Pick<AnalysisMetric, 'count' | 'failureLimit' | 'inconclusiveLimit' | 'consecutiveErrorLimit'>,
): MetricVerdict {
  const { name, latest } = tally;
  if (tally.failures > metric.failureLimit)
    return { kind: 'failed', reason: `metric ${name} failed ${times(tally.failures)}, last: ${latest}` };
  if (tally.errors > metric.consecutiveErrorLimit)
    return {
      kind: 'failed',
      reason: `metric ${name} could not be measured ${times(tally.errors)} in a row, last: ${latest}`,
    };
  if (tally.inconclusive > metric.inconclusiveLimit)
    return {
      kind: 'inconclusive',
      reason: `metric ${name} is neither good nor bad ${times(tally.inconclusive)}, last: ${latest}`,
    };
  return { kind: metric.count !== null && tally.measured >= metric.count ? 'done' : 'running' };
}

/** What is not settled about it when the time of the watch is over; null: its newest measurement got a number. */
export const doubtOfMetric = ({ name, errors, latest }: MetricTally): string | null =>
  errors === 0 ? null : `metric ${name} could not be measured ${times(errors)} in a row, last: ${latest}`;

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);
