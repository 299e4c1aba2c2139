/** From alerts to messages: grouped, coalesced, throttled, held back; and none is lost on the way. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  flushDue,
  newDispatch,
  nextDueAt,
  releaseHeld,
  takeAlert,
  type Dispatch,
  type Dispatched,
  type DispatchRules,
} from '../../src/domain/alert-dispatch.js';
import { regroup } from '../../src/domain/alert-regrouping.js';
import type { AlertPolicy, AlertRoute } from '../../src/domain/alert-policy.js';
import type { Alert, AlertEvent } from '../../src/domain/alert.js';
import { addSilence, endSilence } from '../../src/domain/silence.js';
import { alertOf, policyWith, routeOf } from '../support/alerts.js';

const [second, minute, hour] = [1000, 60_000, 3_600_000];
const startAt = Date.UTC(2026, 0, 15, 12);

const resolving: readonly AlertEvent[] = ['recovered', 'run_completed'];

/** A router in miniature: alerts come, time passes, and what is told and what is not is kept. */
function router(root: Partial<AlertRoute> = {}, more: Partial<AlertPolicy> = {}) {
  const dispatch: Dispatch = newDispatch();
  const rules: DispatchRules = { policy: policyWith(root, more), maintenanceWindows: [] };
  let now = startAt;
  let count = 0;
  const told: string[] = [];
  const messages: Dispatched['messages'] = [];
  const suppressed: string[] = [];
  const take = (result: Dispatched): void => {
    for (const each of result.messages) {
      messages.push(each);
      const { event, alerts } = each.message;
      const targets = alerts.map(({ target }) => target).join('+');
      told.push(`${(now - startAt) / second}: ${event} ${targets} to ${each.channels.join(', ')}`);
    }
    for (const { alert, reason } of result.suppressed)
      suppressed.push(`${alert.event} ${alert.target}: ${reason}`);
  };
  const self = {
    dispatch,
    rules,
    told,
    messages,
    suppressed,
    now: () => now,
    send: (event: AlertEvent, target = 'api', changes: Partial<Alert> = {}): Alert => {
      count += 1;
      const status = resolving.includes(event) ? 'resolved' : 'firing';
      const incident = `incident:shop:heartbeat:unhealthy:${target}`;
      const alert = alertOf({
        key: `${target}:${count}:${event}`,
        event,
        status,
        target,
        incident,
        at: now,
        ...changes,
      });
      take(takeAlert(dispatch, alert, rules, now));
      return alert;
    },
    /** Lets time pass, stopping wherever something is due. */
    pass: (ms: number): void => {
      const until = now + ms;
      for (let due = nextDueAt(dispatch); due !== null && due <= until; due = nextDueAt(dispatch)) {
        now = Math.max(now, due);
        take(flushDue(dispatch, rules, now));
      }
      now = until;
      take(flushDue(dispatch, rules, now));
    },
    silence: (match: object, ms: number): string => {
      const added = addSilence(
        dispatch.silences,
        { match, endsAt: now + ms, by: 'alice', note: 'moving' },
        now,
      );
      if ('problem' in added) throw new Error(added.problem);
      dispatch.silences = added.silences;
      return added.silence.id;
    },
    unsilence: (id: string): void => {
      dispatch.silences = endSilence(dispatch.silences, id, now)?.silences ?? dispatch.silences;
      releaseHeld(dispatch, now);
    },
  };
  return self;
}

describe('a group', () => {
  it('is told groupWait after its first alert, and again after groupInterval', () => {
    const r = router({ groupBy: ['loop'] });
    r.send('opened', 'api');
    r.pass(5 * second);
    r.send('opened', 'db');
    r.pass(10 * second);
    r.send('opened', 'web');
    r.pass(2 * minute);
    expect(r.told).toEqual(['10: opened api+db to a', '70: opened web to a']);
  });

  it('tells an all-clear after a quarter of groupInterval, unless it failed again by then', () => {
    const r = router({ groupWaitMs: 0 });
    r.send('opened');
    r.pass(5 * second);
    r.send('recovered');
    r.pass(5 * second);
    r.send('opened');
    r.pass(2 * minute);
    expect(r.told).toEqual(['0: opened api to a']);
    r.send('recovered');
    r.pass(minute);
    expect(r.told).toEqual(['0: opened api to a', '130: recovered api to a']);
  });

  it('tells what was repaired from its beginning, however soon it was over', () => {
    const r = router();
    r.send('opened');
    r.send('recovered', 'api', { did: ['attempt 1, restart: worked (healthy)'] });
    r.pass(minute);
    expect(r.told).toEqual(['10: opened api to a', '10: recovered api to a']);
  });

  it('of one incident has one message for each event, in order', () => {
    const r = router({ groupWaitMs: 0 });
    r.send('opened');
    r.pass(0);
    r.send('escalated');
    r.pass(2 * minute);
    r.send('recovered');
    r.pass(minute);
    expect(r.told).toEqual(['0: opened api to a', '0: escalated api to a', '120: recovered api to a']);
  });

  it('with hundreds of alerts becomes messages of 50', () => {
    const r = router({ groupBy: ['loop'] });
    for (let index = 0; index < 120; index += 1) r.send('opened', `service-${index}`);
    r.pass(10 * second);
    expect(r.messages.map(({ message }) => message.alerts.length)).toEqual([50, 50, 20]);
    expect(r.messages[0]?.message.key).toBe('service-0:1:opened+49');
    expect(new Set(r.messages.map(({ message }) => message.groupKey)).size).toBe(1);
  });

  it('by a label from outside keeps apart what differs in it', () => {
    const r = router({ groupBy: ['datacentre'] });
    r.send('opened', 'a', { labels: { datacentre: 'north' } });
    r.send('opened', 'b', { labels: { datacentre: 'south' } });
    r.send('opened', 'c', { labels: { datacentre: 'north' } });
    r.pass(minute);
    expect(r.told).toEqual(['10: opened a+c to a', '10: opened b to a']);
  });

  it('does not let a critical failure wait for its interval', () => {
    const r = router({ groupBy: ['loop'], groupIntervalMs: hour });
    r.send('opened', 'api');
    r.pass(minute);
    r.send('opened', 'db', { severity: 'critical' });
    r.pass(minute);
    expect(r.told).toEqual(['10: opened api to a', '70: opened db to a']);
  });

  it('sends at once what must not wait, after what was pending of the same incident', () => {
    const r = router({ groupBy: ['loop'] });
    r.send('opened', 'db');
    r.send('opened', 'api');
    r.send('escalated', 'api');
    expect(r.told).toEqual(['0: opened api to a', '0: escalated api to a']);
    r.pass(2 * minute);
    expect(r.told.slice(2)).toEqual(['10: opened db to a']);
  });
});

describe('ups and downs', () => {
  it('that are over before they are told are not told', () => {
    const r = router();
    r.send('opened');
    r.pass(5 * second);
    r.send('recovered');
    r.pass(hour);
    expect(r.told).toEqual([]);
    expect(r.suppressed).toEqual([
      'opened api: over before it was told',
      'recovered api: over before it was told',
    ]);
    expect(r.dispatch.groups).toEqual({});
  });

  it('that end as they were told are not told again', () => {
    const r = router();
    r.send('opened');
    r.pass(15 * second);
    r.send('recovered');
    r.send('opened');
    r.pass(hour);
    expect(r.told).toEqual(['10: opened api to a']);
    expect(r.suppressed).toEqual([
      'recovered api: failed again before its recovery was told',
      'opened api: failed again before its recovery was told',
    ]);
    r.send('recovered');
    r.pass(minute);
    expect(r.told.at(-1)).toContain('recovered api');
  });

  it('of 15 flips give at most 2 messages', () => {
    const r = router();
    for (let flip = 0; flip < 15; flip += 1) {
      // From the fourth change on the incident says that it is flapping, once.
      if (flip === 3) r.send('flapping');
      else if (flip < 3) r.send(flip % 2 === 0 ? 'opened' : 'recovered');
      r.pass(10 * second);
    }
    expect(r.told.length).toBeLessThanOrEqual(2);
    expect(r.told.at(-1)).toContain('flapping');
    r.pass(hour);
    r.send('settled', 'api', { status: 'resolved' });
    r.pass(minute);
    expect(r.told.at(-1)).toContain('settled');
  });

  it('whose beginning was throttled have no end, either', () => {
    const r = router({ throttleMs: 15 * minute, groupIntervalMs: second });
    r.send('opened');
    r.pass(minute);
    r.send('recovered');
    r.pass(minute);
    r.send('opened');
    r.pass(minute);
    r.send('recovered');
    r.pass(minute);
    expect(r.told).toEqual(['10: opened api to a', '70: recovered api to a']);
    expect(r.suppressed).toEqual([
      'opened api: throttled until 2026-01-15T12:15:10Z',
      'recovered api: its beginning was never told',
    ]);
    r.pass(hour);
    r.send('opened');
    r.pass(minute);
    expect(r.told.at(-1)).toContain('opened api');
  });
});

describe('what is held back', () => {
  it('is told when the silence ends, if it still holds', () => {
    const r = router();
    r.silence({ target: ['api'] }, hour);
    r.send('opened', 'api');
    r.send('opened', 'db');
    r.pass(30 * minute);
    expect(r.told).toEqual(['10: opened db to a']);
    expect(r.suppressed).toEqual(['opened api: silenced until 2026-01-15T13:00:00Z by alice: moving']);
    r.pass(hour);
    expect(r.told.at(-1)).toBe('3600: opened api to a');
    expect(r.suppressed).toHaveLength(1);
  });

  it('and is over when the silence ends is not told', () => {
    const r = router();
    r.silence({ target: ['api'] }, hour);
    r.send('opened');
    r.pass(30 * minute);
    r.send('recovered');
    r.pass(hour);
    expect(r.told).toEqual([]);
    expect(r.suppressed.slice(1)).toEqual([
      'opened api: over before it was told',
      'recovered api: over before it was told',
    ]);
  });

  it('is told at once when the silence is ended early', () => {
    const r = router();
    const id = r.silence({ target: ['api'] }, hour);
    r.send('opened');
    r.pass(minute);
    r.unsilence(id);
    r.pass(0);
    expect(r.told).toEqual(['60: opened api to a']);
  });

  it('in quiet hours is told in the morning, but the critical at once', () => {
    const mute = [
      { match: {}, fromMinute: 720, toMinute: 780, days: null, timeZone: 'UTC', below: 'critical' as const },
    ];
    const r = router({}, { mute });
    r.send('opened', 'api');
    r.send('opened', 'db', { severity: 'critical' });
    r.pass(2 * hour);
    expect(r.told).toEqual(['10: opened db to a', '3600: opened api to a']);
    expect(r.suppressed).toEqual(['opened api: quiet hours until 2026-01-15T13:00:00Z']);
  });

  it('by a bigger trouble is told a moment after that is over, if it still holds', () => {
    const inhibit = [{ source: { target: ['host-1'] }, target: { tags: ['host-1'] } }];
    const r = router({}, { inhibit });
    r.send('opened', 'host-1', { tags: ['host-1'] });
    r.send('opened', 'api', { tags: ['host-1'] });
    r.send('opened', 'db', { tags: ['host-1'] });
    r.pass(minute);
    expect(r.told).toEqual(['10: opened host-1 to a']);
    expect(r.suppressed).toEqual(['opened api: inhibited by host-1', 'opened db: inhibited by host-1']);
    r.send('recovered', 'host-1', { tags: ['host-1'] });
    r.pass(5 * second);
    r.send('recovered', 'db', { tags: ['host-1'] });
    r.pass(minute);
    expect(r.told.slice(1)).toEqual(['70: recovered host-1 to a', '70: opened api to a']);
    expect(r.suppressed.slice(2)).toEqual([
      'opened db: over before it was told',
      'recovered db: over before it was told',
    ]);
  });

  it('holds no test and no news of a dead channel', () => {
    const r = router();
    r.silence({ loop: ['alertRouter'] }, hour);
    r.send('channel_failed', 'team', { loop: 'alertRouter', channels: ['b'] });
    expect(r.told).toEqual(['0: channel_failed team to b']);
  });
});

describe('acknowledgements', () => {
  it('go where a route names them, which is not told the end for that', () => {
    const routes = [routeOf({ match: { event: ['acknowledged'] }, channels: ['audit'] })];
    const r = router({ routes });
    r.send('opened');
    r.pass(minute);
    r.send('acknowledged');
    r.pass(minute);
    r.send('recovered');
    r.pass(5 * minute);
    expect(r.told).toEqual([
      '10: opened api to a',
      '70: acknowledged api to audit',
      '130: recovered api to a',
    ]);
    const other = router();
    other.send('acknowledged');
    expect(other.suppressed).toEqual([
      'acknowledged api: acknowledgements are sent only where a route names the event',
    ]);
  });
});

describe('levels of escalation', () => {
  it('go to their own channels, which are told the end, too', () => {
    const r = router();
    r.send('opened');
    r.pass(minute);
    r.send('escalated', 'api', { channels: ['boss'] });
    r.pass(minute);
    r.send('recovered');
    r.pass(5 * minute);
    expect(r.told).toEqual([
      '10: opened api to a',
      '60: escalated api to boss',
      '130: recovered api to a',
      '130: recovered api to boss',
    ]);
  });
});

describe('another policy', () => {
  it('takes over what waits and what was told', () => {
    const r = router();
    r.send('opened', 'api');
    r.pass(minute);
    r.send('opened', 'db');
    const after: DispatchRules = {
      policy: policyWith({ routes: [routeOf({ match: { loop: ['heartbeat'] }, channels: ['b'] })] }),
      maintenanceWindows: [],
    };
    expect(regroup(r.dispatch, { ...r.rules }, after)).toEqual([]);
    Object.assign(r.rules, after);
    r.send('recovered', 'api');
    r.pass(2 * minute);
    expect(r.told).toEqual(['10: opened api to a', '70: recovered api to b', '70: opened db to b']);
  });
});

interface Step {
  event: 'opened' | 'recovered' | 'flapping' | 'escalated' | 'reminded' | 'run_failure' | 'silence' | 'pass';
  target: string;
  ms: number;
}

const steps = fc.array(
  fc.record<Step>({
    event: fc.constantFrom(
      'opened',
      'recovered',
      'flapping',
      'escalated',
      'reminded',
      'run_failure',
      'silence',
      'pass',
    ),
    target: fc.constantFrom('api', 'db', 'host'),
    ms: fc.nat(5 * minute),
  }),
  { maxLength: 60 },
);
const roots = fc.record({
  groupBy: fc.constantFrom<string[]>(['cause'], ['loop'], ['target', 'event']),
  groupWaitMs: fc.constantFrom(0, 10 * second),
  groupIntervalMs: fc.constantFrom(0, minute),
  throttleMs: fc.constantFrom<(number | null)[]>(null, null, 3 * minute),
});

describe('whatever comes', () => {
  it('every alert is told or left out with a reason, none twice, and what is told last is how it is', () => {
    fc.assert(
      fc.property(steps, roots, (list, root) => {
        const inhibit = [{ source: { target: ['host'] }, target: { target: ['db'] } }];
        const r = router(root, { inhibit });
        const sent: Alert[] = [];
        const firing = new Set<string>();
        for (const { event, target, ms } of list) {
          if (event === 'silence') r.silence({ target: [target] }, 1 + ms);
          else if (event === 'pass') r.pass(ms);
          else if (event === 'run_failure') sent.push(r.send(event, `run-${sent.length}`));
          else if (firing.has(target) !== (event === 'opened')) {
            // As an incident does it: it opens, and only an open one says more.
            sent.push(r.send(event, target));
            if (event === 'recovered') firing.delete(target);
            else firing.add(target);
          }
          r.pass(ms % 1000);
        }
        // Everything that holds back ends.
        if (firing.has('host')) sent.push(r.send('recovered', 'host'));
        r.pass(24 * hour);
        expect(Object.values(r.dispatch.groups).flatMap(({ pending }) => pending)).toEqual([]);
        const told = r.messages.flatMap(({ message }) => message.alerts);
        expect(new Set(told.map(({ key }) => key)).size).toBe(told.length);
        const known = new Set(told.map(({ key }) => key));
        for (const alert of sent) {
          const isLeftOut = r.suppressed.some((line) => line.startsWith(`${alert.event} ${alert.target}: `));
          expect(known.has(alert.key) || isLeftOut).toBe(true);
        }
        for (const target of ['api', 'db', 'host']) endsAsItIs(target, told, sent, root.throttleMs === null);
      }),
      { numRuns: 400 },
    );
  });
});

describe('routes by event and severity', () => {
  const byEvent = [
    routeOf({ match: { event: ['opened'] }, channels: ['pager'], groupWaitMs: 0, isContinuing: true }),
    routeOf({ match: { event: ['flapping', 'escalated'] }, channels: ['b', 'pager'] }),
    routeOf({ match: { target: ['db'] }, channels: ['c'] }),
  ];

  it('never leave a channel with a beginning and no end', () => {
    const list = fc.array(
      fc.record({
        event: fc.constantFrom<AlertEvent>('opened', 'recovered', 'flapping', 'escalated'),
        target: fc.constantFrom('api', 'db'),
        ms: fc.nat(3 * minute),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(list, roots, (steps_, root) => {
        const r = router({ ...root, channels: ['a'], routes: byEvent });
        const firing = new Set<string>();
        for (const { event, target, ms } of steps_) {
          if (firing.has(target) === (event === 'opened')) continue;
          r.send(event, target);
          if (event === 'recovered') firing.delete(target);
          else firing.add(target);
          r.pass(ms);
        }
        for (const target of firing) r.send('recovered', target);
        r.pass(24 * hour);
        for (const channel of ['a', 'b', 'c', 'pager'])
          for (const target of ['api', 'db']) {
            const told = r.messages
              .filter(({ channels }) => channels.includes(channel))
              .flatMap(({ message }) => message.alerts)
              .filter((alert) => alert.target === target);
            if (told.length > 0)
              expect([channel, target, told.at(-1)?.status]).toEqual([channel, target, 'resolved']);
          }
      }),
      { numRuns: 400 },
    );
  });
});

const stateEvents: readonly AlertEvent[] = ['opened', 'flapping', 'recovered'];

/** No end without a beginning; and the last word about a target is the truth, unless a throttle held it. */
function endsAsItIs(target: string, told: Alert[], sent: Alert[], isComplete: boolean): void {
  const ofTarget = (alerts: Alert[]): Alert[] => alerts.filter((alert) => alert.target === target);
  let isFiring = false;
  for (const alert of ofTarget(told)) {
    if (alert.status === 'resolved') expect(isFiring).toBe(true);
    isFiring = alert.status === 'firing';
  }
  const last = ofTarget(sent).findLast((alert) => stateEvents.includes(alert.event));
  const lastTold = ofTarget(told).at(-1);
  if (last === undefined || !isComplete) return;
  if (last.status === 'firing') expect(lastTold?.status).toBe('firing');
  else if (lastTold !== undefined) expect(lastTold.status).toBe('resolved');
}
