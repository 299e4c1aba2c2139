/** A service that changes its mind all the time is told once, and again when it has settled. */
import { describe, expect, it } from 'vitest';
import { changesOf, startsFlapping } from '../../src/domain/flapping.js';
import { createShard, minute, play, policyOf, startAt } from '../support/heartbeat-facts.js';

/** Minutes and results: `verdicts('0g 1b')`. */
const verdicts = (text: string): { at: number; isGood: boolean }[] =>
  text.split(' ').map((entry) => ({
    at: startAt + Number.parseInt(entry, 10) * minute,
    isGood: entry.endsWith('g'),
  }));

describe('startsFlapping', () => {
  const policy = policyOf();
  const isFlapping = (text: string, stateChangesAt: number[] = []): boolean => {
    const seen = verdicts(text);
    return startsFlapping({ policy, verdicts: seen, stateChangesAt, now: seen.at(-1)?.at ?? 0 });
  };

  it('takes as many changes as the policy says, inside its window of time', () => {
    expect(isFlapping('0b 1g 2b 3b')).toBe(false);
    expect(isFlapping('0b 1g 2b 3g 4b')).toBe(true);
    expect(isFlapping('0b 1g 20b 30g 40b')).toBe(false);
  });

  it('begins at a bad result: what has just recovered is told as recovered', () => {
    expect(isFlapping('0g 1b 2g 3b 4g')).toBe(false);
    expect(isFlapping('0g 1b 2g 3b 4g 5b')).toBe(true);
  });

  it('counts changes of the decided state, too', () => {
    const changes = [1, 9, 17, 25].map((at) => startAt + at * minute);
    expect(isFlapping('25b 26b', changes)).toBe(true);
    expect(isFlapping('25b 40b', changes)).toBe(false);
  });

  it('does not take two blips among good results for it', () => {
    expect(isFlapping(`0b 1g 2g 3g 4g 5g 6g 7g 8g 9g 10g 11g 12b 13g`)).toBe(false);
  });

  it('finds changes where a result differs from the one before', () => {
    expect(changesOf(verdicts('0g 1g 2b 3b 4g'))).toEqual([2, 4].map((at) => startAt + at * minute));
    expect(changesOf([])).toEqual([]);
  });
});

describe('a flapping service', () => {
  it('is not made of two outages: both are opened and recovered', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', 'bbbggbbbgggg');
    expect(shard.reports.map(({ kind, episode }) => `${kind} ${episode}`)).toEqual([
      'open 1',
      'recover 1',
      'open 2',
      'recover 2',
    ]);
  });

  it('is not one that only suffers from the outages of what it depends on', () => {
    const shard = createShard({
      services: {
        db: { flapping: { changes: 20, withinMs: 60 * minute, settleAfterMs: minute } },
        api: { dependsOn: ['db'] },
      },
      everyMs: minute,
    });
    for (let outage = 0; outage < 4; outage += 1) {
      for (let tick = 0; tick < 3; tick += 1) shard.tick({ db: 'bad', api: 'bad' });
      for (let tick = 0; tick < 3; tick += 1) shard.tick({ db: 'good', api: 'good' });
    }
    expect(shard.reports.filter(({ target }) => target === 'api')).toEqual([]);
    expect(shard.reports.filter(({ target, kind }) => target === 'db' && kind === 'open')).toHaveLength(4);
  });

  it('that fails every other check is told, although no threshold in a row is ever reached', () => {
    const shard = createShard({ services: { api: {} } });
    expect(play(shard, 'api', 'bgbg')).toEqual([]);
    expect(play(shard, 'api', 'b')).toEqual(['flapping api']);
    expect(shard.memory.tracks['api']?.state).toBe('flapping');
    expect(shard.reports[0]).toMatchObject({
      episode: 1,
      reason: 'flapping between healthy and unhealthy; last: connection refused',
    });
  });

  it('costs a bounded number of messages, however often it flips', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', `${'bg'.repeat(100)}`);
    play(shard, 'api', 'g'.repeat(20));
    expect(shard.reports.map(({ kind }) => kind)).toEqual(['flapping', 'settled']);
  });

  it('whose every change is decided is told at most five times for 15 flips, and once when it has settled', () => {
    const services = { api: { openAfter: { failures: 1, of: 1 }, closeAfter: 1 } };
    const shard = createShard({ services, everyMs: minute });
    play(shard, 'api', 'bgbgbgbgbgbgbgb');
    expect(shard.reports.map(({ kind }) => kind)).toEqual(['open', 'recover', 'open', 'recover', 'flapping']);
    play(shard, 'api', 'g'.repeat(15));
    expect(shard.reports.slice(5)).toMatchObject([{ kind: 'settled', resolvedBy: 'recovery', episode: 3 }]);
  });

  it('keeps the episode of its open incident', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', 'bbbgbgb');
    expect(shard.reports.map(({ kind, episode }) => `${kind} ${episode}`)).toEqual(['open 1', 'flapping 1']);
  });

  it('settles healthy: that resolves the incident', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', 'bgbgb');
    const settledAfter = Array.from({ length: 20 }, () => play(shard, 'api', 'g').length).indexOf(1) + 1;
    expect(settledAfter).toBe(11);
    expect(shard.reports.at(-1)).toMatchObject({ kind: 'settled', resolvedBy: 'recovery' });
    expect(shard.memory.tracks).toEqual({});
  });

  it('settles unhealthy: the incident stays open, says why, and recovers later', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', `bgbgb${'b'.repeat(15)}`);
    expect(shard.reports.at(-1)).toMatchObject({
      kind: 'settled',
      resolvedBy: null,
      reason: 'settled: connection refused',
    });
    expect(shard.memory.tracks['api']?.state).toBe('unhealthy');
    expect(play(shard, 'api', 'gg')).toEqual(['recover api']);
    expect(shard.reports.map(({ episode }) => episode)).toEqual([1, 1, 1]);
  });

  it('does not settle healthy while it fails: the thresholds of few, slow checks are reached first', () => {
    const services = { api: { openAfter: { failures: 5, of: 5 }, everyMs: 5 * minute } };
    const shard = createShard({ services, everyMs: 5 * minute });
    play(shard, 'api', 'bgbgb');
    expect(play(shard, 'api', 'bbb')).toEqual([]);
    expect(play(shard, 'api', 'b')).toEqual(['settled api']);
    expect(shard.reports.at(-1)).toMatchObject({ resolvedBy: null, reason: 'settled: connection refused' });
  });

  it('does not settle unhealthy while it answers', () => {
    const services = { api: { closeAfter: 5, everyMs: 5 * minute } };
    const shard = createShard({ services, everyMs: 5 * minute });
    play(shard, 'api', 'bbgbgb');
    expect(play(shard, 'api', 'gggg')).toEqual([]);
    expect(play(shard, 'api', 'g')).toEqual(['settled api']);
    expect(shard.reports.at(-1)).toMatchObject({ resolvedBy: 'recovery' });
  });

  it('is not called flapping again for the changes of before it settled', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', `bgbgb${'g'.repeat(11)}`);
    expect(play(shard, 'api', 'bg')).toEqual([]);
  });

  it('is not moved by unknown results', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', 'bgbgb');
    expect(play(shard, 'api', 'u'.repeat(30))).toEqual([]);
    expect(shard.memory.tracks['api']?.state).toBe('flapping');
  });

  it('has its incident resolved when it is removed', () => {
    const shard = createShard({ services: { api: {} } });
    play(shard, 'api', 'bgbgb');
    expect(shard.release(['api']).reports).toMatchObject([{ kind: 'recover', resolvedBy: 'source' }]);
  });
});
