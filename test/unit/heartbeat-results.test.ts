/** What must hold for any results in any order: of the reports of a shard, and of what it forgets. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isForgettable, newTrack, type ServiceTrack } from '../../src/domain/heartbeat-track.js';
import { reachesOpening, takeResult } from '../../src/domain/heartbeat-results.js';
import type { IncidentReport } from '../../src/domain/incident.js';
import type { ServicePolicy } from '../../src/domain/service.js';
import {
  checkedService,
  createShard,
  minute,
  noMemory,
  policyOf,
  startAt,
  type Found,
  type SimulatedShard,
} from '../support/heartbeat-facts.js';

const someFound = fc.constantFrom<Found>('good', 'good', 'bad', 'bad', 'unknown', 'expiring', 'slow');

const somePolicy = fc
  .record({
    of: fc.integer({ min: 1, max: 5 }),
    failures: fc.integer({ min: 1, max: 5 }),
    closeAfter: fc.integer({ min: 1, max: 5 }),
    changes: fc.integer({ min: 2, max: 6 }),
    settleMinutes: fc.integer({ min: 1, max: 20 }),
  })
  .map(({ of, failures, closeAfter, changes, settleMinutes }): Partial<ServicePolicy> => ({
    openAfter: { failures: Math.min(failures, of), of },
    closeAfter,
    flapping: { changes, withinMs: 30 * minute, settleAfterMs: settleMinutes * minute },
  }));

/** Three services, the second hanging on the first, the third on both; some are not checked in some ticks. */
const names = ['db', 'api', 'web'];
const someTick = fc.record({
  found: fc.record({ db: someFound, api: someFound, web: someFound }),
  only: fc.subarray(names, { minLength: 1 }),
  jumpMs: fc.constantFrom(0, 0, 0, 0, 0, minute, 3_600_000, -3_600_000),
});

const someStory = fc.record({
  policies: fc.tuple(somePolicy, somePolicy, somePolicy),
  ticks: fc.array(someTick, { maxLength: 50 }),
});

function tellStory({ policies, ticks }: Story): SimulatedShard {
  const [db, api, web] = policies;
  const shard = createShard({
    everyMs: minute,
    services: { db, api: { ...api, dependsOn: ['db'] }, web: { ...web, dependsOn: ['api', 'db'] } },
  });
  for (const { found, only, jumpMs } of ticks) {
    shard.advance(jumpMs);
    const { ask } = shard.tick(found, only);
    if (ask.length > 0) shard.ask(ask, found);
  }
  return shard;
}

interface Story {
  policies: [Partial<ServicePolicy>, Partial<ServicePolicy>, Partial<ServicePolicy>];
  ticks: { found: Record<string, Found>; only: string[]; jumpMs: number }[];
}

const byIncident = (reports: readonly IncidentReport[]): IncidentReport[][] => {
  const groups = new Map<string, IncidentReport[]>();
  for (const report of reports) {
    const id = `${report.type}:${report.target}`;
    groups.set(id, [...(groups.get(id) ?? []), report]);
  }
  return [...groups.values()];
};

const endsIt = (report: IncidentReport): boolean =>
  report.kind === 'recover' || (report.kind === 'settled' && report.resolvedBy !== null);

describe('for any results, in any order, with clocks that jump', () => {
  it('what is told of an incident begins, may flap, and ends, in turn', () => {
    fc.assert(
      fc.property(someStory, (story) => {
        for (const reports of byIncident(tellStory(story).reports)) {
          let isOpen = false;
          let isFlapping = false;
          let episode = 0;
          for (const report of reports) {
            switch (report.kind) {
              case 'open':
                expect(isOpen).toBe(false);
                expect(report.episode).toBe(episode + 1);
                break;
              case 'flapping':
                expect(isFlapping).toBe(false);
                expect(report.episode).toBe(isOpen ? episode : episode + 1);
                break;
              case 'settled':
                expect(isFlapping).toBe(true);
                expect(report.episode).toBe(episode);
                break;
              case 'recover':
                expect([isOpen, isFlapping]).toEqual([true, false]);
                expect(report.episode).toBe(episode);
                break;
              case 'affected':
                expect(isOpen).toBe(true);
                expect(report.episode).toBe(episode);
                continue;
            }
            isOpen = !endsIt(report);
            isFlapping = report.kind === 'flapping';
            episode = report.episode;
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('sequences and keys never repeat, sequences only grow, and every opening says why', () => {
    fc.assert(
      fc.property(someStory, (story) => {
        const { reports } = tellStory(story);
        const sequences = reports.map(({ sequence }) => sequence);
        expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
        expect(new Set(reports.map(({ key }) => key)).size).toBe(reports.length);
        for (const { kind, reason } of reports) if (kind === 'open') expect(reason).not.toBe('');
      }),
      { numRuns: 100 },
    );
  });

  it('a service that stays good long enough leaves no incident open and is forgotten', () => {
    fc.assert(
      fc.property(someStory, (story) => {
        const shard = tellStory(story);
        shard.advance(2 * 3_600_000);
        for (let count = 0; count < 150; count += 1) shard.tick();
        expect(shard.memory.tracks).toEqual({});
        for (const reports of byIncident(shard.reports))
          expect(endsIt(reports.findLast(({ kind }) => kind !== 'affected')!)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('a service that stays bad has exactly one incident, or is listed in the one of its cause', () => {
    fc.assert(
      fc.property(someStory, (story) => {
        const shard = tellStory(story);
        shard.advance(2 * 3_600_000);
        for (let count = 0; count < 60; count += 1) shard.tick({ db: 'bad', api: 'bad', web: 'good' });
        expect(shard.memory.tracks['db']?.problems.unhealthy?.incident).toBe('own');
        expect(['own', 'affected']).toContain(shard.memory.tracks['api']?.problems.unhealthy?.incident);
        const told = shard.reports.length;
        for (let count = 0; count < 20; count += 1) shard.tick({ db: 'bad', api: 'bad', web: 'good' });
        expect(shard.reports.length).toBe(told);
      }),
      { numRuns: 60 },
    );
  });
});

describe('a forgettable track', () => {
  const facts = (found: Found, at: number, policy: ServicePolicy) =>
    checkedService('api', found, { at, policy });

  it('is worth nothing: what comes after it is decided as if it had never been', () => {
    const story = fc.record({
      policy: somePolicy,
      before: fc.array(someFound, { maxLength: 12 }),
      after: fc.array(someFound, { maxLength: 30 }),
    });
    fc.assert(
      fc.property(story, ({ policy: more, before, after }) => {
        const policy = policyOf({ everyMs: minute, ...more });
        let at = startAt;
        let track: ServiceTrack = newTrack(facts('good', at, policy), {});
        for (const found of [...before, ...Array<Found>(60).fill('good')]) {
          at += minute;
          track = takeResult(track, facts(found, at, policy));
        }
        fc.pre(isForgettable(track, at));
        const ends = [track, null].map((remembered) => {
          const memory = noMemory();
          if (remembered !== null) memory.tracks['api'] = remembered;
          const shard = createShard({ everyMs: minute, services: { api: policy }, memory });
          shard.advance(at - startAt);
          for (const found of after) shard.tick({ api: found });
          return shard.reports;
        });
        expect(ends[0]).toEqual(ends[1]);
      }),
      { numRuns: 80 },
    );
  });
});

describe('reachesOpening', () => {
  it('counts failures over the newest results only, an anomaly by its own rule', () => {
    const track = takeResult(
      newTrack(checkedService('api', 'bad'), {}),
      checkedService('api', 'bad', { policy: policyOf({ openAfter: { failures: 1, of: 1 } }) }),
    );
    const problem = track.problems.unhealthy!;
    expect(problem.isBad).toBe(true);
    expect(reachesOpening('unhealthy', { ...problem, results: [false, true] }, track.policy)).toBe(false);
    expect(reachesOpening('anomaly', { ...problem, results: [false, true, false] }, track.policy)).toBe(
      false,
    );
    expect(
      reachesOpening('anomaly', { ...problem, results: [false, true, false, true, false] }, track.policy),
    ).toBe(true);
  });
});
