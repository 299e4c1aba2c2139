/** What the heartbeat's activities make of checks, the record and the configuration, before the loop decides. */
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { createHeartbeatActivities, type HeartbeatDependencies } from '../../src/activities/heartbeat.js';
import type { ProbeShardInput, ShardReport } from '../../src/activities/heartbeat-contract.js';
import type { KnownService } from '../../src/adapters/postgres/heartbeat-store.js';
import type { JournalEntry } from '../../src/adapters/postgres/journal.js';
import type { ServiceTrack } from '../../src/domain/heartbeat-track.js';
import type { Service } from '../../src/domain/service.js';
import { configuration, service } from '../support/configurations.js';
import { createShard, play } from '../support/heartbeat-facts.js';
import { loopStatus } from '../support/loop-statuses.js';

const environment = 'shop';

/** Activities whose checks find `down` and `expiring` services; everything else is there. */
function activitiesOf(
  services: Service[],
  more: Partial<HeartbeatDependencies> = {},
  applied?: Parameters<typeof configuration>[2],
) {
  const down = new Set<string>();
  const expiring = new Set<string>();
  const written: JournalEntry[] = [];
  const reports: string[] = [];
  const activities = createHeartbeatActivities({
    configurationOf: async () => configuration(environment, services, applied),
    probeCheck: async ({ name }) =>
      down.has(name)
        ? { connected: false, responseTimeMs: 1, error: 'connection refused' }
        : {
            connected: true,
            responseTimeMs: 1,
            ...(expiring.has(name) && { certificateExpiresInMs: 86_400_000 }),
          },
    isReachable: async () => true,
    journal: {
      write: async (entry) => {
        written.push(entry);
        return 'stored';
      },
      close: async () => undefined,
    },
    readKnownServices: async () => new Map(),
    readPushChecks: async () => new Map(),
    readTracks: async () => new Map(),
    readLoopCounts: async () => null,
    readLastEpisode: async () => 0,
    deployedServices: async () => new Map(),
    prune: async () => undefined,
    writeReport: async ({ markdown }) => {
      reports.push(markdown);
    },
    signalIncident: async () => undefined,
    pingDeadMan: () => undefined,
    now: () => Date.now(),
    ...more,
  });
  const probe = (input: Partial<ProbeShardInput> = {}): Promise<ShardReport> =>
    new MockActivityEnvironment().run(activities.probeShard, {
      environment,
      shard: 0,
      revision: 1,
      dueMs: [30_000],
      targets: [],
      watched: [],
      budgetMs: 2_000,
      scheduledAt: Date.now(),
      isTriggered: false,
      missed: 0,
      loop: loopStatus(),
      ...input,
    });
  return { activities, probe, down, expiring, written, reports };
}

const knownAs = (more: Partial<KnownService>): KnownService => ({
  state: 'healthy',
  verdict: 'healthy',
  checkedAt: Date.now() + 60_000,
  baseline: { meanMs: 0, variance: 0, count: 0 },
  hasIncident: false,
  isExpiring: false,
  ...more,
});

const namesOf = ({ results }: ShardReport): string[] => results.map(({ name }) => name).sort();

describe('a tick', () => {
  it('returns only what is not plainly fine, what is watched, and what was asked for by name', async () => {
    const { probe, down } = activitiesOf(['api', 'db', 'web', 'cart'].map((name) => service(name)));
    down.add('api');
    expect(namesOf(await probe())).toEqual(['api']);
    expect(namesOf(await probe({ watched: ['web'] }))).toEqual(['api', 'web']);
    expect(namesOf(await probe({ dueMs: [], targets: ['db'], isTriggered: true }))).toEqual(['db']);
    expect(namesOf(await probe({ targets: null, isTriggered: true }))).toEqual(['api']);
  });

  it('checks what is due, and says how many of what it found', async () => {
    const services = [service('slow-pace', { everyMs: 300_000 }), service('api'), service('db')];
    const { probe, down, written, reports } = activitiesOf(services);
    down.add('db');
    expect(await probe()).toMatchObject({ checked: 2, healthy: 1, unhealthy: 1, unknown: 0, pending: 0 });
    expect(await probe({ dueMs: [30_000, 300_000] })).toMatchObject({ checked: 3 });
    expect(written).toMatchObject([{ kind: 'tick' }, { kind: 'tick' }]);
    expect(reports[0]).toContain('| db | unhealthy |');
  });

  it('writes nothing down when it only looked after slow checks and found none', async () => {
    const { probe, written } = activitiesOf([service('api')]);
    await probe({ dueMs: [] });
    expect(written).toEqual([]);
  });

  it('learns latencies of healthy checks only', async () => {
    const { probe, down, written } = activitiesOf([service('api'), service('db')]);
    down.add('db');
    await probe();
    const [entry] = written;
    const samples = entry?.kind === 'tick' ? entry.tick.samples : [];
    expect(samples.map(({ service: name, baseline }) => `${name} ${baseline.count}`).sort()).toEqual([
      'api 1',
      'db 0',
    ]);
  });
});

describe('what a dependent is told of its dependencies', () => {
  const services = [
    service('api', { dependsOn: ['db'] }),
    service('db', { everyMs: 300_000, dependsOn: ['disk'] }),
    service('disk', { everyMs: 600_000 }),
  ];
  const dependenciesOf = async (known: Record<string, KnownService>) => {
    const { probe, down } = activitiesOf(services, {
      readKnownServices: async () => new Map(Object.entries(known)),
    });
    down.add('api');
    return (await probe()).results[0]?.dependencies;
  };

  it('is all of them, transitively, with what is on record', async () => {
    expect(await dependenciesOf({ db: knownAs({ checkedAt: 5 }) })).toEqual([
      { name: 'db', everyMs: 300_000, depth: 1, state: 'healthy', verdict: 'healthy', checkedAt: 5 },
      { name: 'disk', everyMs: 600_000, depth: 2, state: null, verdict: null, checkedAt: null },
    ]);
  });

  it('is that one is unhealthy only while an incident says so', async () => {
    const told = knownAs({ state: 'unhealthy', verdict: 'unhealthy', hasIncident: true });
    expect(await dependenciesOf({ db: told })).toMatchObject([{ state: 'unhealthy' }, {}]);
    const held = knownAs({ state: 'unhealthy', verdict: 'unhealthy' });
    expect(await dependenciesOf({ db: held })).toMatchObject([
      { state: 'healthy', verdict: 'unhealthy' },
      {},
    ]);
  });

  it('is that one which only expires soon serves', async () => {
    const known = knownAs({ state: 'unhealthy', verdict: 'unhealthy', isExpiring: true });
    expect(await dependenciesOf({ db: known })).toMatchObject([{ state: 'healthy', verdict: 'healthy' }, {}]);
    const check = {
      kind: 'certificate' as const,
      address: 'db:1',
      serverName: null,
      conditions: ['[CERTIFICATE_EXPIRATION] > 336h'],
    };
    const { probe, down, expiring } = activitiesOf([services[0]!, service('db', { checks: [check] })]);
    down.add('api');
    expiring.add('db');
    const { results } = await probe();
    expect(results.find(({ name }) => name === 'db')).toMatchObject({
      verdict: 'unhealthy',
      isExpiring: true,
    });
    expect(results.find(({ name }) => name === 'api')?.dependencies).toMatchObject([{ verdict: 'healthy' }]);
  });
});

describe('a host that seems to be cut off', () => {
  const remote = ['a', 'b', 'c'].map((name) =>
    service(name, {
      checks: [{ kind: 'tcp', address: `${name}.example:1`, conditions: ['[CONNECTED] == true'] }],
    }),
  );
  const heartbeat = { reference: 'gate.example:443', keepReports: 0, shardSize: 250 };

  it('makes the services that it cannot reach unknown, not unhealthy', async () => {
    const { probe, down } = activitiesOf(
      [...remote, service('local')],
      { isReachable: async () => false },
      { heartbeat },
    );
    for (const name of ['a', 'b', 'c', 'local']) down.add(name);
    const report = await probe();
    expect(report).toMatchObject({ isolated: true, unknown: 3, unhealthy: 1 });
    expect(report.isolatedReason).toContain('gate.example:443');
    expect(report.results.find(({ name }) => name === 'local')?.verdict).toBe('unhealthy');
  });

  it('is not, when the reference answers, when one service answers, or when no reference is named', async () => {
    const reached = activitiesOf(remote, {}, { heartbeat });
    const unnamed = activitiesOf(remote, { isReachable: async () => false });
    const partly = activitiesOf(remote, { isReachable: async () => false }, { heartbeat });
    for (const { down } of [reached, unnamed]) for (const name of ['a', 'b', 'c']) down.add(name);
    for (const name of ['a', 'b']) partly.down.add(name);
    for (const { probe } of [reached, unnamed, partly])
      expect(await probe()).toMatchObject({ isolated: false, unknown: 0 });
  });
});

describe('loading a shard', () => {
  const trackOf = (letters: string): ServiceTrack => {
    const shard = createShard({ services: { api: {} } });
    play(shard, 'api', letters);
    return shard.memory.tracks['api']!;
  };
  const load = async (tracked: string[], recorded: Record<string, Partial<ServiceTrack>>, shard = 0) => {
    const services = Array.from({ length: 4 }, (_, index) => service(`s-${index}`));
    const { activities } = activitiesOf(
      services,
      { readTracks: async () => new Map(Object.entries(recorded)) },
      { heartbeat: { reference: null, keepReports: 0, shardSize: 2 } },
    );
    return activities.loadShard({ environment, shard, revision: 1, loopId: 'heartbeat:shop:0', tracked });
  };

  it('brings what is remembered of its own services, and the episodes of those that are forgotten', async () => {
    const all = Object.fromEntries([0, 1, 2, 3].map((index) => [`s-${index}`, trackOf('bb')]));
    const [first, second] = [await load([], all, 0), await load([], all, 1)];
    expect([...Object.keys(first.tracks), ...Object.keys(second.tracks)].sort()).toEqual(Object.keys(all));
    const episodes = { episodes: { unhealthy: 3 } };
    const forgotten = await load([], { 's-0': episodes, 's-1': episodes, 's-2': episodes, 's-3': episodes });
    expect(forgotten.tracks).toEqual({});
    expect(Object.values(forgotten.episodes)).toEqual([{ unhealthy: 3 }, { unhealthy: 3 }]);
  });

  it('tells what belongs to another shard now, and what is nowhere any more', async () => {
    const [own, other] = [await load([], {}, 0), await load(['s-0', 's-1', 's-2', 's-3', 'gone'], {}, 0)];
    expect(own).toMatchObject({ moved: [], gone: [] });
    expect(other.moved).toHaveLength(2);
    expect(other.gone).toEqual(['gone']);
  });

  it('gives what a shard that is no more left open to shard 0, which lets go of it', async () => {
    const recorded = { removed: trackOf('bb') };
    expect(await load([], recorded, 0)).toMatchObject({
      gone: ['removed'],
      tracks: { removed: { state: 'unhealthy' } },
    });
    expect(await load([], recorded, 1)).toMatchObject({ tracks: {} });
  });
});

describe('the dead man', () => {
  const heartbeat = { deadMan: 'http://hc.example/x', reference: null, keepReports: 0, shardSize: 250 };

  it('is asked when a tick of shard 0 is done, and not when the tick failed or had nothing to check', async () => {
    const pinged: string[] = [];
    let isWritable = true;
    const { probe } = activitiesOf(
      [service('a')],
      {
        pingDeadMan: (url) => void pinged.push(url),
        journal: {
          write: () =>
            isWritable ? Promise.resolve('stored') : Promise.reject(new Error('the disk is full')),
          close: async () => undefined,
        },
      },
      { heartbeat },
    );
    await probe();
    expect(pinged).toEqual(['http://hc.example/x']);
    await probe({ dueMs: [] });
    await probe({ shard: 1 });
    isWritable = false;
    await expect(probe()).rejects.toThrow('the disk is full');
    expect(pinged).toHaveLength(1);
  });
});
