/** Judges the services of a deployment while it is watched: by their own thresholds, and never on a guess. */
import { formatDuration } from './duration.js';
import type { Verdict } from './observation.js';
import type { ServicePolicy } from './service.js';

/** What is remembered of one service during the watch. Plain JSON. */
export interface WatchedService {
  name: string;
  /** Results that tell something, newest last: true is good. */
  results: boolean[];
  /** Instants of changes between good and bad, epoch ms. */
  changes: number[];
  /** Of the newest look. */
  verdict: Verdict;
  reason: string;
}

export const newWatchedService = (name: string): WatchedService => ({
  name,
  results: [],
  changes: [],
  verdict: 'unknown',
  reason: 'not checked yet',
});

export interface ServiceLook {
  verdict: Verdict;
  reason: string;
  /** Epoch ms. */
  at: number;
}

type Thresholds = Pick<ServicePolicy, 'openAfter' | 'flapping'>;

/** The service after one more look. An unknown result tells nothing about it, good or bad. */
export function takeLook(
  service: WatchedService,
  { verdict, reason, at }: ServiceLook,
  { openAfter, flapping }: Thresholds,
): WatchedService {
  if (verdict === 'unknown') return { ...service, verdict, reason };
  const isGood = verdict === 'healthy';
  const last = service.results.at(-1);
  const hasChanged = last !== undefined && last !== isGood;
  return {
    ...service,
    results: [...service.results, isGood].slice(-openAfter.of),
    changes: [
      ...service.changes.filter((changedAt) => at - changedAt < flapping.withinMs),
      ...(hasChanged ? [at] : []),
    ],
    verdict,
    reason,
  };
}

/** Why the service has failed in the watch; null: it has not. */
export function failureOf(service: WatchedService, { openAfter, flapping }: Thresholds): string | null {
  const bad = service.results.filter((isGood) => !isGood).length;
  if (bad >= openAfter.failures) {
    const rule =
      openAfter.failures === 1 && openAfter.of === 1 ? '' : ` (${bad} of the last ${service.results.length})`;
    return `${service.name} is unhealthy${rule}: ${service.reason}`;
  }
  if (service.changes.length >= flapping.changes)
    return `${service.name} flaps: it changed ${service.changes.length} times within ${formatDuration(flapping.withinMs)}, last: ${service.reason || 'healthy'}`;
  return null;
}

/** What is not settled about it when the time of the watch is over; null: its newest result was good. */
export function doubtOf(service: WatchedService): string | null {
  return service.verdict === 'healthy' ? null : `${service.name} is ${service.verdict}: ${service.reason}`;
}
