/** A message in the shape in which Alertmanager calls webhooks (version 4). */
import type { Alert, AlertMessage } from '../../domain/alert.js';
import { alertText } from '../../domain/alert-text.js';
import type { AlertLinks } from './channel.js';
import { fingerprint } from './message-identity.js';

interface WebhookAlert {
  status: Alert['status'];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** ISO 8601. */
  startsAt: string;
  endsAt: string;
  generatorURL: string;
  fingerprint: string;
}

export interface WebhookPayload {
  version: '4';
  groupKey: string;
  truncatedAlerts: number;
  status: Alert['status'];
  receiver: string;
  groupLabels: Record<string, string>;
  commonLabels: Record<string, string>;
  commonAnnotations: Record<string, string>;
  externalURL: string;
  alerts: WebhookAlert[];
}

const mostAlerts = 200;
/** How Alertmanager writes that there is no end yet. */
const noEnd = '0001-01-01T00:00:00Z';

export function webhookPayload(
  message: AlertMessage,
  receiver: string,
  linksOf: (alert: Alert) => AlertLinks,
): WebhookPayload {
  const alerts = message.alerts
    .slice(0, mostAlerts)
    .map((alert) => webhookAlert(message, alert, linksOf(alert)));
  const [first] = message.alerts;
  const links = first === undefined ? {} : linksOf(first);
  return {
    version: '4',
    groupKey: message.groupKey,
    truncatedAlerts: message.alerts.length - alerts.length,
    status: message.status,
    receiver,
    groupLabels: message.groupLabels,
    commonLabels: common(alerts.map(({ labels }) => labels)),
    commonAnnotations: common(alerts.map(({ annotations }) => annotations)),
    externalURL: links.dashboard ?? links.workflow ?? '',
    alerts,
  };
}

function webhookAlert(message: AlertMessage, alert: Alert, links: AlertLinks): WebhookAlert {
  return {
    status: alert.status,
    labels: labelsOf(alert),
    annotations: annotationsOf(message, alert, links),
    startsAt: new Date(alert.since ?? alert.at).toISOString(),
    endsAt: alert.status === 'resolved' ? new Date(alert.at).toISOString() : noEnd,
    generatorURL: links.workflow ?? links.dashboard ?? '',
    fingerprint: fingerprint(alert.incident),
  };
}

/** Those of the source outside, and over them opsloop's own. */
const labelsOf = ({
  labels,
  type,
  severity,
  loop,
  target,
  environment,
  incident,
}: Alert): Record<string, string> => ({
  ...labels,
  alertname: type,
  severity,
  loop,
  target,
  environment,
  incident,
});

function annotationsOf(message: AlertMessage, alert: Alert, links: AlertLinks): Record<string, string> {
  const own = alertText({
    ...message,
    alerts: [alert],
    at: alert.at,
    status: alert.status,
    severity: alert.severity,
  });
  return {
    event: alert.event,
    key: alert.key,
    episode: String(alert.episode),
    summary: own.title,
    description: alert.text,
    affected: alert.affected.join(', '),
    did: (alert.did ?? []).join('\n'),
    advice: own.advice,
    ...(alert.tags.length > 0 && { tags: alert.tags.join(', ') }),
    ...(links.dashboard !== undefined && { dashboard: links.dashboard }),
    ...(links.workflow !== undefined && { workflow: links.workflow }),
    ...(links.runbook !== undefined && { runbook_url: links.runbook }),
  };
}

/** What all have with the same value. */
function common(records: readonly Record<string, string>[]): Record<string, string> {
  const [first = {}, ...others] = records;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => others.every((other) => other[name] === value)),
  );
}
