/** Which shard a service is in, and all that it depends on. */
import { describe, expect, it } from 'vitest';
import { planShards } from '../../src/activities/shard-plan.js';
import { configuration, service } from '../support/configurations.js';

const planOf = (dependsOn: Record<string, string[]>) =>
  planShards(
    configuration(
      'shop',
      Object.entries(dependsOn).map(([name, names]) => service(name, { dependsOn: names })),
    ),
  );

const stepsOf = (dependsOn: Record<string, string[]>, name: string): string[] =>
  planOf(dependsOn)
    .dependenciesOf(name)
    .map((step) => `${step.name} ${step.depth}`);

describe('the dependencies of a service', () => {
  it('are all of them, nearest first, each once at its shortest distance', () => {
    const stack = { web: ['api', 'cache'], api: ['db', 'cache'], cache: ['disk'], db: ['disk'], disk: [] };
    expect(stepsOf(stack, 'web')).toEqual(['api 1', 'cache 1', 'db 2', 'disk 2']);
    expect(stepsOf(stack, 'disk')).toEqual([]);
  });

  it('end, also when they go round in a circle, and never name the service itself', () => {
    expect(stepsOf({ a: ['b'], b: ['c'], c: ['a'] }, 'a')).toEqual(['b 1', 'c 2']);
    expect(stepsOf({ a: ['a'] }, 'a')).toEqual([]);
  });

  it('are none of a service that is not configured', () => {
    expect(stepsOf({ a: [] }, 'nobody')).toEqual([]);
  });
});

describe('the shards of a configuration', () => {
  it('hold each service once, and no other', () => {
    const services = Array.from({ length: 10 }, (_, index) => service(`s-${index}`));
    const plan = planShards(
      configuration('shop', services, { heartbeat: { reference: null, keepReports: 1, shardSize: 4 } }),
    );
    const members = [0, 1, 2].flatMap((shard) =>
      plan.servicesOf(shard).map(({ name }) => {
        expect(plan.shardOf(name)).toBe(shard);
        return name;
      }),
    );
    expect(members.sort()).toEqual(services.map(({ name }) => name).sort());
    expect([plan.shardOf('nobody'), plan.servicesOf(3)]).toEqual([undefined, []]);
  });
});
