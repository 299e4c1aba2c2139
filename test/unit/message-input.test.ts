/** What loops are sent: every field is looked at, and a wrong one is named with an example. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readAlert,
  readHeartbeatSettings,
  readIncidentIdentity,
  readReport,
  readRouterSettings,
} from '../../src/domain/message-input.js';
import { alertOf } from '../support/alerts.js';
import { reportOf } from '../support/incident-reports.js';

const settings = { environment: 'shop', shard: 0, revision: 1, intervalsMs: [5_000], services: 3 };
const identity = { environment: 'shop', loop: 'heartbeat', type: 'unhealthy', target: 'api' };
const messages = [
  { name: 'an alert', read: readAlert, good: alertOf() },
  { name: 'a report', read: readReport, good: reportOf() },
  { name: "a heartbeat's settings", read: readHeartbeatSettings, good: settings },
  {
    name: "a router's settings",
    read: readRouterSettings,
    good: { environment: 'shop', revision: 0, channels: [] },
  },
  { name: 'an identity', read: readIncidentIdentity, good: identity },
];

describe.each(messages)('reading $name', ({ read, good }) => {
  it('takes a good one as it is, also with fields of a later version', () => {
    expect(read(good)).toEqual({ ok: true, value: good });
    expect(read({ ...good, later: true }).ok).toBe(true);
  });

  it.each(Object.keys(good))('names the field %s when it is missing or wrong', (field) => {
    const { [field]: _, ...rest }: Record<string, unknown> = { ...good };
    const wrong = { ...good, [field]: { not: 'this' } };
    for (const input of [rest, wrong]) {
      const result = read(input);
      expect(result.ok ? '' : result.problem).toMatch(new RegExp(`^field "${field}" is .*; for example `));
    }
  });

  it('never fails, whatever it is given', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (input) => {
        const result = read(input);
        if (!result.ok) expect(result.problem.length).toBeLessThan(2_000);
      }),
    );
  });
});
