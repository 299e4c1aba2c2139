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
}
