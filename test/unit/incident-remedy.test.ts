/** The attempts of an incident: one after the other, each counted once, and people take over when they are spent. */
import { describe, expect, it } from 'vitest';
import {
  decideRemedyClock,
  nextAttempt,
  nextRemedyAt,
  startAttempt,
  takeRemedy,
} from '../../src/domain/incident-remedy.js';
import { decideReport } from '../../src/domain/incident-report.js';
import { newIncident, type IncidentState } from '../../src/domain/incident.js';
import type { RemedyReport } from '../../src/domain/remedy.js';
import { reportOf } from '../support/incident-reports.js';

const start = reportOf().at;
const [second, minute] = [1000, 60_000];
const rule = { attempts: 2, settleMs: 30 * second };
const identity = { environment: 'shop', loop: 'heartbeat', type: 'unhealthy', target: 'api' };

const opened = (more: Parameters<typeof reportOf>[0] = {}): IncidentState =>
  decideReport(newIncident(identity), reportOf({ episode: 1, ...more })).state;

const said = (phase: RemedyReport['phase'], more: Partial<RemedyReport> = {}): RemedyReport => ({
  episode: 1,
  attempt: 1,
  phase,
  action: 'restart',
  success: null,
  detail: 'stopped',
  at: start + minute,
  ...more,
});

/** The incident after a whole attempt. */
function tried(state: IncidentState, attempt: number, success: boolean, at = start + minute): IncidentState {
  const running = startAttempt(state, attempt, at);
  const acting = takeRemedy(running, said('started', { attempt, at })).state;
  return takeRemedy(
    acting,
    said('ended', { attempt, success, at, detail: success ? 'healthy' : 'still refused' }),
  ).state;
}

const recover = (state: IncidentState, at = start + 10 * minute) =>
  decideReport(state, reportOf({ kind: 'recover', sequence: 99, resolvedBy: 'recovery', at }));

describe('remedies of an incident', () => {
  it('are given time to be heard when nobody was there for longer than they may be silent', () => {
    const running = startAttempt(opened(), 1, start);
    const back = start + 180 * minute;
    const heard = decideRemedyClock(running, rule, back);
    expect(heard).toMatchObject({ state: { runningRemedy: { attempt: 1 } }, record: null });
    expect(nextRemedyAt(heard.state, rule)).toBe(back + 5 * minute);
    expect(decideRemedyClock(heard.state, rule, back + 5 * minute).state.runningRemedy).toBeNull();
  });

  it('that act count from then on', () => {
    const acting = takeRemedy(startAttempt(opened(), 1, start), said('started', { at: start + 20 * minute }));
    expect(nextRemedyAt(acting.state, rule)).toBe(start + 50 * minute);
  });

  it('that wait say so, and are not given up for it', () => {
    const running = startAttempt(opened(), 1, start);
    const waiting = takeRemedy(running, said('waiting', { at: start + 29 * minute, action: 'none' }));
    expect(waiting).toMatchObject({ record: null, alert: null });
    const later = start + 30 * minute;
    expect(decideRemedyClock(running, rule, later).state.runningRemedy).toBeNull();
    expect(decideRemedyClock(waiting.state, rule, later).state).toEqual(waiting.state);
    const late = takeRemedy(waiting.state, said('waiting', { attempt: 2, at: later }));
    expect(late.state).toEqual(waiting.state);
  });

  it('begin when it opens, one at a time, as often as the policy says', () => {
    const state = opened();
    expect(nextAttempt(state, rule, start)).toBe(1);
    expect(nextAttempt(startAttempt(state, 1, start), rule, start)).toBeNull();
    const once = tried(state, 1, false);
    expect(nextAttempt(once, rule, start + minute)).toBe(2);
    const twice = tried(once, 2, false);
    expect(nextAttempt(twice, rule, start + minute)).toBeNull();
  });

  it('do not begin without a policy, while it flaps, and when it is over', () => {
    expect(nextAttempt(opened(), null, start)).toBeNull();
    expect(nextAttempt(opened({ kind: 'flapping' }), rule, start)).toBeNull();
    expect(nextAttempt(recover(opened()).state, rule, start)).toBeNull();
  });

  it('escalate once when all of them are spent, and say so', () => {
    const spent = tried(tried(opened(), 1, false), 2, false);
    const { state, alert, record } = decideRemedyClock(spent, rule, start + minute);
    expect(state).toMatchObject({ state: 'escalated', isRemedyOver: true });
    expect(alert).toMatchObject({
      event: 'escalated',
      text: '2 remedies did not help: api is unhealthy: connection refused',
    });
    expect(alert?.did).toEqual([
      'attempt 1, restart: did not help (still refused)',
      'attempt 2, restart: did not help (still refused)',
    ]);
    expect(record?.remedies).toHaveLength(2);
    expect(decideRemedyClock(state, rule, start + minute)).toEqual({ state, record: null, alert: null });
    expect(nextRemedyAt(state, rule)).toBeNull();
  });

  it('give a remedy that worked the time that the heartbeat needs, before the next', () => {
    const worked = tried(opened(), 1, true);
    expect(nextAttempt(worked, rule, start + minute)).toBeNull();
    expect(nextRemedyAt(worked, rule)).toBe(start + minute + rule.settleMs);
    expect(nextAttempt(worked, rule, start + minute + rule.settleMs)).toBe(2);
  });

  it('get the credit for a recovery that followed, also while they are under way', () => {
    expect(recover(tried(opened(), 1, true)).record).toMatchObject({ resolvedBy: 'remedy' });
    const acting = takeRemedy(startAttempt(opened(), 1, start), said('started')).state;
    expect(recover(acting).record).toMatchObject({ resolvedBy: 'remedy' });
    expect(recover(tried(opened(), 1, false)).record).toMatchObject({ resolvedBy: 'recovery' });
    expect(recover(startAttempt(opened(), 1, start)).record).toMatchObject({ resolvedBy: 'recovery' });
  });

  it('count what is said twice, late or about another episode once', () => {
    const running = startAttempt(opened(), 1, start);
    const acting = takeRemedy(running, said('started'));
    expect(takeRemedy(acting.state, said('started')).record).toBeNull();
    const ended = takeRemedy(acting.state, said('ended', { success: true }));
    expect(ended.record?.remedies).toMatchObject([{ attempt: 1, success: true }]);
    expect(takeRemedy(ended.state, said('ended', { success: false }))).toEqual({
      state: ended.state,
      record: null,
      alert: null,
    });
    expect(takeRemedy(ended.state, said('ended', { episode: 7, success: false })).record).toBeNull();
  });

  it('note the end also after the incident is over, which frees the run to end', () => {
    const acting = takeRemedy(startAttempt(opened(), 1, start), said('started')).state;
    const over = recover(acting).state;
    const { state, record } = takeRemedy(over, said('ended', { success: true }));
    expect(state.runningRemedy).toBeNull();
    expect(record).toMatchObject({ state: 'resolved', remedies: [{ success: true }] });
  });

  it('spend nothing when an attempt is withdrawn, and are not tried again in this episode', () => {
    const { state, record } = takeRemedy(
      startAttempt(opened(), 1, start),
      said('withdrawn', { detail: 'the service has no remedy any more' }),
    );
    expect(state).toMatchObject({ remedies: [], runningRemedy: null, isRemedyOver: true });
    expect(record?.event).toMatchObject({ event: 'remedy_withdrawn' });
    expect(nextAttempt(state, rule, start + minute)).toBeNull();
  });

  it('give up an attempt that never said how it ended', () => {
    const running = startAttempt(opened(), 1, start);
    expect(nextRemedyAt(running, rule)).toBe(start + 30 * minute);
    const { state } = decideRemedyClock(running, rule, start + 30 * minute);
    expect(state).toMatchObject({ runningRemedy: null, remedies: [{ attempt: 1, success: false }] });
  });
});
