/** One alert: what happened to a target, as it travels from a loop through incident and router to the channels. */
import type { Severity } from './service.js';

export const alertEvents = [
  'opened',
  'recovered',
  'escalated',
  'reminded',
  'flapping',
  'settled',
  'acknowledged',
  'run_failure',
  'run_completed',
  'run_stalled',
  'archival_failure',
  'step_failure',
  'deployment_rolled_back',
  'deployment_failed',
  'deployment_succeeded',
  'deployment_approval',
  'cron_failure',
  'cron_missed',
  'cron_late',
  'guard_level',
  'channel_failed',
  'watchdog',
] as const;
export type AlertEvent = (typeof alertEvents)[number];

export interface Alert {
  /** Stable identity of this message: the same on every attempt and after every crash. */
  key: string;
  event: AlertEvent;
  status: 'firing' | 'resolved';
  severity: Severity;
  environment: string;
  loop: string;
  type: string;
  target: string;
  tags: string[];
  /** Targets that suffer from this one's trouble. */
  affected: string[];
  /** Workflow id of the incident. */
  incident: string;
  episode: number;
  /** What happened, for people, one line. */
  text: string;
  /** Instant of the change, epoch ms. */
  at: number;
  /** When the trouble began, epoch ms. */
  since?: number;
  /** What opsloop did about it, one line each, oldest first. */
  did?: string[];
  /** What a person should do, one line. */
  advice?: string;
  /** Page with what to do, as the configuration names it. */
  runbook?: string;
  /** Labels of a source outside (Prometheus, Alertmanager). */
  labels?: Record<string, string>;
  /** Goes to these channels instead of those of its route: a level of escalation, or the next channel after a dead one. */
  channels?: string[];
}

/** What one channel is told at once: one alert, or several of a group with the same event. */
export interface AlertMessage {
  /** Stable identity of the message, the same on every attempt; the alert's own key when it holds one alert. */
  key: string;
  event: AlertEvent;
  status: Alert['status'];
  /** The worst of its alerts. */
  severity: Severity;
  environment: string;
  /** Names the group, stable over time. */
  groupKey: string;
  /** What the alerts of the group have in common, by the route's `groupBy`. */
  groupLabels: Record<string, string>;
  /** At least one, oldest first. */
  alerts: Alert[];
  /** Instant of the newest alert, epoch ms. */
  at: number;
}

/** What became of one attempt to send. */
export type SendOutcome =
  /** `note`: what was refused in part, for example one of several recipients. */
  | { kind: 'sent'; note?: string }
  /** Worth another try; `afterMs` when the other side said how long to wait. */
  | { kind: 'retry'; reason: string; afterMs: number | null }
  /** Trying again is of no use: a wrong URL, a refused recipient, a channel that is gone. */
  | { kind: 'permanent'; reason: string };
