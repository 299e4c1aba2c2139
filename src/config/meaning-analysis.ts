/** Mistakes of meaning in `deployments[].analysis`: metrics that decide nothing, or that there is no time to measure. */
import { formatDuration, parseDuration } from '../domain/duration.js';
import { configDefaults } from './defaults.js';
import { formatPath } from './problem.js';
import type { DataPath } from './problem.js';
import { asList, asMapping } from './raw-data.js';
import type { RawMapping, Report } from './raw-data.js';

/** `path` is the place of the deployment. */
export const judgeAnalysis = (deployment: RawMapping, path: DataPath, report: Report): void => {
  const metrics = asList(deployment.analysis).map(asMapping);
  if (metrics.length === 0) return;
  const place = [...path, 'analysis'];
  const watchForMs = msOf(deployment.watchFor, configDefaults.deployment.watchFor);
  if (watchForMs === 0) {
    const message = 'is never measured, because nothing is watched (watchFor: 0s); for example watchFor: 5m';
    report(place, message);
  }
  const first = new Map<string, number>();
  metrics.forEach((metric, index) => {
    judgeConditions(metric, [...place, index], report);
    if (watchForMs !== null && watchForMs > 0)
      judgeTime(metric, { watchForMs, path: [...place, index] }, report);
    if (typeof metric.name !== 'string') return;
    const earlier = first.get(metric.name);
    if (earlier === undefined) first.set(metric.name, index);
    else {
      const message = `is the name of ${formatPath([...place, earlier])} already; names must differ, for example ${metric.name}-2`;
      report([...place, index, 'name'], message);
    }
  });
};

const msOf = (value: unknown, fallback: string): number | null =>
  parseDuration(typeof value === 'string' ? value : fallback);

const judgeConditions = (metric: RawMapping, path: DataPath, report: Report): void => {
  if (metric.http === undefined && metric.postgres === undefined) return;
  if (metric.successCondition !== undefined || metric.failureCondition !== undefined) return;
  const message =
    'is missing: a metric needs it, or failureCondition, to decide anything; for example successCondition: "[BODY].errors < 5"';
  report([...path, 'successCondition'], message);
};

const judgeTime = (
  metric: RawMapping,
  { watchForMs, path }: { watchForMs: number; path: DataPath },
  report: Report,
): void => {
  const { count } = metric;
  const intervalMs = msOf(metric.interval, configDefaults.metric.interval);
  if (typeof count !== 'number' || intervalMs === null || intervalMs <= 0) return;
  if (!Number.isInteger(count) || count * intervalMs <= watchForMs) return;
  const most = Math.floor(watchForMs / intervalMs);
  const help =
    most > 0
      ? `at most ${most}, for example count: ${most}`
      : `for example interval: ${formatDuration(watchForMs)} and count: 1`;
  const message = `measurements every ${formatDuration(intervalMs)} take longer than the watch (watchFor: ${formatDuration(watchForMs)}); ${help}`;
  report([...path, 'count'], message);
};
