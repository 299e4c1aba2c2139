/** What people and time do to an incident: each request once, nobody wakes the dead, a silent house is told again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideClock, defaultPlan, nextClockAt, type IncidentPlan } from '../../src/domain/incident-clock.js';
import { readIncidentRequest, readReportEdit } from '../../src/domain/incident-input.js';
import { decideReport } from '../../src/domain/incident-report.js';
import { decideRequest, type IncidentRequest } from '../../src/domain/incident-request.js';
import { newIncident, type IncidentState } from '../../src/domain/incident.js';
import { reportOf } from '../support/incident-reports.js';

const [minute, hour] = [60_000, 3_600_000];
const start = reportOf().at;
const identity = { environment: 'shop', loop: 'heartbeat', type: 'unhealthy', target: 'api' };

const opened = (more: Parameters<typeof reportOf>[0] = {}): IncidentState =>
  decideReport(newIncident(identity), reportOf({ severity: 'critical', episode: 1, ...more })).state;

const recovered = (state: IncidentState, at = start + minute): IncidentState =>
  decideReport(
    state,
    reportOf({ kind: 'recover', sequence: 900, resolvedBy: 'recovery', reason: 'healthy again', at }),
  ).state;

const acknowledge: IncidentRequest = { verb: 'acknowledge', by: 'alice', note: null };

describe('a request of a person', () => {
  it('acknowledges with who, once, and the status stays open to everybody else', () => {
    const { state, record, alert, refusal } = decideRequest(opened(), acknowledge, start + minute);
    expect(refusal).toBeNull();
    expect(state).toMatchObject({
      state: 'acknowledged',
      acknowledgedBy: 'alice',
      acknowledgedAt: start + minute,
    });
    expect(record?.event).toMatchObject({ event: 'acknowledged', by: 'alice' });
    expect(alert).toMatchObject({ event: 'acknowledged', status: 'firing' });
    const again = decideRequest(state, { ...acknowledge, by: 'bob' }, start + 2 * minute);
    expect(again).toEqual({ state, record: null, alert: null, refusal: null });
  });

  it('never brings a resolved incident back, and says who resolved it', () => {
    const state = recovered(decideRequest(opened(), acknowledge, start).state);
    const late = decideRequest(state, acknowledge, start + hour);
    expect(late).toMatchObject({ state, record: null, alert: null });
    expect(late.refusal).toBe('episode 1 is resolved already, by recovery at 2026-01-01T12:01:00.000Z');
  });

  it('resolves with the name of the person, tells it once, and a second time changes nothing', () => {
    const by: IncidentRequest = { verb: 'resolve', by: 'alice', note: 'moved to host-2' };
    const first = decideRequest(opened(), by, start + minute);
    expect(first.record).toMatchObject({ state: 'resolved', resolvedBy: 'alice' });
    expect(first.alert).toMatchObject({
      event: 'recovered',
      status: 'resolved',
      text: 'api was resolved by alice: moved to host-2',
    });
    expect(decideRequest(first.state, by, start + hour)).toMatchObject({
      record: null,
      alert: null,
      refusal: null,
    });
  });

  it('takes the same silence and the same note once, however often it comes', () => {
    let state = opened();
    let records = 0;
    for (let count = 0; count < 1000; count += 1) {
      for (const request of [
        { verb: 'silence', by: 'alice', forMs: hour },
        { verb: 'note', by: 'alice', text: 'looking' },
      ] as const) {
        const decision = decideRequest(state, request, start);
        state = decision.state;
        if (decision.record !== null) records += 1;
      }
    }
    expect(records).toBe(2);
    expect(state).toMatchObject({ silencedUntil: start + hour, notes: [{ by: 'alice', text: 'looking' }] });
  });

  it('keeps 200 different notes of an episode, and refuses the next by saying so', () => {
    let state = opened();
    for (let count = 0; count < 200; count += 1)
      state = decideRequest(state, { verb: 'note', by: 'a script', text: `line ${count}` }, start).state;
    expect(decideRequest(state, { verb: 'note', by: 'a script', text: 'one more' }, start).refusal).toMatch(
      /200 notes/,
    );
  });

  const event = fc.oneof(
    fc.constant<IncidentRequest>(acknowledge),
    fc.constant<IncidentRequest>({ verb: 'resolve', by: 'bob', note: null }),
    fc.constant<IncidentRequest>({ verb: 'silence', by: 'bob', forMs: hour }),
    fc.constant<IncidentRequest>({ verb: 'note', by: 'bob', text: 'hm' }),
  );
  it('in any order, after the end of an episode nothing but a report opens the next', () => {
    fc.assert(
      fc.property(fc.array(event), fc.array(event), (before, after) => {
        const run = (state: IncidentState, requests: IncidentRequest[]): IncidentState =>
          requests.reduce((known, request) => decideRequest(known, request, start).state, state);
        const over = recovered(run(opened(), before));
        expect(over.state).toBe('resolved');
        expect(run(over, after)).toEqual(over);
        const next = decideReport(over, reportOf({ sequence: 1000, episode: 2 }));
        expect(next.state).toMatchObject({ state: 'open', episode: 2, acknowledgedBy: null, notes: [] });
      }),
    );
  });
});

describe('an incident that nobody acknowledges', () => {
  const plan: IncidentPlan = {
    ...defaultPlan,
    escalation: [
      { afterMs: 15 * minute, channels: ['post'] },
      { afterMs: 45 * minute, channels: ['team'] },
    ],
  };

  /** What is told until `end`, with the minute of each. */
  function toldUntil(state: IncidentState, end: number): string[] {
    const told: string[] = [];
    for (let at = nextClockAt(state, plan); at !== null && at <= end; at = nextClockAt(state, plan)) {
      const decision = decideClock(state, plan, at);
      state = decision.state;
      told.push(
        `${decision.alert?.event} ${decision.alert?.channels?.join() ?? 'route'} ${(at - start) / minute}`,
      );
    }
    return told;
  }

  it('goes from level to level, and is told again an hour after it was told last', () => {
    expect(toldUntil(opened(), start + 3 * hour)).toEqual([
      'escalated post 15',
      'escalated team 45',
      'reminded route 105',
      'reminded route 165',
    ]);
  });

  it('is left alone once somebody owns it, when it is not critical, and when it is over', () => {
    const owned = decideRequest(opened(), acknowledge, start).state;
    expect(
      [owned, opened({ severity: 'high' }), recovered(opened())].map((state) => nextClockAt(state, plan)),
    ).toEqual([null, null, null]);
  });

  it('waits for the end of a silence', () => {
    const silenced = decideRequest(opened(), { verb: 'silence', by: 'bob', forMs: 2 * hour }, start).state;
    expect(toldUntil(silenced, start + 2 * hour)).toEqual(['escalated post 120', 'escalated team 120']);
  });

  it('changes nothing before its time', () => {
    const state = opened();
    expect(decideClock(state, plan, start + 15 * minute - 1)).toEqual({ state, record: null, alert: null });
  });
});

describe('the input of a request', () => {
  it.each([
    [
      'silence',
      {},
      'field "for" is missing; a duration from 1s to 366d is needed, for example {"for": "2h"}',
    ],
    [
      'silence',
      { for: 'soon' },
      'field "for" is the text "soon"; a duration from 1s to 366d is needed, for example {"for": "2h"}',
    ],
    ['note', { by: 'alice' }, 'field "text" is missing; for example {"text": "the disk was full"}'],
    ['acknowledge', { by: 7 }, 'field "by" is the number 7; for example {"by": "alice"}'],
    ['resolve', { who: 'alice' }, 'unknown field "who"; known are by, note'],
  ] as const)('%s %j is refused by name', (verb, input, problem) => {
    expect(readIncidentRequest(verb, input)).toEqual({ ok: false, problem });
  });

  it('may be nothing at all where nothing is needed', () => {
    expect(readIncidentRequest('acknowledge', undefined)).toEqual({
      ok: true,
      value: { verb: 'acknowledge', by: 'somebody', note: null },
    });
  });

  it('of an edit needs something to write', () => {
    expect(readReportEdit({ by: 'alice' })).toMatchObject({
      ok: false,
      problem: expect.stringContaining('nothing to write'),
    });
    expect(readReportEdit({ rootCause: 7 })).toMatchObject({
      ok: false,
      problem: expect.stringContaining('"rootCause"'),
    });
    expect(readReportEdit({ rootCause: 'the disk was full', episode: 2 })).toMatchObject({
      ok: true,
      value: { by: 'somebody', episode: 2, rootCause: 'the disk was full', resolution: null },
    });
  });
});
