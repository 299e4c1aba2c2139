/** An incident takes reports in any order and number, and is told once for each change. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideReport } from '../../src/domain/incident-report.js';
import {
  affectedNames,
  newIncident,
  type IncidentDecision,
  type IncidentReport,
  type IncidentState,
} from '../../src/domain/incident.js';
import { createShard, minute, play, startAt, type Found } from '../support/heartbeat-facts.js';

const identity = { environment: 'shop', loop: 'heartbeat', type: 'unhealthy', target: 'db' };

let lastSequence = 0;
const reportOf = (kind: IncidentReport['kind'], more: Partial<IncidentReport> = {}): IncidentReport => {
  lastSequence += 1;
  return {
    ...identity,
    key: `key-${lastSequence}`,
    reporter: 'heartbeat:shop:0',
    sequence: lastSequence,
    kind,
    severity: 'critical',
    tags: ['data'],
    episode: 1,
    reason: kind === 'recover' ? 'healthy again' : 'connection refused',
    affected: [],
    resolvedBy: kind === 'recover' ? 'recovery' : null,
    at: startAt,
    ...more,
  };
};

/** Applies reports one after the other. */
function decideAll(reports: readonly IncidentReport[], from: IncidentState = newIncident(identity)) {
  const decisions: IncidentDecision[] = [];
  let state = from;
  for (const report of reports) {
    const decision = decideReport(state, report);
    state = decision.state;
    decisions.push(decision);
  }
  const alerts = decisions.flatMap(({ alert }) => (alert === null ? [] : [alert]));
  const records = decisions.flatMap(({ record }) => (record === null ? [] : [record]));
  return { state, alerts, records };
}

describe('the life of an incident', () => {
  it('begins with the first report, and is told with who it is and what is wrong', () => {
    const { alerts, records } = decideAll([reportOf('open', { affected: ['api', 'web'] })]);
    expect(alerts).toEqual([
      {
        ...identity,
        key: 'incident:shop:heartbeat:unhealthy:db:1:opened:1',
        event: 'opened',
        status: 'firing',
        severity: 'critical',
        tags: ['data'],
        affected: ['api', 'web'],
        incident: 'incident:shop:heartbeat:unhealthy:db',
        episode: 1,
        text: 'db is unhealthy: connection refused (affects api, web)',
        at: startAt,
        since: startAt,
      },
    ]);
    expect(records).toMatchObject([
      {
        id: 'incident:shop:heartbeat:unhealthy:db',
        state: 'open',
        version: 1,
        openedAt: startAt,
        resolvedAt: null,
      },
    ]);
    expect(records[0]?.event).toMatchObject({
      event: 'opened',
      by: 'heartbeat:shop:0',
      text: alerts[0]?.text,
    });
  });

  it('ends with the recovery, which says how long it lasted and what ended it', () => {
    const { alerts, records } = decideAll([
      reportOf('open'),
      reportOf('recover', { at: startAt + 90 * minute + 400 }),
    ]);
    expect(alerts[1]).toMatchObject({ event: 'recovered', status: 'resolved' });
    expect(alerts[1]?.text).toBe('db recovered after 1h30m: healthy again');
    expect(records[1]).toMatchObject({
      state: 'resolved',
      version: 2,
      resolvedAt: startAt + 90 * minute + 400,
      resolvedBy: 'recovery',
    });
  });

  it('says `source` when the target is no longer watched', () => {
    const { records } = decideAll([reportOf('open'), reportOf('recover', { resolvedBy: 'source' })]);
    expect(records.at(-1)?.resolvedBy).toBe('source');
  });

  it('begins anew as the next episode, with a clean record', () => {
    const { state, alerts } = decideAll([
      reportOf('open', { affected: ['api'] }),
      reportOf('recover'),
      reportOf('open', { episode: 2, reason: 'timeout', at: startAt + minute }),
    ]);
    expect(state).toMatchObject({
      state: 'open',
      episode: 2,
      version: 1,
      resolvedAt: null,
      resolvedBy: null,
    });
    expect(affectedNames(state)).toEqual([]);
    expect(alerts.map(({ key }) => key)).toEqual([
      'incident:shop:heartbeat:unhealthy:db:1:opened:1',
      'incident:shop:heartbeat:unhealthy:db:1:recovered:2',
      'incident:shop:heartbeat:unhealthy:db:2:opened:1',
    ]);
  });

  it('gives a reporter that forgot its episodes the next number', () => {
    const { state } = decideAll([
      reportOf('open', { episode: 7 }),
      reportOf('recover', { episode: 7 }),
      reportOf('open', { episode: 1 }),
    ]);
    expect(state.episode).toBe(8);
  });

  it('survives a clock that was set back: it lasted a second at least', () => {
    const { alerts } = decideAll([reportOf('open'), reportOf('recover', { at: startAt - 3_600_000 })]);
    expect(alerts[1]?.text).toBe('db recovered after 1s: healthy again');
  });
});

describe('flapping', () => {
  it('opens an incident when there is none, and is told once', () => {
    const reason = 'flapping between healthy and unhealthy; last: refused';
    const { alerts, state } = decideAll([reportOf('flapping', { reason })]);
    expect(state.state).toBe('open');
    expect(alerts).toMatchObject([{ event: 'flapping', status: 'firing', text: `db is ${reason}` }]);
  });

  it('goes on in the incident that is open, and ends with `settled`', () => {
    const { alerts, state } = decideAll([
      reportOf('open'),
      reportOf('flapping', { reason: 'flapping between healthy and unhealthy' }),
      reportOf('settled', { reason: 'settled: healthy', resolvedBy: 'recovery' }),
    ]);
    expect(alerts.map(({ event, status, episode }) => `${event} ${status} ${episode}`)).toEqual([
      'opened firing 1',
      'flapping firing 1',
      'settled resolved 1',
    ]);
    expect(alerts[2]?.text).toBe('db settled: healthy');
    expect(state).toMatchObject({ state: 'resolved', resolvedBy: 'recovery' });
  });

  it('that settles unhealthy leaves the incident open until it recovers', () => {
    const { alerts, state } = decideAll([
      reportOf('flapping'),
      reportOf('settled', { reason: 'settled: refused' }),
      reportOf('recover'),
    ]);
    expect(alerts.map(({ event, status }) => `${event} ${status}`)).toEqual([
      'flapping firing',
      'settled firing',
      'recovered resolved',
    ]);
    expect(state.state).toBe('resolved');
  });

  it('brings the list of what is affected along', () => {
    const { state, records } = decideAll([
      reportOf('open'),
      reportOf('flapping', { affected: ['api'] }),
      reportOf('settled', { affected: ['api', 'web'] }),
    ]);
    expect(affectedNames(state)).toEqual(['api', 'web']);
    expect(records.map(({ affected }) => affected)).toEqual([[], ['api'], ['api', 'web']]);
  });
});

describe('what is affected', () => {
  it('is what all reporters say together, each for itself', () => {
    const { state, alerts, records } = decideAll([
      reportOf('open', { affected: ['api', 'web'] }),
      reportOf('affected', { reporter: 'heartbeat:shop:1', sequence: 1, affected: ['cart', 'api'] }),
      reportOf('affected', { affected: ['web', 'zoo'] }),
    ]);
    expect(affectedNames(state)).toEqual(['api', 'cart', 'web', 'zoo']);
    expect(alerts).toHaveLength(1);
    expect(records.map(({ affected }) => affected)).toEqual([
      ['api', 'web'],
      ['api', 'cart', 'web'],
      ['api', 'cart', 'web', 'zoo'],
    ]);
    expect(records.at(-1)).toMatchObject({ version: 3 });
    expect(records.at(-1)?.event).toMatchObject({ event: 'affected', text: 'affects api, cart, web, zoo' });
    const last = decideAll([reportOf('affected', { reporter: 'heartbeat:shop:1', sequence: 2 })], state);
    expect(last.records[0]?.affected).toEqual(['web', 'zoo']);
  });

  it('is not lost when it is known before the incident is open', () => {
    const early = reportOf('affected', { reporter: 'heartbeat:shop:1', affected: ['cart'] });
    const { state } = decideAll([early, reportOf('open', { affected: ['api'] })]);
    expect(affectedNames(state)).toEqual(['api', 'cart']);
  });

  it('is nothing to write down when it is known already', () => {
    const { records } = decideAll([
      reportOf('open', { affected: ['api'] }),
      reportOf('affected', { affected: ['api'] }),
    ]);
    expect(records).toHaveLength(1);
  });
});

describe('duplicates and strangers', () => {
  it('applies a report that comes twice, or after a newer one of the same reporter, once', () => {
    const [open, recover] = [reportOf('open'), reportOf('recover')];
    expect(decideAll([open, open, recover, open, recover]).alerts.map(({ event }) => event)).toEqual([
      'opened',
      'recovered',
    ]);
    const late = decideAll([recover, open]);
    expect(late.alerts).toEqual([]);
  });

  it('does not open what is open already', () => {
    const { alerts, records } = decideAll([reportOf('open'), reportOf('open'), reportOf('open')]);
    expect([alerts.length, records.length]).toEqual([1, 1]);
  });

  it.each(['recover', 'settled', 'affected'] as const)(
    'makes nothing of `%s` for an unknown incident',
    (kind) => {
      const { alerts, records, state } = decideAll([reportOf(kind)]);
      expect([alerts, records, state.state]).toEqual([[], [], null]);
    },
  );

  it('makes nothing of a second recovery', () => {
    const { alerts } = decideAll([reportOf('open'), reportOf('recover'), reportOf('recover')]);
    expect(alerts).toHaveLength(2);
  });

  it('compares the order of one reporter only with itself', () => {
    const { alerts } = decideAll([
      reportOf('open', { reporter: 'heartbeat:shop:0', sequence: 1000 }),
      reportOf('recover', { reporter: 'heartbeat:shop:1', sequence: 3 }),
    ]);
    expect(alerts.map(({ event }) => event)).toEqual(['opened', 'recovered']);
  });
});

describe('the text', () => {
  it.each([
    ['unhealthy', 'db is unhealthy: connection refused'],
    ['expiring', 'db is expiring: connection refused'],
    ['anomaly', 'db is unusually slow: connection refused'],
  ])('of %s reads like a sentence', (type, text) => {
    const own = newIncident({ ...identity, type });
    expect(decideReport(own, reportOf('open', { type })).alert?.text).toBe(text);
  });
});

describe('whatever a shard reports, however often and late it arrives', () => {
  it('ends in the same state, with one alert for each change', () => {
    const someFound = fc.constantFrom<Found>('good', 'bad', 'bad', 'good', 'unknown');
    const story = fc.record({
      ticks: fc.array(fc.record({ db: someFound, api: someFound }), { maxLength: 60 }),
      repeats: fc.array(fc.nat({ max: 3 }), { minLength: 60, maxLength: 60 }),
    });
    fc.assert(
      fc.property(story, ({ ticks, repeats }) => {
        const shard = createShard({ everyMs: minute, services: { db: {}, api: { dependsOn: ['db'] } } });
        for (const found of ticks) shard.tick(found);
        play(shard, 'db', 'g'.repeat(20));
        const own = shard.reports.filter(({ target }) => target === 'db');
        const once = decideAll(own);
        // Each report comes again, with some of those before it.
        const noisy = own.flatMap((report, index) => [
          report,
          ...own.slice(Math.max(0, index - (repeats[index] ?? 0)), index + 1),
        ]);
        const again = decideAll(noisy);
        expect(again.alerts).toEqual(once.alerts);
        expect(again.records).toEqual(once.records);
        expect([null, 'resolved']).toContain(once.state.state);
        expect(once.alerts.length).toBe(own.filter(({ kind }) => kind !== 'affected').length);
        expect(new Set(once.alerts.map(({ key }) => key)).size).toBe(once.alerts.length);
        for (const state of [once.state, again.state])
          expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      }),
      { numRuns: 60 },
    );
  });
});
