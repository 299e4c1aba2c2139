/** A service's usual latency, and whether one latency is far outside it. */

/** Exponentially weighted mean and variance of the latency of healthy checks. */
export interface LatencyBaseline {
  meanMs: number;
  /** ms². */
  variance: number;
  /** Samples seen, counted up to `memory`. */
  count: number;
}

export const emptyBaseline: LatencyBaseline = { meanMs: 0, variance: 0, count: 0 };

/** Samples that the rolling mean remembers (its weight is 1 / memory). */
const memory = 100;
/** A baseline of fewer samples judges nothing. */
const fewest = 20;
/** An anomaly is at once this many standard deviations, this many times and this many ms above the mean: */
const deviations = 6;
const times = 3;
const floorMs = 50;

/** The baseline after one more healthy latency. An outlier counts with its limit only, so that it cannot drag the mean along. */
export function learnLatency(baseline: LatencyBaseline, latencyMs: number): LatencyBaseline {
  const limitMs = latencyLimitMs(baseline);
  const sample = limitMs === null ? latencyMs : Math.min(latencyMs, limitMs);
  const count = Math.min(baseline.count + 1, memory);
  const difference = sample - baseline.meanMs;
  const meanMs = baseline.meanMs + difference / count;
  const variance = ((count - 1) / count) * (baseline.variance + (difference * difference) / count);
  return { meanMs, variance, count };
}

/** The latency above which a sample is an anomaly, in ms; null while the baseline is too young. */
export function latencyLimitMs(baseline: LatencyBaseline): number | null {
  if (baseline.count < fewest) return null;
  return Math.max(
    baseline.meanMs + deviations * Math.sqrt(baseline.variance),
    baseline.meanMs * times,
    baseline.meanMs + floorMs,
  );
}

/** Why a latency is far outside its baseline, for people; null when it is not. */
export function latencyAnomaly(baseline: LatencyBaseline, latencyMs: number): string | null {
  const limitMs = latencyLimitMs(baseline);
  if (limitMs === null || latencyMs <= limitMs) return null;
  return `latency ${Math.round(latencyMs)} ms is far above its usual ${Math.max(1, Math.round(baseline.meanMs))} ms (limit ${Math.round(limitMs)} ms)`;
}
