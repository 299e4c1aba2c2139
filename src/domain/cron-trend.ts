/** Whether figures rise over time: the Mann–Kendall test, and Theil and Sen's slope. */

export interface Trend {
  runs: number;
  /** One-sided: how likely such a rise is by chance. */
  p: number;
  /** Rise from one run to the next, the median of all pairs. */
  slope: number;
  /** Kendall's S. */
  s: number;
}

/** Fewer say nothing: the normal approximation of S holds from eight on. */
export const leastTrendRuns = 8;
/** Pairs grow with the square: of more runs, evenly chosen ones are looked at. */
const mostRuns = 400;

/** Of figures in the order of time; null when there are too few. */
export function trendOf(figures: readonly number[]): Trend | null {
  if (figures.length < leastTrendRuns) return null;
  const step = Math.max(1, figures.length / mostRuns);
  const taken: { at: number; value: number }[] = [];
  for (let at = 0; Math.floor(at) < figures.length; at += step)
    taken.push({ at: Math.floor(at), value: figures[Math.floor(at)] ?? 0 });
  let s = 0;
  const slopes: number[] = [];
  taken.forEach((early, index) => {
    for (const late of taken.slice(index + 1)) {
      s += Math.sign(late.value - early.value);
      slopes.push((late.value - early.value) / (late.at - early.at));
    }
  });
  const deviation = Math.sqrt(varianceOf(taken.map(({ value }) => value)));
  // S is whole: half a step is what lies between its values.
  const z = s === 0 || deviation === 0 ? 0 : (s - Math.sign(s)) / deviation;
  return { runs: figures.length, p: 1 - normalShare(z), slope: median(slopes), s };
}

/** Of S, when the order is by chance; ties make it smaller. */
function varianceOf(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const term = (n: number): number => n * (n - 1) * (2 * n + 5);
  const ties = [...counts.values()].reduce((sum, count) => sum + term(count), 0);
  return (term(values.length) - ties) / 18;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.floor(half)] ?? 0) + (sorted[Math.ceil(half) - 1] ?? 0)) / 2;
}

/** The share of a normal distribution below z: Abramowitz and Stegun 26.2.17, exact to 7.5e-8. */
function normalShare(z: number): number {
  if (z < 0) return 1 - normalShare(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const tail =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * tail;
}
