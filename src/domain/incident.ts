/** What an incident is: its state, what is written down about each change, and what loops report to it. */
import type { Alert, AlertEvent } from './alert.js';
import type { IncidentIdentity } from './ids.js';
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
  /** What led to it, for `incidents explain`: rules and figures, one line. */
  why?: string;
  /** What a person should do, one line. */
  advice?: string;
  /** Page with what to do, as the configuration names it. */
  runbook?: string;
  /** Labels of a source outside (Prometheus, Alertmanager). */
  labels?: Record<string, string>;
  /** What people are told at its opening, in place of `opened`. */
  event?: AlertEvent;
}

export type IncidentStateName = 'open' | 'acknowledged' | 'escalated' | 'resolved';

/** One attempt to repair the target in the present episode. */
export interface RemedyNote {
  attempt: number;
  action: string;
  /** Epoch ms. */
  startedAt: number;
  endedAt: number | null;
  /** Null while it runs. */
  success: boolean | null;
  detail: string;
}

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
  acknowledgedAt: number | null;
  acknowledgedBy: string | null;
  resolvedAt: number | null;
  resolvedBy: string | null;
  isFlapping: boolean;
  advice: string | null;
  runbook: string | null;
  labels: Record<string, string> | null;
  /** When people were last told that it is open, epoch ms; reminders count from it. */
  toldAt: number;
  /** Levels of escalation told. */
  levelsTold: number;
  /** No reminder and no escalation before this instant, epoch ms; null: not silenced. */
  silencedUntil: number | null;
  remedies: RemedyNote[];
  /** Attempt that was started and is not over; null: none. */
  runningRemedy: { episode: number; attempt: number; since: number } | null;
  /** No more attempts in this episode. */
  isRemedyOver: boolean;
  /** Notes of people in this episode, the newest last; bounded. */
  notes: { by: string; text: string }[];
  /** Grows with every change inside the episode. */
  version: number;
  /** Newest report applied, per reporter. */
  lastSequence: Record<string, number>;
}

/** What happened, as the timeline calls it. */
export type IncidentEventName =
  | 'opened'
  | 'changed'
  | 'affected'
  | 'flapping'
  | 'settled'
  | 'recovered'
  | 'acknowledged'
  | 'resolved'
  | 'silenced'
  | 'note'
  | 'escalated'
  | 'reminded'
  | 'remedy_started'
  | 'remedy_ended'
  | 'remedy_withdrawn';

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
  remedies: RemedyNote[];
  advice: string | null;
  runbook: string | null;
  labels: Record<string, string> | null;
  version: number;
  event: { at: number; event: IncidentEventName; by: string | null; text: string; why: string };
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
  acknowledgedAt: null,
  acknowledgedBy: null,
  resolvedAt: null,
  resolvedBy: null,
  isFlapping: false,
  advice: null,
  runbook: null,
  labels: null,
  toldAt: 0,
  levelsTold: 0,
  silencedUntil: null,
  remedies: [],
  runningRemedy: null,
  isRemedyOver: false,
  notes: [],
  version: 0,
  lastSequence: {},
});

/** True from its opening until it is resolved. */
export const isLive = ({ state }: Pick<IncidentState, 'state'>): boolean =>
  state !== null && state !== 'resolved';

/** Names of all that suffer, sorted, each once. */
export const affectedNames = (state: Pick<IncidentState, 'affectedBy'>): string[] =>
  [...new Set(Object.values(state.affectedBy).flat())].sort();
