/** A service that fails because of another gets no incident of its own: it is listed in the other's. */
import { describe, expect, it } from 'vitest';
import type { IncidentReport } from '../../src/domain/incident.js';
import { createShard, hour, minute, play, startAt, told, type Found } from '../support/heartbeat-facts.js';

const down = (...names: string[]): Record<string, Found> =>
  Object.fromEntries(names.map((name) => [name, 'bad']));

/** `open db [api, web]`. */
const affected = (reports: readonly IncidentReport[]): string[] =>
  reports.map((report) => `${report.kind} ${report.target} [${report.affected.join(', ')}]`);

describe('a cause in the same shard', () => {
  it('takes what hangs on it along when all fail in the same ticks: one report', () => {
    const shard = createShard({ services: { db: {}, api: { dependsOn: ['db'] } } });
    shard.tick(down('db', 'api'));
    shard.tick(down('db', 'api'));
    expect(affected(shard.reports)).toEqual(['open db [api]']);
    expect(shard.memory.tracks['api']).toMatchObject({ state: 'unhealthy', reason: 'connection refused' });
  });

  it('is one incident with 40 affected for 40 services behind one database', () => {
    const names = Array.from({ length: 40 }, (_, index) => `api-${String(index).padStart(2, '0')}`);
    const dependents = Object.fromEntries(names.map((name) => [name, { dependsOn: ['db'] }]));
    const shard = createShard({ services: { ...dependents, db: {} } });
    for (let count = 0; count < 5; count += 1) shard.tick(down('db', ...names));
    expect(affected(shard.reports)).toEqual([`open db [${names.join(', ')}]`]);
    for (let count = 0; count < 5; count += 1) shard.tick();
    expect(told(shard)).toEqual(['open db', 'recover db']);
  });

  it('is the deepest one that is down: a chain has one incident', () => {
    const shard = createShard({
      services: { web: { dependsOn: ['api'] }, api: { dependsOn: ['db'] }, db: {} },
    });
    shard.tick(down('web', 'api', 'db'));
    shard.tick(down('web', 'api', 'db'));
    expect(affected(shard.reports)).toEqual(['open db [api, web]']);
  });

  it('that is found down later takes the ones that hang on it along before they are told', () => {
    const shard = createShard({
      services: { db: { openAfter: { failures: 3, of: 3 } }, api: { dependsOn: ['db'] } },
    });
    expect(told(shard.tick(down('db', 'api')))).toEqual([]);
    expect(told(shard.tick(down('db', 'api')))).toEqual([]);
    expect(shard.memory.tracks['api']?.problems.unhealthy?.incident).toBe('held');
    expect(affected(shard.tick(down('db', 'api')).reports)).toEqual(['open db [api]']);
  });

  it('is told of more that it affects as they fail', () => {
    const shard = createShard({
      services: { db: {}, api: { dependsOn: ['db'] }, web: { dependsOn: ['db'] } },
    });
    shard.tick(down('db'));
    shard.tick(down('db'));
    shard.tick(down('db', 'api'));
    shard.tick(down('db', 'api', 'web'));
    shard.tick(down('db', 'api', 'web'));
    expect(affected(shard.reports)).toEqual(['open db []', 'affected db [api]', 'affected db [api, web]']);
  });

  it('is told when one that it affects recovers first', () => {
    const shard = createShard({
      services: { db: {}, api: { dependsOn: ['db'] }, web: { dependsOn: ['db'] } },
    });
    shard.tick(down('db', 'api', 'web'));
    shard.tick(down('db', 'api', 'web'));
    shard.tick(down('db', 'web'));
    shard.tick(down('db', 'web'));
    expect(affected(shard.reports)).toEqual(['open db [api, web]', 'affected db [web]']);
    shard.tick();
    shard.tick();
    expect(told(shard).slice(2)).toEqual(['recover db']);
  });

  it('that recovers gives what still fails `openAfter` anew before it gets its own incident', () => {
    const shard = createShard({ services: { db: {}, api: { dependsOn: ['db'] } } });
    shard.tick(down('db', 'api'));
    shard.tick(down('db', 'api'));
    expect(told(shard.tick(down('api')))).toEqual([]);
    expect(told(shard.tick(down('api')))).toEqual(['recover db']);
    expect(told(shard.tick(down('api')))).toEqual([]);
    expect(told(shard.tick(down('api')))).toEqual(['open api']);
    expect(shard.memory.tracks['api']?.state).toBe('unhealthy');
  });

  it('does not hide what fails without it', () => {
    const shard = createShard({ services: { db: {}, api: { dependsOn: ['db'] } } });
    shard.tick(down('api'));
    expect(told(shard.tick(down('api')))).toEqual(['open api']);
    shard.tick(down('api', 'db'));
    expect(told(shard.tick(down('api', 'db')))).toEqual(['open db']);
  });

  it('does not take a dependency that only expires soon for the cause, nor waits for it', () => {
    const shard = createShard({ services: { db: {}, api: { dependsOn: ['db'] } } });
    play(shard, 'db', 'ee');
    shard.tick({ api: 'bad', db: 'expiring' });
    expect(told(shard.tick({ api: 'bad', db: 'expiring' }))).toEqual(['open api']);
  });

  it('that is removed lets go of what hung on it: that gets its own incident after `openAfter`', () => {
    const shard = createShard({ services: { db: {}, api: { dependsOn: ['db'] } } });
    shard.tick(down('db', 'api'));
    shard.tick(down('db', 'api'));
    shard.tick(down('db', 'api'));
    shard.policies['api'] = { ...shard.policies['api']!, dependsOn: [] };
    expect(told(shard.release(['db']))).toEqual(['recover db']);
    expect(told(shard.tick(down('api')))).toEqual([]);
    expect(told(shard.tick(down('api')))).toEqual(['open api']);
  });

  it('explains flapping, too', () => {
    const shard = createShard({ services: { db: {}, api: { dependsOn: ['db'] } }, everyMs: minute });
    for (const found of ['bad', 'good', 'bad', 'good', 'bad', 'good'] as const)
      shard.tick({ db: found, api: found });
    expect(affected(shard.reports)).toEqual(['flapping db [api]']);
  });
});

describe('a cause with a longer interval', () => {
  const services = { db: { everyMs: 10 * minute }, api: { dependsOn: ['db'], everyMs: minute } };

  it('is asked at once, and held for meanwhile', () => {
    const shard = createShard({ services, everyMs: minute });
    shard.tick(down('api'), ['api']);
    const decision = shard.tick(down('api'), ['api']);
    expect(decision.ask).toEqual(['db']);
    expect(told(decision)).toEqual([]);
    expect(shard.tick(down('api'), ['api']).ask).toEqual([]);
  });

  it('that answers well when asked is no cause: the trouble is told at once', () => {
    const shard = createShard({ services, everyMs: minute });
    shard.tick(down('api'), ['api']);
    const { ask } = shard.tick(down('api'), ['api']);
    expect(told(shard.ask(ask))).toEqual(['open api']);
    expect(shard.reports[0]?.reason).toBe('connection refused');
  });

  it('that turns out to be down takes the trouble over', () => {
    const shard = createShard({ services, everyMs: minute });
    shard.tick(down('api'), ['api']);
    const { ask } = shard.tick(down('api'), ['api']);
    expect(told(shard.ask(ask, down('db')))).toEqual([]);
    for (let count = 0; count < 8; count += 1) expect(told(shard.tick(down('api'), ['api']))).toEqual([]);
    expect(affected(shard.tick(down('api', 'db')).reports)).toEqual(['open db [api]']);
  });

  it('that never gives its verdict is waited for one interval of its own at most', () => {
    const shard = createShard({ services, everyMs: minute });
    shard.tick(down('api'), ['api']);
    shard.tick(down('api'), ['api']);
    const heldAt = shard.now();
    while (shard.reports.length === 0) {
      // Ticks never come at the same moment of their minute.
      shard.advance(-1);
      shard.tick(down('api'), ['api']);
    }
    expect(told(shard)).toEqual(['open api']);
    expect(shard.now() - heldAt).toBeLessThanOrEqual(10 * minute);
    expect(shard.now() - heldAt).toBeGreaterThan(8 * minute);
  });

  it('that cannot be checked explains nothing', () => {
    const shard = createShard({ services, everyMs: minute });
    shard.tick(down('api'), ['api']);
    const { ask } = shard.tick(down('api'), ['api']);
    shard.ask(ask, { db: 'unknown' });
    expect(told(shard.tick(down('api'), ['api']))).toEqual(['open api']);
  });

  it('holds nothing back longer because the clock was set back by an hour', () => {
    const shard = createShard({ services, everyMs: minute });
    shard.record.set('db', { state: null, verdict: null, checkedAt: null });
    shard.tick(down('api'), ['api']);
    shard.tick(down('api'), ['api']);
    shard.advance(-hour);
    for (let count = 0; count < 10; count += 1) shard.tick(down('api'), ['api']);
    expect(told(shard)).toEqual(['open api']);
  });

  it('is not waited for any more when the held service recovers: nothing is told', () => {
    const shard = createShard({ services, everyMs: minute });
    shard.tick(down('api'), ['api']);
    shard.tick(down('api'), ['api']);
    for (let count = 0; count < 15; count += 1) shard.tick({}, ['api']);
    expect(shard.reports).toEqual([]);
  });

  it('leaves the reason in the report when the newest result says nothing about it', () => {
    const shard = createShard({ services, everyMs: minute });
    shard.tick(down('api'), ['api']);
    const { ask } = shard.tick(down('api'), ['api']);
    shard.tick({}, ['api']);
    expect(shard.ask(ask).reports).toMatchObject([{ kind: 'open', reason: 'connection refused' }]);
  });
});

describe('a cause in another shard', () => {
  const shardWith = (state: 'healthy' | 'unhealthy' | null) =>
    createShard({
      services: { api: { dependsOn: ['db'] } },
      elsewhere: {
        db: { everyMs: minute, state, verdict: state, checkedAt: state === null ? null : startAt + hour },
      },
    });

  it('is known by the record: its incident is told what it affects', () => {
    const shard = shardWith('unhealthy');
    play(shard, 'api', 'bb');
    expect(affected(shard.reports)).toEqual(['affected db [api]']);
  });

  it('that is healthy on record since the trouble began is none', () => {
    const shard = shardWith('healthy');
    expect(play(shard, 'api', 'bb')).toEqual(['open api']);
  });

  it('that nobody has looked at is waited for one interval', () => {
    const shard = shardWith(null);
    expect(play(shard, 'api', 'bb')).toEqual([]);
    expect(play(shard, 'api', 'bbb')).toEqual(['open api']);
  });

  it('lets go when the record says that it recovered', () => {
    const shard = shardWith('unhealthy');
    play(shard, 'api', 'bbb');
    shard.record.set('db', { state: 'healthy', verdict: 'healthy', checkedAt: startAt + 2 * hour });
    expect(play(shard, 'api', 'bb')).toEqual([]);
    expect(play(shard, 'api', 'b')).toEqual(['open api']);
  });

  it('stays the cause while the record cannot be read', () => {
    const shard = shardWith('unhealthy');
    play(shard, 'api', 'bb');
    shard.record.set('db', { state: null, verdict: null, checkedAt: null });
    expect(play(shard, 'api', 'b'.repeat(20))).toEqual([]);
  });

  it('that was removed lets go, also when nothing else is left to hang on', () => {
    const shard = shardWith('unhealthy');
    play(shard, 'api', 'bb');
    shard.policies['api'] = { ...shard.policies['api']!, dependsOn: [] };
    expect(play(shard, 'api', 'bbb')).toEqual(['open api']);
  });
});
