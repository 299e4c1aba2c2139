/** Alerts, messages, policies and routings, with what a test does not care about filled in. */
import type { LoadedRouting } from '../../src/activities/alert-router-contract.js';
import { defaultAlertPolicy } from '../../src/domain/alert-defaults.js';
import { messagesOf } from '../../src/domain/alert-grouping.js';
import type { AlertPolicy, AlertRoute, MuteWindow } from '../../src/domain/alert-policy.js';
import type { Alert, AlertMessage } from '../../src/domain/alert.js';

export const alertOf = (more: Partial<Alert> = {}): Alert => ({
  key: 'incident:shop:heartbeat:unhealthy:api:1:opened:1',
  event: 'opened',
  status: 'firing',
  severity: 'high',
  environment: 'shop',
  loop: 'heartbeat',
  type: 'unhealthy',
  target: 'api',
  tags: [],
  affected: [],
  incident: 'incident:shop:heartbeat:unhealthy:api',
  episode: 1,
  text: 'api is unhealthy: connection refused',
  at: Date.UTC(2026, 0, 1, 12),
  ...more,
});

/** What becomes of one alert, or of several with the same event. */
export function messageOf(...alerts: Alert[]): AlertMessage {
  const [message] = messagesOf(
    { key: 'shop/alerts:{}', labels: {} },
    alerts.length === 0 ? [alertOf()] : alerts,
  );
  if (message === undefined) throw new Error('there is no message without alerts');
  return message;
}

/** The default policy with changes of its root route, and of the rest. */
export const policyWith = (root: Partial<AlertRoute> = {}, more: Partial<AlertPolicy> = {}): AlertPolicy => {
  const usual = defaultAlertPolicy(['a']);
  return { ...usual, root: { ...usual.root, ...root }, ...more };
};

/** A route below `parent` that inherits everything. */
export const routeOf = (changes: Partial<AlertRoute>): AlertRoute => ({
  ...defaultAlertPolicy(['a']).root,
  ...changes,
});

/** A routing without waits: everything is told at once on every channel. */
export const routingOf = (
  channels: string[],
  more: {
    revision?: number;
    root?: Partial<AlertRoute>;
    policy?: Partial<AlertPolicy>;
    maintenanceWindows?: MuteWindow[];
    skipped?: { name: string; reason: string }[];
  } = {},
): LoadedRouting => ({
  revision: more.revision ?? 1,
  policy: policyWith({ channels, groupWaitMs: 0, groupIntervalMs: 0, ...more.root }, more.policy),
  maintenanceWindows: more.maintenanceWindows ?? [],
  channels: channels.map((name) => ({ name, kind: 'webhook' })),
  skipped: more.skipped ?? [],
  silences: { active: [], count: 0 },
});
