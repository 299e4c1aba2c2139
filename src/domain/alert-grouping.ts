/** Groups of alerts that are told together: which group an alert belongs to, and the messages that a group becomes. */
import type { Alert, AlertMessage } from './alert.js';
import type { PendingAlert, Told } from './alert-coalescing.js';
import type { AlertPolicy, AlertRoute } from './alert-policy.js';
import type { Way } from './alert-routing.js';
import type { Severity } from './service.js';

/** What waits and what was told of the alerts that one route takes and that have its `groupBy` in common. */
export interface AlertGroup {
  key: string;
  /** Path of its route. */
  path: string;
  /** Where it is told; null: on the channels of its route. */
  directed: string[] | null;
  labels: Record<string, string>;
  pending: PendingAlert[];
  told: Told;
  /** When it told something last, epoch ms; null: never. */
  flushedAt: number | null;
}

/** What grouping looks at. */
export type GroupedAlert = Pick<
  Alert,
  'incident' | 'event' | 'loop' | 'type' | 'target' | 'severity' | 'environment' | 'labels'
> & { key?: string };

/** Alerts in one message at most, and characters of their JSON: what is more goes into the next message. */
const mostAlerts = 50;
const mostText = 200_000;

const own: readonly string[] = ['event', 'loop', 'type', 'target', 'severity', 'environment'];

function labelOf(name: string, alert: GroupedAlert): string {
  if (name === 'cause') return alert.incident === '' ? (alert.key ?? '') : alert.incident;
  if (own.includes(name)) return alert[name as 'event'];
  return Object.hasOwn(alert.labels ?? {}, name) ? (alert.labels?.[name] ?? '') : '';
}

/** What the alerts of the group have in common, by the route's `groupBy`; a message has one event anyhow, and its end belongs to it. */
export const groupLabels = (
  { groupBy }: Pick<AlertRoute, 'groupBy'>,
  alert: GroupedAlert,
): Record<string, string> =>
  Object.fromEntries(groupBy.filter((name) => name !== 'event').map((name) => [name, labelOf(name, alert)]));

const describeLabels = (labels: Record<string, string>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(', ');

/** Stable over time: `shop/alerts.routes[0]:{cause="incident:…"}`. */
export function groupKeyOf({ path, route, channels, isDirected }: Way, alert: GroupedAlert): string {
  const to = isDirected ? `>${channels.join(',')}` : '';
  return `${alert.environment}/${path}${to}:{${describeLabels(groupLabels(route, alert))}}`;
}

/** Names of labels from outside that some route groups by. */
export function groupLabelNames({ root }: Pick<AlertPolicy, 'root'>): string[] {
  const namesOf = (route: AlertRoute): string[] => [...route.groupBy, ...route.routes.flatMap(namesOf)];
  return [...new Set(namesOf(root))].filter((name) => name !== 'cause' && !own.includes(name));
}

export const newGroup = (way: Way, alert: GroupedAlert): AlertGroup => ({
  key: groupKeyOf(way, alert),
  path: way.path,
  directed: way.isDirected ? way.channels : null,
  labels: groupLabels(way.route, alert),
  pending: [],
  told: {},
  flushedAt: null,
});

const weight: Record<Severity, number> = { critical: 3, high: 2, medium: 1, low: 0 };

const worst = (alerts: readonly Alert[]): Severity =>
  alerts.reduce<Severity>((most, { severity }) => (weight[severity] > weight[most] ? severity : most), 'low');

/** Parts that fit into one message each. */
function portions(alerts: readonly Alert[]): Alert[][] {
  const parts: Alert[][] = [];
  let room = 0;
  for (const alert of alerts) {
    const size = JSON.stringify(alert).length;
    const part = parts.at(-1);
    if (part === undefined || part.length >= mostAlerts || size > room) {
      parts.push([alert]);
      room = mostText - size;
    } else {
      part.push(alert);
      room -= size;
    }
  }
  return parts;
}

/** One message for each event (and whether it is over), in order of first arrival. */
export function messagesOf(
  { key, labels }: Pick<AlertGroup, 'key' | 'labels'>,
  alerts: readonly Alert[],
): AlertMessage[] {
  const byEvent = new Map<string, Alert[]>();
  for (const alert of alerts) {
    const kind = `${alert.event} ${alert.status}`;
    byEvent.set(kind, [...(byEvent.get(kind) ?? []), alert]);
  }
  return [...byEvent.values()].flatMap(portions).flatMap((part) => {
    const [first] = part;
    if (first === undefined) return [];
    return [
      {
        key: part.length === 1 ? first.key : `${first.key}+${part.length - 1}`,
        event: first.event,
        status: first.status,
        severity: worst(part),
        environment: first.environment,
        groupKey: key,
        groupLabels: labels,
        alerts: part,
        at: Math.max(...part.map(({ at }) => at)),
      },
    ];
  });
}
