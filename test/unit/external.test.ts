// What one message about an alert changes, and what the incident of a group is told.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  externalSeverity,
  externalTarget,
  takeAlert,
  type IncomingAlert,
  type KnownAlert,
} from '../../src/domain/external.js';
import { reportsOf, type AlertGroup, type StoredAlert } from '../../src/domain/external-report.js';

const [minute, t0] = [60_000, Date.UTC(2026, 10, 25, 18)];

type Message = Pick<IncomingAlert, 'startsAt' | 'endsAt' | 'isResolved'>;
const fires = (startsAt: number | null, endsAt: number | null): Message => ({
  startsAt,
  endsAt,
  isResolved: false,
});
const ends = (startsAt: number | null, endsAt: number | null): Message => ({
  startsAt,
  endsAt,
  isResolved: true,
});

/** The alert after messages that came at those times, and how often it began. */
function after(...messages: [message: Message, at: number][]): { alert: KnownAlert | null; turns: string[] } {
  let alert: KnownAlert | null = null;
  const turns: string[] = [];
  for (const [message, at] of messages) {
    const change = takeAlert(alert, message, at);
    if (change?.turned) turns.push(change.turned);
    alert = change?.alert ?? alert;
  }
  return { alert, turns };
}

describe('takeAlert', () => {
  it('puts off the end of a firing alert with each repeat, and never brings it forward', () => {
    const { alert, turns } = after(
      [fires(t0, t0 + 4 * minute), t0],
      [fires(t0, t0 + 5 * minute), t0 + minute],
      [fires(t0, t0 + 4 * minute), t0 + minute + 1],
    );
    expect(turns).toEqual(['firing']);
    expect(alert).toEqual({ state: 'firing', startsAt: t0, endsAt: t0 + 5 * minute, heardAt: null });
  });

  it('takes an end in the past for the end, also without being told that it is over', () => {
    const { alert, turns } = after(
      [fires(t0, t0 + 4 * minute), t0],
      [fires(t0, t0 + minute), t0 + 2 * minute],
    );
    expect([alert?.state, turns]).toEqual(['resolved', ['firing', 'over']]);
  });

  it('is not undone by a repeat that was sent before the end and came after it', () => {
    const { alert, turns } = after(
      [fires(t0, t0 + 4 * minute), t0],
      [ends(t0, t0 + minute), t0 + minute],
      [fires(t0, t0 + 5 * minute), t0 + minute + 500],
      [fires(t0 - minute, null), t0 + minute + 600],
    );
    expect([alert?.state, turns]).toEqual(['resolved', ['firing', 'over']]);
  });

  it('does not end by the end of an earlier time of firing that came late', () => {
    const { alert, turns } = after(
      [fires(t0, t0 + 4 * minute), t0],
      [fires(t0 + 3 * minute, t0 + 7 * minute), t0 + 3 * minute],
      [ends(t0, t0 + 2 * minute), t0 + 3 * minute + 1],
    );
    expect([alert?.state, turns]).toEqual(['firing', ['firing']]);
  });

  it('begins again when it fires anew, and when a source is back that was silent too long', () => {
    expect(
      after([fires(t0, null), t0], [ends(t0, t0 + 1), t0 + 1], [fires(t0 + minute, null), t0 + minute]).turns,
    ).toEqual(['firing', 'over', 'firing']);
    const expired: KnownAlert = { state: 'expired', startsAt: t0, endsAt: t0 + minute, heardAt: null };
    const back = takeAlert(expired, fires(t0, t0 + 9 * minute), t0 + 5 * minute);
    expect(back).toMatchObject({ turned: 'firing', alert: { state: 'firing', endsAt: t0 + 9 * minute } });
  });

  it('believes both ways in: an end that one names does not end what the other says without one', () => {
    const { alert } = after([fires(t0, t0 + 4 * minute), t0], [fires(t0, null), t0 + minute]);
    expect(alert).toEqual({ state: 'firing', startsAt: t0, endsAt: t0 + 4 * minute, heardAt: t0 + minute });
  });

  it('tells nothing of an alert that was never seen firing', () => {
    expect(after([ends(t0, t0 + minute), t0 + minute], [ends(t0, t0 + minute), t0 + minute]).turns).toEqual(
      [],
    );
  });

  it('changes nothing for a message with an end that comes again, whatever came before', () => {
    const message = fc.record({
      startsAt: fc.integer({ min: 0, max: 5 }),
      endsAt: fc.integer({ min: 5, max: 20 }),
      isResolved: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 12 }), fc.nat(), (messages, pick) => {
        const now = 10;
        let known: KnownAlert | null = null;
        for (const one of messages) known = takeAlert(known, one, now)?.alert ?? known;
        const again = messages[pick % messages.length] ?? messages[0];
        if (again === undefined) return;
        known = takeAlert(known, again, now)?.alert ?? known;
        expect(takeAlert(known, again, now)?.turned ?? null).toBeNull();
      }),
    );
  });
});

describe('labels', () => {
  it.each([
    ['critical', 'critical'],
    ['page', 'critical'],
    ['Error', 'high'],
    ['high', 'high'],
    ['warning', 'medium'],
    ['medium', 'medium'],
    ['info', 'low'],
    ['none', 'low'],
    ['low', 'low'],
    ['toString', 'high'],
    ['whatever', 'high'],
  ])('severity %s counts as %s', (severity, expected) => {
    expect(externalSeverity({ severity })).toBe(expected);
  });

  it('a missing severity counts as high', () => {
    expect(externalSeverity({})).toBe('high');
  });

  it('the target is the instance, else the service, else the job, else the fingerprint', () => {
    const labels = { job: 'j', service: 's', instance: 'i' };
    expect(externalTarget(labels, 'f')).toBe('i');
    expect(externalTarget({ job: 'j', service: 's' }, 'f')).toBe('s');
    expect(externalTarget({ job: 'j' }, 'f')).toBe('j');
    expect(externalTarget({}, 'f')).toBe('f');
  });
});

const stored = (more: Partial<StoredAlert> = {}): StoredAlert => ({
  severity: 'high',
  labels: { alertname: 'ShopDown', instance: 'a:1' },
  annotations: {},
  generatorUrl: '',
  source: 'prometheus',
  state: 'firing',
  startsAt: t0,
  updatedAt: t0 + 10,
  change: 1,
  fired: 1,
  told: 0,
  ...more,
});
const groupOf = (...alerts: StoredAlert[]): AlertGroup => ({
  environment: 'shop',
  type: 'ShopDown',
  target: 'a:1',
  lastEpisode: 2,
  lastChange: Math.max(...alerts.map(({ change }) => change)),
  firing: alerts.filter(({ state }) => state === 'firing').length,
  alerts,
});

describe('reportsOf', () => {
  it('opens with the worst severity, the text of its annotations, the runbook and the labels they share', () => {
    const mild = stored({ labels: { alertname: 'ShopDown', instance: 'a:1', path: '/a', team: 'web' } });
    const worst = stored({
      severity: 'critical',
      labels: { alertname: 'ShopDown', instance: 'a:1', path: '/b', team: 'web', severity: 'page' },
      annotations: { summary: 'shop\n is down', runbook_url: 'https://wiki/x' },
      change: 2,
      fired: 2,
    });
    expect(reportsOf(groupOf(mild, worst), t0)).toEqual([
      expect.objectContaining({
        key: 'incident:shop:external:ShopDown:a:1:open:2',
        reporter: 'external:shop',
        sequence: 2,
        kind: 'open',
        severity: 'critical',
        episode: 3,
        reason: '2 alerts, one of them: shop is down',
        runbook: 'https://wiki/x',
        labels: { alertname: 'ShopDown', instance: 'a:1', team: 'web' },
        why: 'prometheus reports 2 alerts firing since 2026-11-25T18:00:00.000Z; severity label page',
      }),
    ]);
  });

  it('gives the page of the rule as a label, and only web addresses as runbook', () => {
    const [report] = reportsOf(
      groupOf(stored({ generatorUrl: 'http://p/g', annotations: { runbook_url: 'javascript:1' } })),
      t0,
    );
    expect(report?.labels).toMatchObject({ __generator_url: 'http://p/g' });
    expect(report).not.toHaveProperty('runbook');
  });

  it('recovers when the last one is over, not before', () => {
    const over = stored({ state: 'resolved', change: 5, told: 1 });
    expect(reportsOf(groupOf(over, stored({ told: 1 })), t0)).toEqual([]);
    expect(reportsOf(groupOf(over), t0)).toEqual([
      expect.objectContaining({ kind: 'recover', sequence: 5, resolvedBy: 'source' }),
    ]);
  });

  it('tells of an alert that began and ended since the last look, in order', () => {
    const reports = reportsOf(groupOf(stored({ state: 'expired', fired: 3, change: 4 })), t0);
    expect(reports.map(({ kind, sequence }) => [kind, sequence])).toEqual([
      ['open', 3],
      ['recover', 4],
    ]);
  });

  it('says nothing of an end that came without a beginning', () => {
    expect(reportsOf(groupOf(stored({ state: 'resolved', fired: 0, change: 7 })), t0)).toEqual([]);
  });
});
