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
    expect(isFlapping('0g 1b 2g 3b')).toBe(false);
    expect(isFlapping('0g 1b 2g 3b 4g')).toBe(true);
    expect(isFlapping('0g 1b 20g 30b 40g')).toBe(false);
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
  it('that fails every other check is told, although no threshold in a row is ever reached', () => {
    const shard = createShard({ services: { api: {} } });
    expect(play(shard, 'api', 'bgb')).toEqual([]);
    expect(play(shard, 'api', 'g')).toEqual(['flapping api']);
    expect(shard.memory.tracks['api']?.state).toBe('flapping');
    expect(shard.reports[0]).toMatchObject({ episode: 1, reason: 'flapping between healthy and unhealthy' });
  });

  it('costs a bounded number of messages, however often it flips', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', `${'bg'.repeat(100)}`);
    play(shard, 'api', 'g'.repeat(20));
    expect(shard.reports.map(({ kind }) => kind)).toEqual(['flapping', 'settled']);
  });

  it('whose every change is decided is told at most four times for 15 flips, and once when it has settled', () => {
    const services = { api: { openAfter: { failures: 1, of: 1 }, closeAfter: 1 } };
    const shard = createShard({ services, everyMs: minute });
    play(shard, 'api', 'bgbgbgbgbgbgbgb');
    expect(shard.reports.map(({ kind }) => kind)).toEqual(['open', 'recover', 'open', 'flapping']);
    play(shard, 'api', 'g'.repeat(15));
    expect(shard.reports.slice(4)).toMatchObject([{ kind: 'settled', resolvedBy: 'recovery', episode: 2 }]);
  });

  it('keeps the episode of its open incident', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', 'bbbgbgb');
    expect(shard.reports.map(({ kind, episode }) => `${kind} ${episode}`)).toEqual(['open 1', 'flapping 1']);
  });

  it('settles healthy: that resolves the incident', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', 'bgbg');
    const settledAfter = Array.from({ length: 20 }, () => play(shard, 'api', 'g').length).indexOf(1) + 1;
    expect(settledAfter).toBe(10);
    expect(shard.reports.at(-1)).toMatchObject({ kind: 'settled', resolvedBy: 'recovery' });
    expect(shard.memory.tracks).toEqual({});
  });

  it('settles unhealthy: the incident stays open, says why, and recovers later', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', `bgbg${'b'.repeat(15)}`);
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
    play(shard, 'api', 'bgbg');
    expect(play(shard, 'api', 'bbbb')).toEqual([]);
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
    play(shard, 'api', `bgbg${'g'.repeat(10)}`);
    expect(play(shard, 'api', 'bg')).toEqual([]);
  });

  it('is not moved by unknown results', () => {
    const shard = createShard({ services: { api: {} }, everyMs: minute });
    play(shard, 'api', 'bgbg');
    expect(play(shard, 'api', 'u'.repeat(30))).toEqual([]);
    expect(shard.memory.tracks['api']?.state).toBe('flapping');
  });

  it('has its incident resolved when it is removed', () => {
    const shard = createShard({ services: { api: {} } });
    play(shard, 'api', 'bgbg');
    expect(shard.release(['api']).reports).toMatchObject([{ kind: 'recover', resolvedBy: 'source' }]);
  });
});
