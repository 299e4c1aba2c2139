/** The heartbeat's decision over many ticks: what is told, when, and how often. */
import { describe, expect, it } from 'vitest';
import { createShard, hour, minute, play, told } from '../support/heartbeat-facts.js';

describe('opening and closing', () => {
  it('opens after k of n failures, also when they are not consecutive', () => {
    const shard = createShard({ services: { api: { openAfter: { failures: 2, of: 3 } } } });
    expect(play(shard, 'api', 'bg')).toEqual([]);
    expect(play(shard, 'api', 'b')).toEqual(['open api']);
  });

  it('does not open when the failures lie further apart than the window', () => {
    const shard = createShard({ services: { api: { openAfter: { failures: 2, of: 3 } } } });
    expect(play(shard, 'api', 'bggb')).toEqual([]);
    expect(shard.memory.tracks['api']?.state).toBe('healthy');
  });

  it('closes after successes in a row, and only then', () => {
    const shard = createShard({ services: { api: { closeAfter: 3 } } });
    expect(play(shard, 'api', 'bb')).toEqual(['open api']);
    expect(play(shard, 'api', 'gg')).toEqual([]);
    expect(shard.memory.tracks['api']?.state).toBe('unhealthy');
    expect(play(shard, 'api', 'g')).toEqual(['recover api']);
    expect(shard.memory.tracks['api']?.state).toBe('healthy');
  });

  it('tells a change once, however long the trouble lasts', () => {
    const shard = createShard({ services: { api: {} } });
    expect(play(shard, 'api', `bb${'b'.repeat(200)}`)).toEqual(['open api']);
    expect(play(shard, 'api', `gg${'g'.repeat(200)}`)).toEqual(['recover api']);
  });

  it('opens the next time as the next episode, also after the service was forgotten', () => {
    const shard = createShard({ services: { api: {} } });
    play(shard, 'api', 'bbgg');
    shard.advance(hour);
    play(shard, 'api', 'g'.repeat(12));
    expect(shard.memory.tracks).toEqual({});
    play(shard, 'api', 'bb');
    const episodes = shard.reports.map(({ kind, episode }) => `${kind} ${episode}`);
    expect(episodes).toEqual(['open 1', 'recover 1', 'open 2']);
  });

  it('says in the opening report what is wrong, how severe, and since when', () => {
    const shard = createShard({ services: { api: { severity: 'critical', tags: ['web'] } } });
    play(shard, 'api', 'bb');
    expect(shard.reports[0]).toEqual({
      key: `incident:shop:heartbeat:unhealthy:api:1:open:${shard.now()}`,
      reporter: 'heartbeat:shop:0',
      sequence: shard.now(),
      kind: 'open',
      environment: 'shop',
      loop: 'heartbeat',
      type: 'unhealthy',
      target: 'api',
      severity: 'critical',
      tags: ['web'],
      episode: 1,
      reason: 'connection refused',
      affected: [],
      resolvedBy: null,
      why: '2 of its last 2 results were bad (openAfter)',
      at: shard.now(),
    });
  });

  it('moves nothing by an unknown verdict: neither opens, nor closes, nor counts as a success between', () => {
    const shard = createShard({ services: { api: {} } });
    expect(play(shard, 'api', 'buuuu')).toEqual([]);
    expect(play(shard, 'api', 'b')).toEqual(['open api']);
    expect(play(shard, 'api', 'guuu')).toEqual([]);
    expect(play(shard, 'api', 'g')).toEqual(['recover api']);
  });

  it('shows a service as unknown after as many unknown results as it takes to open, and tells nobody', () => {
    const shard = createShard({ services: { api: {} } });
    const first = shard.tick({ api: 'unknown' });
    expect(first.tracks['api']?.state).toBe('healthy');
    const second = shard.tick({ api: 'unknown' });
    expect(second.tracks['api']).toMatchObject({ state: 'unknown', reason: 'no such tool' });
    expect(shard.tick({ api: 'good' }).changes).toMatchObject([{ from: 'unknown', to: 'healthy' }]);
    expect(shard.reports).toEqual([]);
  });

  it('keeps an open incident open while nobody can tell how its service is', () => {
    const shard = createShard({ services: { api: {} } });
    expect(play(shard, 'api', `bb${'u'.repeat(50)}`)).toEqual(['open api']);
    expect(shard.memory.tracks['api']?.state).toBe('unhealthy');
  });
});

describe('expiry and latency', () => {
  it('are incidents of their own types', () => {
    const shard = createShard({ services: { shop: {} } });
    expect(play(shard, 'shop', 'ee')).toEqual(['open expiring shop']);
    expect(shard.reports[0]).toMatchObject({ severity: 'high', reason: 'the certificate ends in 9 days' });
    expect(play(shard, 'shop', 'gg')).toEqual(['recover expiring shop']);
    expect(play(shard, 'shop', 'sss')).toEqual(['open anomaly shop']);
    expect(shard.reports[2]).toMatchObject({ severity: 'low', episode: 1 });
    expect(shard.reports[2]?.reason).toContain('far above its usual');
    expect(play(shard, 'shop', 'ggggg')).toEqual(['recover anomaly shop']);
  });

  it('are told beside each other: a service that expires soon and goes down has two incidents', () => {
    const shard = createShard({ services: { shop: {} } });
    expect(play(shard, 'shop', 'eebb')).toEqual(['open expiring shop', 'open shop']);
    expect(play(shard, 'shop', 'ee')).toEqual(['recover shop']);
    expect(shard.memory.tracks['shop']?.state).toBe('unhealthy');
    expect(play(shard, 'shop', 'gg')).toEqual(['recover expiring shop']);
  });

  it('do not count as down: what expires soon ends an outage', () => {
    const shard = createShard({ services: { shop: {} } });
    expect(play(shard, 'shop', 'bbee')).toEqual(['open shop', 'recover shop', 'open expiring shop']);
  });

  it('always say why, also when the warning had to wait for the end of an outage', () => {
    const shard = createShard({ services: { shop: { closeAfter: 4 } } });
    play(shard, 'shop', 'ssbbsggg');
    play(shard, 'shop', 'sss');
    for (const { kind, reason } of shard.reports.filter((report) => report.kind === 'open'))
      expect(`${kind}: ${reason}`).not.toBe('open: ');
    expect(told(shard)).toContain('open anomaly shop');
  });
});

describe('what the record is told', () => {
  it('is a change of state with its instant, and the track while there is something to remember', () => {
    const shard = createShard({ services: { api: {} } });
    shard.tick({ api: 'bad' });
    const firstFailureAt = shard.now();
    const opened = shard.tick({ api: 'bad' });
    expect(opened.changes).toMatchObject([
      { name: 'api', from: 'healthy', to: 'unhealthy', since: shard.now(), reason: 'connection refused' },
    ]);
    expect(opened.changes[0]?.track?.problems.unhealthy?.badSinceAt).toBe(firstFailureAt);
    expect(shard.tick({ api: 'bad' }).changes).toEqual([]);
  });

  it('is told once that a service is forgotten', () => {
    const shard = createShard({ services: { api: {} } });
    play(shard, 'api', 'bbgg');
    shard.advance(hour);
    const forgotten = Array.from({ length: 14 }, () => shard.tick().changes).flat();
    expect(forgotten).toMatchObject([{ name: 'api', to: 'healthy', track: null }]);
  });

  it('never hears of a service that is plainly fine', () => {
    const shard = createShard({ services: { api: {}, db: {} } });
    for (let count = 0; count < 20; count += 1) {
      const decision = shard.tick();
      expect([decision.tracks, decision.changes, decision.reports, decision.ask]).toEqual([{}, [], [], []]);
    }
  });

  it('is corrected when it says unhealthy of a service that nobody remembers and that is fine', () => {
    const shard = createShard({ services: { api: {} } });
    shard.record.set('api', { state: 'unhealthy', verdict: 'unhealthy', checkedAt: null });
    const decision = shard.ask(['api']);
    expect(decision.changes).toMatchObject([{ name: 'api', from: 'unhealthy', to: 'healthy', track: null }]);
  });
});

describe('a service that is no longer watched', () => {
  it('has its incidents resolved by the source, all types of them, and is forgotten', () => {
    const shard = createShard({ services: { shop: {} } });
    play(shard, 'shop', 'eebb');
    const decision = shard.release(['shop']);
    expect(told(decision).sort()).toEqual(['recover expiring shop', 'recover shop']);
    for (const report of decision.reports)
      expect(report).toMatchObject({
        resolvedBy: 'source',
        reason: expect.stringContaining('no longer watched'),
      });
    expect(decision.tracks).toEqual({});
  });

  it('is let go quietly when nothing was told of it', () => {
    const shard = createShard({ services: { shop: {}, api: {} } });
    play(shard, 'shop', 'b');
    expect(told(shard.release(['shop', 'api', 'never-seen']))).toEqual([]);
  });

  it('counts on from its last episode when it is watched again', () => {
    const shard = createShard({ services: { shop: {} } });
    play(shard, 'shop', 'bb');
    const policy = shard.policies['shop'];
    shard.release(['shop']);
    if (policy !== undefined) shard.policies['shop'] = policy;
    play(shard, 'shop', 'bb');
    expect(shard.reports.map(({ kind, episode }) => `${kind} ${episode}`)).toEqual([
      'open 1',
      'recover 1',
      'open 2',
    ]);
  });
});

describe('a clock that jumps by an hour', () => {
  it.each([hour, -hour])('gives no alarm by itself (%i ms)', (jumpMs) => {
    const shard = createShard({ services: { api: {}, db: {} } });
    play(shard, 'api', 'bg');
    shard.advance(jumpMs);
    expect(play(shard, 'api', 'gggggg')).toEqual([]);
    expect(play(shard, 'db', 'g'.repeat(200))).toEqual([]);
    expect(shard.memory.tracks).toEqual({});
    expect(shard.reports).toEqual([]);
  });

  it.each([hour, -hour])('neither loses nor repeats an open incident (%i ms)', (jumpMs) => {
    const shard = createShard({ services: { api: {} } });
    expect(play(shard, 'api', 'bb')).toEqual(['open api']);
    shard.advance(jumpMs);
    expect(play(shard, 'api', 'bbb')).toEqual([]);
    expect(play(shard, 'api', 'gg')).toEqual(['recover api']);
    expect(shard.reports[1]?.sequence).toBeGreaterThan(shard.reports[0]?.sequence ?? Infinity);
  });

  it('does not make flapping of old changes that seem to lie ahead', () => {
    const services = { api: { openAfter: { failures: 1, of: 1 }, closeAfter: 1 } };
    const shard = createShard({ services, everyMs: minute });
    play(shard, 'api', 'bg');
    shard.advance(-hour);
    play(shard, 'api', 'g'.repeat(50));
    expect(play(shard, 'api', 'bg')).toEqual(['open api', 'recover api']);
    expect(shard.reports.some(({ kind }) => kind === 'flapping')).toBe(false);
  });
});
