/** How long a job takes, and when it has taken too long. */
import type { JobSettings } from './job.js';
import { percentile } from './percentile.js';

/** Of the good runs, ms. */
export interface RollingRuntime {
  p50: number;
  p95: number;
  runs: number;
}

/** So many of the newest good runs count. */
export const rollingRuns = 100;
/** Fewer say too little about how long the next one may take. */
const leastRuns = 10;
/** A job of milliseconds is not ended after twice as many. */
const leastExpectedMs = 60_000;

export function rollingRuntime(durationsMs: readonly number[]): RollingRuntime | null {
  const p50 = percentile(durationsMs, 0.5);
  const p95 = percentile(durationsMs, 0.95);
  return p50 === null || p95 === null ? null : { p50, p95, runs: durationsMs.length };
}

export interface JobLimit {
  /** Null: nobody knows. */
  expectedMs: number | null;
  /** When a run is ended, ms after its start; null: never. */
  limitMs: number | null;
  source: 'configured' | 'history' | 'none';
}

/** Twice what is expected: as configured, else the 95th percentile of the job's own runs, of which ten must be known. */
export function limitOf(
  { expectedMs }: Pick<JobSettings, 'expectedMs'>,
  history: RollingRuntime | null,
): JobLimit {
  if (expectedMs !== null) return { expectedMs, limitMs: 2 * expectedMs, source: 'configured' };
  if (history === null || history.runs < leastRuns)
    return { expectedMs: null, limitMs: null, source: 'none' };
  const expected = Math.max(history.p95, leastExpectedMs);
  return { expectedMs: expected, limitMs: 2 * expected, source: 'history' };
}
