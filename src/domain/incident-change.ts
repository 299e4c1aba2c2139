/** What follows from every change of an incident: its record, its line in the timeline, and what people are told. */
import type { Alert, AlertEvent } from './alert.js';
import { formatDuration } from './duration.js';
import { incidentId } from './ids.js';
import {
  affectedNames,
  type IncidentDecision,
  type IncidentEventName,
  type IncidentRecord,
  type IncidentState,
  type RemedyNote,
} from './incident.js';

export interface Change {
  event: IncidentEventName;
  /** Epoch ms. */
  at: number;
  /** A person, or the workflow that reports. */
  by: string | null;
  /** Told to people; null: only written down. */
  tell: AlertEvent | null;
  /** The rule that led to it, for `incidents explain`. */
  why: string;
  /** Why it is over or settled; the state keeps why it was bad. */
  reason?: string;
  /** What happened, when state and reason do not say it. */
  text?: string;
  /** Goes to these channels in place of those of its route. */
  channels?: string[];
}

/** Numbers the change, and makes of it what is recorded and told. */
export function conclude(changed: IncidentState, change: Change): IncidentDecision {
  const told = change.tell !== null && change.tell !== 'acknowledged' ? { toldAt: change.at } : {};
  const state = { ...changed, ...told, version: changed.version + 1 };
  const text = change.text ?? describe(state, change);
  return {
    state,
    record: recordOf(state, change, text),
    alert: change.tell === null ? null : alertOf(state, { ...change, tell: change.tell }, text),
  };
}

/** How long it lasted, in whole seconds, one at least. */
const lastedText = (state: IncidentState, at: number): string =>
  formatDuration(Math.max(1000, Math.round(((state.resolvedAt ?? at) - state.openedAt) / 1000) * 1000));

/** `db is unhealthy: connection refused (affects api, web)`. */
export function problemText(state: IncidentState): string {
  const { target, type } = state.identity;
  const affected = affectedNames(state);
  const affects = affected.length === 0 ? '' : ` (affects ${affected.join(', ')})`;
  return `${target} ${verbOf(state.identity.loop, type)}: ${state.reason}${affects}`;
}

function verbOf(loop: string, type: string): string {
  // The name of an alert from outside says by itself what is wrong.
  if (loop === 'external') return type;
  return type === 'anomaly' ? 'is unusually slow' : `is ${type}`;
}

function describe(state: IncidentState, { event, at, reason = state.reason }: Change): string {
  const { target } = state.identity;
  const affected = affectedNames(state);
  switch (event) {
    case 'recovered':
      return `${target} recovered after ${lastedText(state, at)}: ${reason}`;
    case 'settled':
      return `${target} ${reason}`;
    case 'flapping':
      return `${target} is ${reason}${affected.length === 0 ? '' : ` (affects ${affected.join(', ')})`}`;
    case 'affected':
      return affected.length === 0 ? 'nothing else is affected' : `affects ${affected.join(', ')}`;
    default:
      return problemText(state);
  }
}

function recordOf(state: IncidentState, { at, event, by, why }: Change, text: string): IncidentRecord {
  const { identity, episode, severity, reason, openedAt, acknowledgedBy, resolvedAt, resolvedBy } = state;
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
    remedies: state.remedies,
    advice: state.advice,
    runbook: state.runbook,
    labels: state.labels,
    version: state.version,
    event: { at, event, by, text, why },
  };
}

function alertOf(state: IncidentState, change: Change & { tell: AlertEvent }, text: string): Alert {
  const id = incidentId(state.identity);
  const did = state.remedies.map(remedyText);
  return {
    ...state.identity,
    key: `${id}:${state.episode}:${change.tell}:${state.version}`,
    event: change.tell,
    status: state.state === 'resolved' ? 'resolved' : 'firing',
    severity: state.severity,
    tags: state.tags,
    affected: affectedNames(state),
    incident: id,
    episode: state.episode,
    text,
    at: change.at,
    since: state.openedAt,
    ...(did.length === 0 ? {} : { did }),
    ...(state.advice === null ? {} : { advice: state.advice }),
    ...(state.runbook === null ? {} : { runbook: state.runbook }),
    ...(state.labels === null ? {} : { labels: state.labels }),
    ...(change.channels === undefined ? {} : { channels: change.channels }),
  };
}

/** `attempt 1, restart: did not help (still unhealthy: …)`. */
export function remedyText({ attempt, action, success, detail }: RemedyNote): string {
  const outcome = success === null ? 'is under way' : success ? 'worked' : 'did not help';
  return `attempt ${attempt}, ${action}: ${outcome}${detail === '' ? '' : ` (${detail})`}`;
}
