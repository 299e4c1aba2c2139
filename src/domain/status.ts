/** The status of the whole system, and since when it has been that, from incidents, services and loops. */
import type { Severity } from './service.js';

export const systemStatuses = ['HEALTHY', 'DEGRADED', 'CRITICAL', 'UNKNOWN'] as const;
export type SystemStatus = (typeof systemStatuses)[number];

/** One episode of an incident. Instants in epoch ms. */
export interface IncidentSpan {
  severity: Severity;
  openedAt: number;
  /** null while it is not resolved. */
  resolvedAt: number | null;
}

export interface StatusFacts {
  incidents: IncidentSpan[];
  /** True when at least one service has a result. */
  hasData: boolean;
  /** Since when nobody looks (a loop that should run is stale or stopped); null when all is well. */
  blindSince: number | null;
  /** When opsloop first looked at this environment; null when it never did. */
  firstAt: number | null;
}

const levels = ['HEALTHY', 'DEGRADED', 'CRITICAL'] as const;

/** Low incidents leave the system healthy. */
const levelOfSeverity: Record<Severity, 0 | 1 | 2> = { critical: 2, high: 1, medium: 1, low: 0 };

/**
 * The level that open incidents give, and since when. Walks through all openings and resolutions in order;
 * incidents may overlap.
 */
function levelOfIncidents(incidents: IncidentSpan[]): { level: 0 | 1 | 2; since: number | null } {
  const changes = incidents
    .flatMap(({ severity, openedAt, resolvedAt }) => {
      const level = levelOfSeverity[severity];
      const opened = { at: openedAt, level, by: 1 };
      return resolvedAt === null ? [opened] : [opened, { at: resolvedAt, level, by: -1 }];
    })
    .filter(({ level }) => level > 0)
    .sort((a, b) => a.at - b.at || b.by - a.by);
  const open = [0, 0, 0];
  let level: 0 | 1 | 2 = 0;
  let since: number | null = null;
  for (const change of changes) {
    open[change.level] = (open[change.level] ?? 0) + change.by;
    const next = (open[2] ?? 0) > 0 ? 2 : (open[1] ?? 0) > 0 ? 1 : 0;
    if (next !== level) [level, since] = [next, change.at];
  }
  return { level, since };
}

/**
 * CRITICAL while a critical incident is open, also when nobody looks any more: it is the last thing known.
 * Otherwise UNKNOWN without data or without a working heartbeat; DEGRADED with an open high or medium incident.
 */
export function systemStatus(facts: StatusFacts): { status: SystemStatus; since: number | null } {
  const { level, since } = levelOfIncidents(facts.incidents);
  if (level < 2 && facts.blindSince !== null) return { status: 'UNKNOWN', since: facts.blindSince };
  if (level < 2 && !facts.hasData) return { status: 'UNKNOWN', since: facts.firstAt };
  return { status: levels[level], since: since ?? facts.firstAt };
}
