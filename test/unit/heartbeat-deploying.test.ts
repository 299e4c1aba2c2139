/** What is wrong with a service while a deployment works on it: held back, told after it when it is still so, or forgotten. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createShard, play, told, type Found, type SimulatedShard } from '../support/heartbeat-facts.js';

/** As `play`, with a deployment at work on the service (and only on it) in every tick. */
function playDeploying(shard: SimulatedShard, name: string, letters: string): string[] {
  shard.deploying.add(name);
  const reports = play(shard, name, letters);
  shard.deploying.delete(name);
  return reports;
}

describe('a service while a deployment works on it', () => {
  it('is not told, however long it is bad, and the record says so', () => {
    const shard = createShard({ services: { api: {} } });
    expect(playDeploying(shard, 'api', 'b'.repeat(50))).toEqual([]);
    expect(shard.memory.tracks['api']?.state).toBe('unhealthy');
    expect(shard.memory.tracks['api']?.problems.unhealthy).toMatchObject({
      incident: 'held',
      heldUntil: null,
    });
  });

  it('is told at the first result after it when it is still bad, with its reason', () => {
    const shard = createShard({ services: { api: { severity: 'critical' } } });
    playDeploying(shard, 'api', 'bbb');
    expect(play(shard, 'api', 'b')).toEqual(['open api']);
    expect(shard.reports).toMatchObject([
      { severity: 'critical', episode: 1, reason: 'connection refused', at: shard.now() },
    ]);
    expect(play(shard, 'api', 'bbgg')).toEqual(['recover api']);
  });

  it('is forgotten when it is good again before the deployment is over', () => {
    const shard = createShard({ services: { api: {} } });
    expect(playDeploying(shard, 'api', 'bbgg')).toEqual([]);
    expect(play(shard, 'api', 'g'.repeat(100))).toEqual([]);
    expect(shard.memory.tracks).toEqual({});
  });

  it('is never told at a good result: what came up with the end of the deployment was no outage', () => {
    const shard = createShard({ services: { api: { closeAfter: 3 } } });
    playDeploying(shard, 'api', 'bb');
    expect(play(shard, 'api', 'ggg')).toEqual([]);
    expect(shard.memory.tracks['api']?.problems.unhealthy).toMatchObject({ isBad: false, incident: 'none' });
  });

  it('is told at its next bad result when it was good only for a moment after the deployment', () => {
    const shard = createShard({ services: { api: { closeAfter: 3 } } });
    playDeploying(shard, 'api', 'bb');
    expect(play(shard, 'api', 'gg')).toEqual([]);
    expect(play(shard, 'api', 'b')).toEqual(['open api']);
  });

  it('is told by no result that tells nothing, and by the next one that does', () => {
    const shard = createShard({ services: { api: {} } });
    playDeploying(shard, 'api', 'bb');
    expect(play(shard, 'api', 'uuuu')).toEqual([]);
    expect(play(shard, 'api', 'b')).toEqual(['open api']);
  });

  it('stays held over ticks that do not check it, although the deployment is over meanwhile', () => {
    const shard = createShard({ services: { api: {}, other: {} } });
    playDeploying(shard, 'api', 'bb');
    for (let count = 0; count < 5; count += 1)
      expect(told(shard.tick({ other: 'bad' }, ['other'])).filter((text) => text.includes('api'))).toEqual(
        [],
      );
    expect(told(shard.tick({ api: 'bad' }, ['api']))).toEqual(['open api']);
  });

  it('keeps the incident that was open before: it is not opened again, and its recovery is told', () => {
    const shard = createShard({ services: { api: {} } });
    expect(play(shard, 'api', 'bb')).toEqual(['open api']);
    expect(playDeploying(shard, 'api', 'bbb')).toEqual([]);
    expect(playDeploying(shard, 'api', 'gg')).toEqual(['recover api']);
    expect(shard.memory.tracks['api']?.problems.unhealthy?.incident).toBe('none');
  });

  it('needs no second look afterwards when one bad result is decisive, and is held all the same', () => {
    const shard = createShard({ services: { api: { openAfter: { failures: 1, of: 1 } } } });
    expect(playDeploying(shard, 'api', 'b')).toEqual([]);
    expect(play(shard, 'api', 'b')).toEqual(['open api']);
  });

  it('leaves others alone', () => {
    const shard = createShard({ services: { api: {}, other: {} } });
    shard.deploying.add('api');
    shard.tick({ api: 'bad', other: 'bad' });
    expect(told(shard.tick({ api: 'bad', other: 'bad' }))).toEqual(['open other']);
  });
});

describe('a service that flaps while it is deployed', () => {
  const flapping = { changes: 4, withinMs: 1_800_000, settleAfterMs: 600_000 };

  it('is told after the deployment, as flapping', () => {
    const shard = createShard({ services: { api: { flapping, openAfter: { failures: 1, of: 1 } } } });
    expect(playDeploying(shard, 'api', 'bgbgbgb')).toEqual([]);
    expect(shard.memory.tracks['api']?.state).toBe('flapping');
    expect(play(shard, 'api', 'g')).toEqual(['flapping api']);
  });

  it('is forgotten when it settles healthy before the deployment is over', () => {
    const shard = createShard({ services: { api: { flapping } } });
    playDeploying(shard, 'api', 'bgbgbgb');
    expect(playDeploying(shard, 'api', 'g'.repeat(40))).toEqual([]);
    expect(play(shard, 'api', 'ggg')).toEqual([]);
    expect(shard.memory.tracks['api']?.state ?? 'healthy').toBe('healthy');
  });

  it('is told of when its incident was open before only after the deployment', () => {
    const shard = createShard({ services: { api: { flapping, openAfter: { failures: 1, of: 1 } } } });
    expect(play(shard, 'api', 'b')).toEqual(['open api']);
    expect(playDeploying(shard, 'api', 'gbgbgb')).toEqual([]);
    expect(play(shard, 'api', 'g')).toEqual(['flapping api']);
  });
});

describe('warnings of a service that is deployed', () => {
  it.each([
    ['s', 'anomaly'],
    ['e', 'expiring'],
  ])('are held, and told after it when they are still so (%s)', (letter, type) => {
    const shard = createShard({ services: { api: {} } });
    expect(playDeploying(shard, 'api', letter.repeat(6))).toEqual([]);
    expect(play(shard, 'api', letter)).toEqual([`open ${type} api`]);
  });

  it.each(['s', 'e'])('are never told at a usual result (%s)', (letter) => {
    const shard = createShard({ services: { api: {} } });
    playDeploying(shard, 'api', letter.repeat(6));
    expect(play(shard, 'api', 'g'.repeat(10))).toEqual([]);
  });
});

describe('what depends on a service that is deployed', () => {
  const services = { db: {}, api: { dependsOn: ['db'] } };
  const both = { db: 'bad', api: 'bad' } as const;

  it('is held with it, however long that takes', () => {
    const shard = createShard({ services });
    shard.deploying.add('db');
    for (let count = 0; count < 30; count += 1) expect(told(shard.tick(both))).toEqual([]);
  });

  it('is listed in its incident when it is still bad after the deployment', () => {
    const shard = createShard({ services });
    shard.deploying.add('db');
    for (let count = 0; count < 5; count += 1) shard.tick(both);
    shard.deploying.clear();
    expect(told(shard.tick(both))).toEqual(['open db']);
    expect(shard.reports[0]?.affected).toEqual(['api']);
  });

  it('is told on its own when the service is good again after the deployment', () => {
    const shard = createShard({ services });
    shard.deploying.add('db');
    for (let count = 0; count < 5; count += 1) shard.tick(both);
    expect(told(shard.tick({ api: 'bad' }))).toEqual([]);
    shard.deploying.clear();
    const reports = Array.from({ length: 4 }, () => told(shard.tick({ api: 'bad' }))).flat();
    expect(reports).toEqual(['open api']);
  });

  it('is held when the service lives in another shard, as its record says', () => {
    const elsewhere = { state: 'healthy', verdict: 'unhealthy', checkedAt: null, everyMs: 30_000 } as const;
    const shard = createShard({ services: { api: { dependsOn: ['db'] } }, elsewhere: { db: elsewhere } });
    shard.deploying.add('db');
    for (let count = 0; count < 30; count += 1) expect(told(shard.tick({ api: 'bad' }))).toEqual([]);
    shard.deploying.clear();
    const reports = Array.from({ length: 4 }, () => told(shard.tick({ api: 'bad' }))).flat();
    expect(reports).toEqual(['open api']);
  });

  it('is told when the service that is deployed works', () => {
    const shard = createShard({ services });
    shard.deploying.add('db');
    const reports = Array.from({ length: 4 }, () => told(shard.tick({ api: 'bad' }))).flat();
    expect(reports).toEqual(['open api']);
  });
});

describe('whatever happens', () => {
  const steps = fc.array(
    fc.record({
      found: fc.constantFrom<Found>('good', 'bad', 'unknown', 'slow', 'expiring'),
      isDeploying: fc.boolean(),
    }),
    { maxLength: 60 },
  );

  it('nothing begins to be told while a deployment works on the service', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const shard = createShard({ services: { api: {} } });
        for (const { found, isDeploying } of sequence) {
          if (isDeploying) shard.deploying.add('api');
          else shard.deploying.clear();
          const begun = shard.tick({ api: found }).reports.filter(({ kind }) => kind !== 'recover');
          if (isDeploying) expect(begun.filter(({ kind }) => kind !== 'settled')).toEqual([]);
        }
      }),
    );
  });

  it('what is bad after the deployment is told within the usual number of results', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const shard = createShard({ services: { api: {} } });
        for (const { found, isDeploying } of sequence) {
          if (isDeploying) shard.deploying.add('api');
          else shard.deploying.clear();
          shard.tick({ api: found });
        }
        shard.deploying.clear();
        play(shard, 'api', 'bb');
        expect(shard.memory.tracks['api']?.problems.unhealthy?.incident).toBe('own');
      }),
    );
  });

  it('what is good after the deployment ends without an incident', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const shard = createShard({ services: { api: {} } });
        for (const { found } of sequence) {
          shard.deploying.add('api');
          shard.tick({ api: found });
        }
        shard.deploying.clear();
        const reports = play(shard, 'api', 'g'.repeat(30));
        // Flapping is a history of changes: a good result does not end it.
        expect(reports.filter((text) => text !== 'flapping api' && text !== 'settled api')).toEqual([]);
      }),
    );
  });
});
