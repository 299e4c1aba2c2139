/** Which services a deployment works on, by the records in a real PostgreSQL and what Temporal says of the workflows. */
import { describe, expect, it } from 'vitest';
import { createDeployedServices } from '../../src/activities/deployed-services.js';
import {
  beginDeployment,
  readOpenDeployments,
  writeDeployment,
} from '../../src/adapters/postgres/deployment-store.js';
import type { DeploymentRecord } from '../../src/domain/deployment.js';
import { deployedAt, deploymentRecord } from '../support/deployment-records.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const { pool } = useScratchSchema();
let environments = 0;

interface Bench {
  environment: string;
  /** Begins a deployment of the target, or takes it on. */
  write(target: string, changes?: Partial<DeploymentRecord>): Promise<void>;
  read(): Promise<Record<string, string>>;
  /** What Temporal says of workflows, by their id; it is asked for those that the record calls open. */
  running: Map<string, boolean | Error>;
  asked: string[];
  isAway: boolean;
  now: number;
}

function bench(): Bench {
  const environment = `deployed-${(environments += 1)}`;
  let revision = 1;
  const made: Bench = {
    ...{ environment, running: new Map(), asked: [], isAway: false, now: deployedAt },
    write: async (target, changes = {}) => {
      const record = deploymentRecord({
        environment,
        target,
        services: [target],
        phase: 'watch',
        ...changes,
      });
      const number = await beginDeployment(pool(), record);
      revision += 1;
      await writeDeployment(pool(), { ...record, number, revision });
    },
    read: async () => Object.fromEntries(await deployed(environment)),
  };
  const deployed = createDeployedServices({
    readOpenDeployments: async (of) => {
      if (made.isAway) throw new Error('the database is away');
      return readOpenDeployments(pool(), of);
    },
    isRunning: async (id) => {
      made.asked.push(id);
      const answer = made.running.get(id) ?? true;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    now: () => made.now,
  });
  return made;
}

describe('services that are deployed', () => {
  it('are those of deployments that change something now, with their targets', async () => {
    const made = bench();
    await made.write('shop', { phase: 'deploy', services: ['api', 'worker'] });
    await made.write('web', { phase: 'rollBack' });
    await made.write('db', { phase: 'preCheck' });
    await made.write('cache', { phase: 'watch', finishedAt: deployedAt + 1 });
    expect(await made.read()).toEqual({ api: 'shop', worker: 'shop', web: 'web' });
  });

  it('are none any more as soon as the deployment is over', async () => {
    const made = bench();
    await made.write('shop');
    expect(await made.read()).toEqual({ shop: 'shop' });
    await made.write('shop', { finishedAt: deployedAt + 1, state: 'succeeded', phase: 'document' });
    expect(await made.read()).toEqual({});
  });

  it('are not held by a workflow that somebody has terminated', async () => {
    const made = bench();
    await made.write('shop');
    await made.write('web');
    made.running.set(`deployment:${made.environment}:shop`, false);
    expect(await made.read()).toEqual({ web: 'web' });
    expect(made.asked.sort()).toEqual([
      `deployment:${made.environment}:shop`,
      `deployment:${made.environment}:web`,
    ]);
  });

  it('are held when Temporal does not say', async () => {
    const made = bench();
    await made.write('shop');
    made.running.set(`deployment:${made.environment}:shop`, new Error('no answer'));
    expect(await made.read()).toEqual({ shop: 'shop' });
  });

  it('stay known for ten minutes while the database is away, and no longer', async () => {
    const made = bench();
    await made.write('shop');
    expect(await made.read()).toEqual({ shop: 'shop' });
    made.isAway = true;
    made.now += 10 * 60_000 - 1;
    expect(await made.read()).toEqual({ shop: 'shop' });
    made.now += 1;
    expect(await made.read()).toEqual({});
    made.isAway = false;
    expect(await made.read()).toEqual({ shop: 'shop' });
  });

  it('are not held by an old answer when its workflow is gone', async () => {
    const made = bench();
    await made.write('shop');
    await made.read();
    made.isAway = true;
    made.running.set(`deployment:${made.environment}:shop`, false);
    expect(await made.read()).toEqual({});
  });

  it('are none when the database was never there', async () => {
    const made = bench();
    made.isAway = true;
    expect(await made.read()).toEqual({});
  });
});
