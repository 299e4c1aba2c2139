/** What a loop reports about a target, and the life of the incident that follows from it. */
import type { Alert, AlertEvent } from './alert.js';
import { formatDuration } from './duration.js';
import { incidentId, type IncidentIdentity } from './ids.js';
import type { Severity } from './service.js';

export interface IncidentReport {
  /** Identity of this report; a report that arrives twice is applied once. */
  key: string;
  /** Workflow id of the loop that reports. */
  reporter: string;
  /** Grows with every report of one reporter, so that a late or repeated one is recognised. */
  sequence: number;
  kind: 'open' | 'affected' | 'flapping' | 'settled' | 'recover';
  environment: string;
  loop: string;
  type: string;
  target: string;
  severity: Severity;
  tags: string[];
  episode: number;
  reason: string;
  affected: string[];
  /** For `recover`: recovery | source (no longer watched) | a person. */
  resolvedBy: string | null;
  /** Instant of the finding, epoch ms. */
  at: number;
}

export type IncidentStateName = 'open' | 'acknowledged' | 'escalated' | 'resolved';

export interface IncidentState {
  identity: IncidentIdentity;
  /** Null before the first report that opens it. */
  state: IncidentStateName | null;
  episode: number;
  severity: Severity;
  tags: string[];
  reason: string;
  /** What each reporter says is affected. */
  affectedBy: Record<string, string[]>;
  openedAt: number;
  acknowledgedBy: string | null;
  resolvedAt: number | null;
  resolvedBy: string | null;
  /** Grows with every change inside the episode. */
  version: number;
  /** Newest report applied, per reporter. */
  lastSequence: Record<string, number>;
}

/** What is written down about one change: the episode's row after it, and one line of its timeline. */
export interface IncidentRecord {
  environment: string;
  id: string;
  loop: string;
  type: string;
  target: string;
  episode: number;
  severity: Severity;
  state: IncidentStateName;
  reason: string;
  affected: string[];
  openedAt: number;
  acknowledgedBy: string | null;
  resolvedAt: number | null;
  resolvedBy: string | null;
  version: number;
  event: { at: number; event: string; by: string | null; text: string };
}

export interface IncidentDecision {
  state: IncidentState;
  record: IncidentRecord | null;
  alert: Alert | null;
}

/** An incident that nobody has reported yet. */
export const newIncident = (identity: IncidentIdentity): IncidentState => ({
  identity,
  state: null,
  episode: 0,
  severity: 'high',
  tags: [],
  reason: '',
  affectedBy: {},
  openedAt: 0,
  acknowledgedBy: null,
  resolvedAt: null,
  resolvedBy: null,
  version: 0,
  lastSequence: {},
});

const isLive = (state: IncidentState): boolean => state.state !== null && state.state !== 'resolved';

/** Names of all that suffer, sorted, each once. */
export const affectedNames = (state: Pick<IncidentState, 'affectedBy'>): string[] =>
  [...new Set(Object.values(state.affectedBy).flat())].sort();

/** Applies one report. A report that was applied before, or that no longer fits, changes nothing. */
export function decideIncident(before: IncidentState, report: IncidentReport): IncidentDecision {
  const unchanged: IncidentDecision = { state: before, record: null, alert: null };
  if (report.sequence <= (before.lastSequence[report.reporter] ?? 0)) return unchanged;
  const seen = { ...before, lastSequence: { ...before.lastSequence, [report.reporter]: report.sequence } };
  switch (report.kind) {
    case 'open':
      return isLive(before)
        ? { ...unchanged, state: seen }
        : conclude(openIncident(seen, report), report, 'opened');
    case 'flapping':
      return conclude(
        isLive(before)
          ? { ...withAffected(seen, report), reason: report.reason }
          : openIncident(seen, report),
        report,
        'flapping',
      );
    case 'affected':
      return takeAffected(before, withAffected(seen, report), report);
    case 'settled':
      if (!isLive(before)) return { ...unchanged, state: seen };
      return conclude(
        report.resolvedBy === null
          ? { ...withAffected(seen, report), reason: report.reason }
          : resolveIncident(seen, report),
        report,
        'settled',
      );
    case 'recover':
      return isLive(before)
        ? conclude(resolveIncident(seen, report), report, 'recovered')
        : { ...unchanged, state: seen };
  }
}

const withAffected = (state: IncidentState, report: IncidentReport): IncidentState => ({
  ...state,
  affectedBy: { ...state.affectedBy, [report.reporter]: report.affected },
});

/** Kept for an incident that is not open yet (its cause is found in another shard); told only when it is news. */
function takeAffected(before: IncidentState, after: IncidentState, report: IncidentReport): IncidentDecision {
  const isNews = affectedNames(before).join('\n') !== affectedNames(after).join('\n');
  return isLive(before) && isNews
    ? conclude(after, report, null)
    : { state: after, record: null, alert: null };
}

function openIncident(state: IncidentState, report: IncidentReport): IncidentState {
  return {
    ...state,
    state: 'open',
    episode: Math.max(report.episode, state.episode + 1),
    severity: report.severity,
    tags: report.tags,
    reason: report.reason,
    affectedBy: { ...(state.state === null ? state.affectedBy : {}), [report.reporter]: report.affected },
    openedAt: report.at,
    acknowledgedBy: null,
    resolvedAt: null,
    resolvedBy: null,
    version: 0,
  };
}

const resolveIncident = (state: IncidentState, report: IncidentReport): IncidentState => ({
  ...state,
  state: 'resolved',
  resolvedAt: report.at,
  resolvedBy: report.resolvedBy ?? 'recovery',
});

function conclude(
  changed: IncidentState,
  report: IncidentReport,
  event: AlertEvent | null,
): IncidentDecision {
  const state = { ...changed, version: changed.version + 1 };
  const text = textOf(state, report, event);
  return {
    state,
    record: recordOf(state, report, event, text),
    alert: event === null ? null : alertOf(state, report, event, text),
  };
}

function textOf(state: IncidentState, report: IncidentReport, event: AlertEvent | null): string {
  const { target, type } = state.identity;
  const affected = affectedNames(state);
  const affects = affected.length === 0 ? '' : ` (affects ${affected.join(', ')})`;
  const lasted = formatDuration(
    Math.max(1000, Math.round(((state.resolvedAt ?? report.at) - state.openedAt) / 1000) * 1000),
  );
  switch (event) {
    case 'recovered':
      return `${target} recovered after ${lasted}: ${report.reason}`;
    case 'settled':
      return `${target} ${report.reason}`;
    case 'flapping':
      return `${target} is ${report.reason}${affects}`;
    case null:
      return affected.length === 0 ? 'nothing else is affected' : `affects ${affected.join(', ')}`;
    case 'opened':
    case 'escalated':
    case 'reminded':
    case 'acknowledged':
      return `${target} is ${type === 'anomaly' ? 'unusually slow' : type}: ${state.reason}${affects}`;
  }
}

function recordOf(
  state: IncidentState,
  report: IncidentReport,
  event: AlertEvent | null,
  text: string,
): IncidentRecord {
  const { identity, episode, severity, reason, openedAt, acknowledgedBy, resolvedAt, resolvedBy, version } =
    state;
  return {
    ...identity,
    id: incidentId(identity),
    episode,
    severity,
    state: state.state ?? 'open',
    reason,
    affected: affectedNames(state),
    openedAt,
    acknowledgedBy,
    resolvedAt,
    resolvedBy,
    version,
    event: { at: report.at, event: event ?? 'affected', by: report.reporter, text },
  };
}

function alertOf(state: IncidentState, report: IncidentReport, event: AlertEvent, text: string): Alert {
  const id = incidentId(state.identity);
  return {
    ...state.identity,
    key: `${id}:${state.episode}:${event}:${state.version}`,
    event,
    status: state.state === 'resolved' ? 'resolved' : 'firing',
    severity: state.severity,
    tags: state.tags,
    affected: affectedNames(state),
    incident: id,
    episode: state.episode,
    text,
    at: report.at,
  };
}
