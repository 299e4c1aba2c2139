/** What is usual for a service, and what is far outside of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  emptyBaseline,
  latencyAnomaly,
  latencyLimitMs,
  learnLatency,
  type LatencyBaseline,
} from '../../src/domain/latency-baseline.js';

const learn = (latencies: readonly number[], from: LatencyBaseline = emptyBaseline): LatencyBaseline =>
  latencies.reduce(learnLatency, from);

/** Latencies around 20 ms that differ a little. */
const usual = (count: number): number[] => Array.from({ length: count }, (_, index) => 18 + (index % 5));

describe('the baseline of a latency', () => {
  it('judges nothing while it is young', () => {
    for (let count = 0; count < 20; count += 1) {
      expect(latencyLimitMs(learn(usual(count)))).toBeNull();
      expect(latencyAnomaly(learn(usual(count)), 60_000)).toBeNull();
    }
    expect(latencyAnomaly(learn(usual(20)), 60_000)).not.toBeNull();
  });

  it('finds the mean and the spread of what it saw', () => {
    const { meanMs, variance, count } = learn(usual(100));
    expect(meanMs).toBeCloseTo(20, 0);
    expect(Math.sqrt(variance)).toBeCloseTo(Math.sqrt(2), 0);
    expect(count).toBe(100);
    expect(learn(usual(1000)).count).toBe(100);
  });

  it('says what it found and what is usual', () => {
    expect(latencyAnomaly(learn(usual(100)), 900)).toBe(
      'latency 900 ms is far above its usual 20 ms (limit 70 ms)',
    );
  });

  it('takes a few ms more of a fast service for no anomaly, nor three times as much of a slow one', () => {
    expect(latencyAnomaly(learn(Array<number>(50).fill(0.2)), 40)).toBeNull();
    expect(latencyAnomaly(learn(Array<number>(50).fill(1000)), 2900)).toBeNull();
    expect(latencyAnomaly(learn(Array<number>(50).fill(1000)), 3100)).not.toBeNull();
  });

  it('bears with a service whose latency varies much anyway', () => {
    const wide = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? 50 : 550));
    expect(latencyAnomaly(learn(wide), 1500)).toBeNull();
  });

  it('is not dragged along by an outlier, however far out', () => {
    const before = learn(usual(100));
    for (const outlier of [1_000, 30_000, 1e9]) {
      const after = learn([outlier], before);
      expect(after.meanMs - before.meanMs).toBeLessThan(1);
      expect(latencyAnomaly(after, 900)).not.toBeNull();
    }
  });

  it('still finds an anomaly at its fifth result', () => {
    let baseline = learn(usual(100));
    for (let count = 0; count < 5; count += 1) {
      expect(latencyAnomaly(baseline, 5_000)).not.toBeNull();
      baseline = learnLatency(baseline, 5_000);
    }
  });

  it('takes a lasting change for usual in the end', () => {
    const baseline = learn(Array<number>(1000).fill(200), learn(usual(100)));
    expect(latencyAnomaly(baseline, 200)).toBeNull();
    expect(baseline.meanMs).toBeCloseTo(200, -1);
  });

  it('never gets a negative spread, or a number that is none', () => {
    const latencies = fc.array(fc.double({ min: 0, max: 120_000, noNaN: true }), { maxLength: 300 });
    fc.assert(
      fc.property(latencies, (seen) => {
        const { meanMs, variance } = learn(seen);
        expect(meanMs).toBeGreaterThanOrEqual(0);
        expect(variance).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(meanMs + variance)).toBe(true);
      }),
    );
  });
});
