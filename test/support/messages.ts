/** Messages and channel dependencies, with what a test does not care about filled in. */
import type { ChannelDependencies } from '../../src/adapters/channels/channel.js';
import type { Alert, AlertMessage } from '../../src/domain/alert.js';
import { alertOf } from './alerts.js';

/** A message of one alert. */
export const messageOf = (more: Partial<Alert> = {}): AlertMessage => groupOf([alertOf(more)]);

/** A message of several; its key is the first one's when there is no other. */
export function groupOf(alerts: Alert[], more: Partial<AlertMessage> = {}): AlertMessage {
  const first = alerts[0] ?? alertOf();
  return {
    key: alerts.length === 1 ? first.key : `group:${alerts.length}:${first.key}`,
    event: first.event,
    status: first.status,
    severity: first.severity,
    environment: first.environment,
    groupKey: '{}/{cause="incident:shop:heartbeat:unhealthy:api"}',
    groupLabels: { cause: 'incident:shop:heartbeat:unhealthy:api' },
    alerts,
    at: Math.max(...alerts.map(({ at }) => at)),
    ...more,
  };
}

export const channelDependencies = (more: Partial<ChannelDependencies> = {}): ChannelDependencies => ({
  stateDir: '/nowhere',
  linksOf: (alert) => ({
    dashboard: 'http://127.0.0.1:7070/incidents/1',
    workflow: 'http://127.0.0.1:8233/namespaces/default/workflows/incident%3Ashop',
    runbook: alert.runbook,
  }),
  now: () => Date.UTC(2026, 0, 1, 12, 0, 5),
  ...more,
});

/** Texts that somebody would send who wants to be more than text: to be tried on every channel. */
export const hostileTexts = [
  '<!channel> <!here> <@U024BE7LH> <#C024BE7LR> <http://evil.example|click>',
  '*bold* _italic_ ~struck~ `code` ```block``` > quote',
  '@everyone @here <@123456789012345678> <@&123456789012345678> <#1234> <t:1618953630:R> <:smile:123>',
  '[click](http://evil.example) ![x](http://evil.example/x.png) <https://evil.example> ||spoiler||',
  '# heading\n- list\n1. one\n> quote',
  '<script>alert(1)</script><img src=x onerror=alert(1)>"\'&amp;&#60;',
  'Subject: forged\r\nBcc: victim@example.org\r\n\r\nbody',
  '\u202egnp.exe \u0000\u001b[2J\u2028next\ud800',
];
