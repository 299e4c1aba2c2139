// The plan of `apply`: what is started, told, stopped, and what is left alone.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasChanges, planApply, wantedLoops, type RunningLoop } from '../../src/domain/apply-plan.js';
import { canonicalJson } from '../../src/domain/canonical-json.js';
import { configuration, service } from '../support/configurations.js';

const runningAfter = (plan: ReturnType<typeof planApply>): RunningLoop[] =>
  plan.loops
    .filter(({ action }) => action !== 'stop')
    .map(({ id, loop }) => ({ id, loop, revision: plan.revision }));

const actionsOf = (plan: ReturnType<typeof planApply>): string[] =>
  plan.loops.map(({ action, id }) => `${action} ${id}`);

const noJobs = { schedules: [], now: 0 };

describe('planApply', () => {
  it('starts the router before the heartbeats on the first apply', () => {
    const wanted = configuration('shop', [service('api'), service('db')]);
    const plan = planApply({ ...noJobs, configuration: wanted, latest: null, running: [] });
    expect(plan).toMatchObject({ revision: 1, isNewRevision: true });
    expect(plan.services).toEqual({ added: ['api', 'db'], changed: [], removed: [] });
    expect(actionsOf(plan)).toEqual([
      'create alertRouter:shop',
      'create heartbeat:shop:0',
      'create external:shop',
      'create runWatch:shop',
    ]);
  });

  it('does nothing the second time', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 10 }),
        (names, shardSize) => {
          const wanted = configuration(
            'shop',
            names.map((name) => service(name)),
            { heartbeat: { reference: null, keepReports: 1, shardSize } },
          );
          const first = planApply({ ...noJobs, configuration: wanted, latest: null, running: [] });
          const latest = { revision: first.revision, configuration: wanted };
          const second = planApply({
            ...noJobs,
            configuration: wanted,
            latest,
            running: runningAfter(first),
          });
          expect(hasChanges(second)).toBe(false);
          expect(second.revision).toBe(first.revision);
        },
      ),
    );
  });

  it('tells every loop of a new revision and names what changed in it', () => {
    const before = configuration('shop', [service('api'), service('db'), service('old')]);
    const after = configuration('shop', [service('api'), service('db', { everyMs: 5_000 }), service('new')]);
    const running = wantedLoops(before, 3).map(({ id, loop }) => ({ id, loop, revision: 3 }));
    const plan = planApply({
      ...noJobs,
      configuration: after,
      latest: { revision: 3, configuration: before },
      running,
    });
    expect(plan.revision).toBe(4);
    expect(plan.services).toEqual({ added: ['new'], changed: ['db'], removed: ['old'] });
    expect(actionsOf(plan)).toEqual([
      'update alertRouter:shop',
      'update heartbeat:shop:0',
      'update external:shop',
      'update runWatch:shop',
    ]);
  });

  it('stops shards that are needed no more', () => {
    const heartbeat = { reference: null, keepReports: 1, shardSize: 1 };
    const before = configuration('shop', [service('api'), service('db')], { heartbeat });
    const after = configuration('shop', [service('api')], { heartbeat });
    const running = wantedLoops(before, 1).map(({ id, loop }) => ({ id, loop, revision: 1 }));
    const plan = planApply({
      ...noJobs,
      configuration: after,
      latest: { revision: 1, configuration: before },
      running,
    });
    expect(actionsOf(plan)).toEqual([
      'update alertRouter:shop',
      'update heartbeat:shop:0',
      'update external:shop',
      'update runWatch:shop',
      'stop heartbeat:shop:1',
    ]);
  });

  it('starts again what somebody stopped, without a new revision', () => {
    const wanted = configuration('shop', [service('api')]);
    const running = [{ id: 'alertRouter:shop', loop: 'alertRouter', revision: 2 }];
    const plan = planApply({
      ...noJobs,
      configuration: wanted,
      latest: { revision: 2, configuration: wanted },
      running,
    });
    expect(plan).toMatchObject({ revision: 2, isNewRevision: false });
    expect(actionsOf(plan)).toEqual([
      'unchanged alertRouter:shop',
      'create heartbeat:shop:0',
      'create external:shop',
      'create runWatch:shop',
    ]);
  });

  it('tells a loop again that an apply cut short did not reach', () => {
    const wanted = configuration('shop', [service('api')]);
    const running = wantedLoops(wanted, 2).map(({ id, loop }, index) => ({ id, loop, revision: index + 1 }));
    const plan = planApply({
      ...noJobs,
      configuration: wanted,
      latest: { revision: 2, configuration: wanted },
      running,
    });
    expect(actionsOf(plan)).toEqual([
      'update alertRouter:shop',
      'unchanged heartbeat:shop:0',
      'update external:shop',
      'update runWatch:shop',
    ]);
  });
});

describe('wantedLoops', () => {
  it('gives each shard its services and their intervals, ascending', () => {
    const services = [service('a', { everyMs: 60_000 }), service('b', { everyMs: 5_000 }), service('c')];
    const [router, shard] = wantedLoops(configuration('shop', services), 7);
    expect(router?.settings).toEqual({ environment: 'shop', revision: 7, channels: ['console'] });
    expect(shard?.settings).toEqual({
      environment: 'shop',
      shard: 0,
      revision: 7,
      intervalsMs: [5_000, 30_000, 60_000],
      services: 3,
    });
  });
});

describe('canonicalJson', () => {
  it('is the same whatever the order of the keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const shuffled = JSON.parse(JSON.stringify(value), (_key, part: unknown) =>
          typeof part === 'object' && part !== null && !Array.isArray(part)
            ? Object.fromEntries(Object.entries(part).reverse())
            : part,
        ) as unknown;
        expect(canonicalJson(shuffled)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
