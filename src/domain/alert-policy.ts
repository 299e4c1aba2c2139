/** Who is told what, when, and what is held back: the validated form of `alerts` and `maintenanceWindows` in opsloop.yaml. */
import type { Severity } from './service.js';

/** Fits an alert when every key that is given fits; a list fits when one of its entries does. An empty matcher fits all. */
export interface Matcher {
  event?: string[];
  loop?: string[];
  type?: string[];
  target?: string[];
  severity?: Severity[];
  /** One of the alert's tags is among these. */
  tags?: string[];
  /** Workflow ids of incidents; only in silences. */
  incident?: string[];
}

/** One route with everything that it inherits filled in. Durations in ms. */
export interface AlertRoute {
  match: Matcher;
  channels: string[];
  /** `cause` (the incident), event, loop, type, target, severity, environment, or the name of a label. */
  groupBy: string[];
  groupWaitMs: number;
  groupIntervalMs: number;
  /** An unacknowledged critical incident is told again after this. */
  repeatIntervalMs: number;
  /** The same event of the same target is not told again within this; 0: always told; null: what is usual for the event. */
  throttleMs: number | null;
  /** Go on to the next sibling after this one matched. */
  isContinuing: boolean;
  routes: AlertRoute[];
}

/** A recurring time in which alerts are held back. */
export interface MuteWindow {
  match: Matcher;
  /** Minutes of the local day; `from` > `to` goes over midnight; equal: the whole day. */
  fromMinute: number;
  toMinute: number;
  /** Days on which it begins, 0 is Sunday; null: every day. */
  days: number[] | null;
  /** IANA name. */
  timeZone: string;
  /** Only what is less severe than this is held back; null: everything. */
  below: Severity | null;
}

export interface Inhibition {
  source: Matcher;
  target: Matcher;
}

export interface EscalationLevel {
  /** After the incident opened, ms. */
  afterMs: number;
  channels: string[];
}

export interface AlertPolicy {
  /** Fits everything. */
  root: AlertRoute;
  inhibit: Inhibition[];
  /** Quiet hours: `alerts.mute`. */
  mute: MuteWindow[];
  /** Ascending by `afterMs`. */
  escalation: EscalationLevel[];
  /** An alert from outside without an end is over when it was not repeated for this long, ms. */
  resolveTimeoutMs: number;
}
