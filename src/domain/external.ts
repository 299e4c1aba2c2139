/** Alerts from outside: what one message changes, which incident an alert belongs to, and what that incident is told. */
import type { Severity } from './service.js';

export type ExternalSource = 'prometheus' | 'alertmanager';

/** What `apply` tells the loop; the time limit is read from the applied revision. */
export interface ExternalSettings {
  environment: string;
  revision: number;
}

/** One alert of a message, read and checked. Instants in epoch ms. */
export interface IncomingAlert {
  fingerprint: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Page of the rule at the source; empty when not told. */
  generatorUrl: string;
  source: ExternalSource;
  /** Null: now. */
  startsAt: number | null;
  /** Null: not known yet. Prometheus names an end in the future, and puts it off with each repeat. */
  endsAt: number | null;
  /** The source says that it is over. */
  isResolved: boolean;
}

/** What is known of an alert. `resolved`: the source said so; `expired`: it did not say any more that it fires. */
export interface KnownAlert {
  state: 'firing' | 'resolved' | 'expired';
  /** Beginning of the newest time of firing; of a resolved one, the beginning that was told with its end. */
  startsAt: number;
  /** Furthest end that was named; null: none was. */
  endsAt: number | null;
  /** When it was last said to fire without an end; null: an end was always named. */
  heardAt: number | null;
}

/** What a message changes: the alert after it, and whether it began or ended by it. */
export interface AlertChange {
  alert: KnownAlert;
  turned: 'firing' | 'over' | null;
}

/** Takes one message about an alert; null when it is older than what is known, or says nothing new. */
export function takeAlert(
  known: KnownAlert | null,
  incoming: Pick<IncomingAlert, 'startsAt' | 'endsAt' | 'isResolved'>,
  now: number,
): AlertChange | null {
  const isOver = incoming.isResolved || (incoming.endsAt !== null && incoming.endsAt <= now);
  return isOver ? takeEnd(known, incoming, now) : takeFiring(known, incoming, now);
}

type Times = Pick<IncomingAlert, 'startsAt' | 'endsAt'>;

function takeEnd(known: KnownAlert | null, incoming: Times, now: number): AlertChange | null {
  const endsAt = Math.min(incoming.endsAt ?? now, now);
  const startsAt = incoming.startsAt ?? endsAt;
  const alert: KnownAlert = { state: 'resolved', startsAt, endsAt, heardAt: null };
  if (known === null) return { alert, turned: null };
  // The end of an earlier time of firing, which came late.
  if (startsAt < known.startsAt && endsAt < known.startsAt) return null;
  if (known.state === 'firing') return { alert, turned: 'over' };
  return known.state === 'expired' || startsAt > known.startsAt ? { alert, turned: null } : null;
}

function takeFiring(known: KnownAlert | null, incoming: Times, now: number): AlertChange | null {
  const { endsAt } = incoming;
  const heardAt = endsAt === null ? now : null;
  const startsAt = incoming.startsAt ?? now;
  const fresh: KnownAlert = { state: 'firing', startsAt, endsAt, heardAt };
  if (known === null) return { alert: fresh, turned: 'firing' };
  // The source said that this time of firing is over: a repeat from before that, which came late.
  if (known.state === 'resolved')
    return startsAt <= known.startsAt ? null : { alert: fresh, turned: 'firing' };
  const isNewer = startsAt > known.startsAt || endsAt === null || endsAt > (known.endsAt ?? 0);
  if (!isNewer) return null;
  const alert: KnownAlert = {
    state: 'firing',
    startsAt: Math.max(startsAt, known.startsAt),
    endsAt: endsAt === null ? known.endsAt : Math.max(endsAt, known.endsAt ?? endsAt),
    heardAt: heardAt ?? known.heardAt,
  };
  return { alert, turned: known.state === 'expired' ? 'firing' : null };
}

const severityOfLabel: Readonly<Record<string, Severity>> = {
  critical: 'critical',
  page: 'critical',
  high: 'high',
  error: 'high',
  medium: 'medium',
  warning: 'medium',
  low: 'low',
  info: 'low',
  none: 'low',
};

/** The severity by the label of that name; high when it is missing or not known. */
export function externalSeverity(labels: Readonly<Record<string, string>>): Severity {
  const label = (labels['severity'] ?? '').toLowerCase();
  return Object.hasOwn(severityOfLabel, label) ? (severityOfLabel[label] ?? 'high') : 'high';
}

/** Labels that name the target, the first that is there. */
export const targetLabels = ['instance', 'service', 'job'] as const;

/** What the alert is about. */
export const externalTarget = (labels: Readonly<Record<string, string>>, fingerprint: string): string =>
  targetLabels.map((name) => labels[name]).find((value) => value !== undefined) ?? fingerprint;
