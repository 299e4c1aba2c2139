/** `alerts rules`: which way an imagined alert would take. */
import { describe, expect, it } from 'vitest';
import { explainAlert } from '../../src/domain/alert-explanation.js';
import { policyWith, routeOf } from '../support/alerts.js';
import { configuration, service } from '../support/configurations.js';

const now = Date.UTC(2026, 0, 15, 23);
const alerts = policyWith(
  {
    channels: ['console'],
    routes: [
      routeOf({ match: { tags: ['web'] }, channels: ['team'], throttleMs: 900_000, groupBy: ['target'] }),
    ],
  },
  {
    mute: [{ match: {}, fromMinute: 1320, toMinute: 420, days: null, timeZone: 'UTC', below: 'critical' }],
    escalation: [{ afterMs: 900_000, channels: ['boss'] }],
  },
);
const shop = configuration('shop', [service('api', { severity: 'critical', tags: ['web'] })], { alerts });

describe('an imagined alert', () => {
  it('of a service has its severity and tags', () => {
    const rules = explainAlert(shop, { target: 'api' }, now);
    expect(rules.alert).toMatchObject({
      event: 'opened',
      severity: 'critical',
      tags: ['web'],
      loop: 'heartbeat',
    });
    expect(rules.routes).toEqual([
      {
        path: 'alerts.routes[0]',
        channels: ['team'],
        groupBy: ['target'],
        group: 'shop/alerts.routes[0]:{target="api"}',
        waitMs: 10_000,
        groupIntervalMs: 60_000,
        throttleMs: 900_000,
        repeatIntervalMs: 3_600_000,
      },
    ]);
    expect([rules.muted, rules.escalation.length]).toEqual([null, 1]);
  });

  it('shows what holds it back now, and what is sent at once', () => {
    const rules = explainAlert(shop, { target: 'db', event: 'escalated' }, now);
    expect(rules.muted).toEqual({
      reason: 'quiet hours until 2026-01-16T07:00:00Z',
      until: '2026-01-16T07:00:00.000Z',
    });
    expect(rules.routes).toMatchObject([{ path: 'alerts', waitMs: 0 }]);
  });

  it('that cannot be is refused with what was probably meant', () => {
    expect(() => explainAlert(shop, { event: 'openend' }, now)).toThrow('did you mean "opened"?');
    expect(() => explainAlert(shop, { severity: 'urgent' }, now)).toThrow(
      'one of critical, high, medium, low',
    );
  });
});
