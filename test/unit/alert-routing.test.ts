/** Which routes an alert takes: as Alertmanager does it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeMatcher, mismatchOf } from '../../src/domain/alert-matcher.js';
import type { AlertRoute } from '../../src/domain/alert-policy.js';
import { decideRoutes, explainRoutes, routeAt } from '../../src/domain/alert-routing.js';
import { alertOf, policyWith, routeOf } from '../support/alerts.js';

const web = routeOf({
  match: { tags: ['web'], severity: ['critical', 'high'] },
  channels: ['team', 'post'],
  routes: [routeOf({ match: { severity: ['critical'] }, channels: ['pager'] })],
});
const audit = routeOf({ match: { loop: ['heartbeat'] }, channels: ['audit', 'team'], isContinuing: true });
const all = routeOf({ match: {}, channels: ['rest', 'audit'] });

const waysOf = (routes: AlertRoute[], ...alert: Parameters<typeof alertOf>): string[] =>
  decideRoutes(policyWith({ channels: ['root'], routes }), alertOf(...alert)).map(
    ({ path, channels }) => `${path}: ${channels.join(', ')}`,
  );

describe('routes', () => {
  it('are the root when no other one fits', () => {
    expect(waysOf([web], { tags: ['db'] })).toEqual(['alerts: root']);
    expect(waysOf([])).toEqual(['alerts: root']);
  });

  it('are the first that fits, and the deepest of it', () => {
    expect(waysOf([web, all], { tags: ['web'] })).toEqual(['alerts.routes[0]: team, post']);
    expect(waysOf([web, all], { tags: ['web'], severity: 'critical' })).toEqual([
      'alerts.routes[0].routes[0]: pager',
    ]);
    expect(waysOf([web, all], { tags: ['web'], severity: 'low' })).toEqual(['alerts.routes[1]: rest, audit']);
  });

  it('are several after one that goes on, each channel in the first of them only', () => {
    expect(waysOf([audit, web, all], { tags: ['web'] })).toEqual([
      'alerts.routes[0]: audit, team',
      'alerts.routes[1]: post',
    ]);
    expect(waysOf([audit, all])).toEqual(['alerts.routes[0]: audit, team', 'alerts.routes[1]: rest']);
  });

  it('give way to the channels that the alert names itself', () => {
    expect(waysOf([audit, web], { tags: ['web'], channels: ['boss', 'boss'] })).toEqual([
      'alerts.routes[0]: boss',
    ]);
  });

  it('take an acknowledgement only where its event is named', () => {
    expect(waysOf([audit, all], { event: 'acknowledged' })).toEqual([]);
    const named = routeOf({ match: { event: ['acknowledged'] }, channels: ['team'] });
    expect(waysOf([named, all], { event: 'acknowledged' })).toEqual(['alerts.routes[0]: team']);
  });

  it('are found again by their path', () => {
    const policy = policyWith({ routes: [audit, web] });
    expect(routeAt(policy, 'alerts.routes[1].routes[0]')).toBe(web.routes[0]);
    expect(routeAt(policy, 'alerts')).toBe(policy.root);
    expect(routeAt(policy, 'alerts.routes[7]')).toBeNull();
  });

  it('tell each channel once, and nobody only if no route has channels', () => {
    const route = (depth: number): fc.Arbitrary<AlertRoute> =>
      fc
        .record({
          severity: fc.option(fc.subarray(['critical', 'high', 'low'] as const, { minLength: 1 })),
          tags: fc.option(fc.subarray(['web', 'db'], { minLength: 1 })),
          channels: fc.subarray(['a', 'b', 'c'], { minLength: 1 }),
          isContinuing: fc.boolean(),
          routes: depth === 0 ? fc.constant<AlertRoute[]>([]) : fc.array(route(depth - 1), { maxLength: 3 }),
        })
        .map(({ severity, tags, ...rest }) =>
          routeOf({ ...rest, match: { ...(severity && { severity }), ...(tags && { tags }) } }),
        );
    const alert = fc.record({
      severity: fc.constantFrom('critical', 'high', 'low'),
      tags: fc.subarray(['web', 'db']),
    });
    fc.assert(
      fc.property(fc.array(route(2), { maxLength: 4 }), alert, (routes, { severity, tags }) => {
        const policy = policyWith({ channels: ['root'], routes });
        const imagined = alertOf({ severity: severity as 'high', tags });
        const ways = decideRoutes(policy, imagined);
        const channels = ways.flatMap((way) => way.channels);
        expect(channels.length).toBeGreaterThan(0);
        expect(new Set(channels).size).toBe(channels.length);
        const taken = explainRoutes(policy, imagined).filter(({ isMatch }) => isMatch);
        for (const { path } of ways) expect(taken.map((step) => step.path)).toContain(path);
      }),
    );
  });
});

describe('the explanation', () => {
  it('says of each route why it fits or not', () => {
    const steps = explainRoutes(policyWith({ routes: [web, all, audit] }), alertOf({ tags: ['db'] }));
    expect(steps.map(({ path, isMatch, why }) => [path, isMatch, why])).toEqual([
      ['alerts', true, 'the root fits everything'],
      ['alerts.routes[0]', false, 'tags are db, with none of web'],
      ['alerts.routes[1]', true, 'fits'],
      ['alerts.routes[2]', false, 'not looked at: alerts.routes[1] ended the search'],
    ]);
    expect(mismatchOf({ severity: ['critical'] }, alertOf())).toBe('severity is high, not critical');
    expect(describeMatcher({ target: ['a', 'b'], tags: ['web'] })).toBe('target a or b, tags web');
    expect(describeMatcher({})).toBe('everything');
  });
});
