/** A measured figure: the values of all runs, their spread, and the target it is held to. */

export interface Target {
  atMost?: number;
  atLeast?: number;
}

export interface Figure {
  name: string;
  unit: string;
  /** One per run, in the order of the runs. */
  values: number[];
  median: number;
  min: number;
  max: number;
  target: Target | null;
  /** What the figure counts, where its name does not say it. */
  note: string;
}

export interface FigureOptions {
  target?: Target;
  note?: string;
}

/** Throws when nothing was measured: a benchmark without values has failed. */
export function figure(
  name: string,
  unit: string,
  values: readonly number[],
  { target, note = '' }: FigureOptions = {},
): Figure {
  if (values.length === 0 || values.some((value) => !Number.isFinite(value)))
    throw new Error(`${name}: expected at least one finite value, got [${values.join(', ')}]`);
  return {
    name,
    unit,
    values: [...values],
    median: percentile(values, 50),
    min: Math.min(...values),
    max: Math.max(...values),
    target: target ?? null,
    note,
  };
}

/** By the nearest rank, except that the 50th is the mean of the two middle values of an even number. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number): number => sorted[Math.min(Math.max(index, 0), sorted.length - 1)] ?? Number.NaN;
  const middle = sorted.length / 2;
  if (percent === 50 && Number.isInteger(middle)) return (at(middle - 1) + at(middle)) / 2;
  return at(Math.ceil((percent / 100) * sorted.length) - 1);
}

/** Judged by the median; null without a target. */
export function isMet({ target, median }: Figure): boolean | null {
  if (target === null) return null;
  return median <= (target.atMost ?? Infinity) && median >= (target.atLeast ?? -Infinity);
}

export function targetText({ target, unit }: Figure): string {
  if (target === null) return '';
  const { atMost, atLeast } = target;
  const limits = [
    ...(atMost === undefined ? [] : [`≤ ${formatNumber(atMost)}`]),
    ...(atLeast === undefined ? [] : [`≥ ${formatNumber(atLeast)}`]),
  ];
  return `${limits.join(', ')} ${unit}`.trimEnd();
}

/** Three significant digits, and never fewer than the whole part has. */
export function formatNumber(value: number): string {
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
  return rounded.toLocaleString('en', { maximumFractionDigits: 6 });
}
