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

describe('fields of an alert that may be left out', () => {
  const extras = {
    since: Date.UTC(2026, 0, 1),
    did: ['restarted api: still unhealthy'],
    advice: 'look at the log',
    runbook: 'https://wiki.example.org/api',
    labels: { instance: '10.0.0.7:9100' },
    channels: ['team'],
  };

  it('are taken as they are', () => {
    expect(readAlert({ ...alertOf(), ...extras })).toEqual({ ok: true, value: { ...alertOf(), ...extras } });
  });

  it.each([
    ['since', 'yesterday'],
    ['did', 'restarted'],
    ['did', Array(101).fill('again')],
    ['advice', 7],
    ['runbook', 'x'.repeat(20_000)],
    ['labels', { instance: 7 }],
    ['labels', ['instance']],
    ['labels', Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`label-${index}`, '']))],
    ['channels', 'team'],
    ['channels', null],
  ])('are named when they are wrong: %s', (field, value) => {
    const result = readAlert({ ...alertOf(), [field]: value });
    expect(result.ok ? '' : result.problem).toMatch(new RegExp(`^field "${field}" is .*; for example `));
  });
});
