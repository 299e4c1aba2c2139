// What fails around the heartbeat: its records, its configuration, its chores; none of it may stop the ticks.
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { createFakeHeartbeat, nothingKnown } from '../support/fake-heartbeat-activities.js';
import { startHeartbeat } from '../support/heartbeat-loops.js';
import {
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const [second, minute] = [1000, 60_000];
/** Added to sleeps, so that they end between two ticks: that server refuses to cancel a timer which is just firing. */
const half = 30_000;
/** Retries of local activities take real time: this failure is as after the last of them. */
const refusal = (): never => {
  throw ApplicationFailure.nonRetryable('the database refuses it', 'unavailable');
};

describe.skipIf(timeSkippingServer === undefined)('heartbeat under faults', () => {
  const fake = createFakeHeartbeat();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({ server: 'timeSkipping', activities: fake.activities });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  const failing = (names: string[]): void => {
    fake.before = (activity) => (names.includes(activity) ? refusal() : undefined);
  };

  it('goes on ticking, and tells incidents, while states cannot be recorded; records them later', async () => {
    fake.services.set('api', { verdict: 'unhealthy' });
    failing(['recordChanges']);
    const loop = await startHeartbeat(server);
    await server.sleep(5 * minute + half);
    await loop.reached(3);
    expect(fake.reports.map(({ kind }) => kind)).toEqual(['open']);
    expect(fake.changes).toEqual([]);
    failing([]);
    await server.sleep(3 * minute + half);
    const recorded = fake.changes.flatMap(({ changes }) => changes);
    expect(recorded.map(({ name, to }) => `${name} ${to}`)).toEqual(['api unhealthy']);
  });

  it('goes on ticking after a pause that could not be recorded', async () => {
    failing(['recordLoop']);
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    await loop.update('pause', { by: 'alice' });
    await loop.update('resume', { by: 'alice' });
    await server.sleep(5 * minute + half);
    expect((await loop.reached(3)).state).toBe('running');
  });

  it('keeps to its configuration while a new one cannot be read, and takes it as soon as it can', async () => {
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    failing(['loadShard']);
    await loop.handle.signal('configure', { ...loop.settings, revision: 2, intervalsMs: [20 * second] });
    await server.sleep(5 * minute + half);
    const state = await loop.reached(5);
    expect(state).toMatchObject({ revision: 1, everyMs: minute, state: 'running' });
    failing([]);
    await server.sleep(2 * minute + half);
    expect(await loop.state()).toMatchObject({ revision: 2, everyMs: 20 * second });
  });

  it('forgets a configuration that cannot be read when a newer one comes', async () => {
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    fake.loaded = ({ revision }) => (revision === 999 ? refusal() : nothingKnown);
    await loop.handle.signal('configure', { ...loop.settings, revision: 999 });
    await server.sleep(minute + half);
    await loop.handle.signal('configure', { ...loop.settings, revision: 3 });
    await eventually('revision 3', async () => (await loop.state()).revision === 3);
  });

  it('can be stopped while its first configuration cannot be read', async () => {
    failing(['loadShard']);
    const loop = await startHeartbeat(server);
    await loop.update('stop', { by: 'alice' });
    await server.sleep(minute + half);
    await expect(loop.handle.result()).resolves.toBeUndefined();
  });

  it('does not wait for old samples to be removed', async () => {
    fake.before = (activity) => (activity === 'pruneHeartbeat' ? refusal() : undefined);
    const loop = await startHeartbeat(server, { shard: 0 });
    await server.sleep(3 * minute + second);
    expect(await loop.reached(4)).toMatchObject({ missed: 0 });
    fake.before = () => undefined;
    await server.sleep(61 * minute + half);
    await eventually('the removal', () => fake.prunes === 1);
  });

  it('goes on after reports that could not be handed over at first', async () => {
    fake.services.set('api', { verdict: 'unhealthy' });
    let attempts = 0;
    fake.before = (activity) => {
      if (activity !== 'reportIncidents') return;
      attempts += 1;
      if (attempts < 4) throw new Error('the incident cannot be reached');
    };
    const loop = await startHeartbeat(server);
    await server.sleep(5 * minute + half);
    await loop.reached(5);
    expect(attempts).toBe(4);
    expect(fake.reports.map(({ kind }) => kind)).toEqual(['open']);
  });

  it('survives continue-as-new with all of its 250 services in trouble', async () => {
    const dependencies = Array.from({ length: 20 }, (_, index) => ({
      ...{ name: `dependency-${index}-of-some-length`, everyMs: minute, depth: 1 },
      ...({ state: 'healthy', verdict: 'healthy', checkedAt: 1 } as const),
    }));
    for (let index = 0; index < 250; index += 1)
      fake.services.set(`service-${index}`, {
        ...{ verdict: 'unhealthy', dependencies, reason: 'x'.repeat(300) },
      } as const);
    const loop = await startHeartbeat(server, { services: 250, limits: { historyEvents: 50 } });
    await server.sleep(10 * minute + half);
    expect((await loop.reached(10)).troubled.length).toBe(250);
    expect((await loop.handle.describe()).historyLength).toBeLessThan(70);
  });

  it.each([
    [undefined],
    ['x'],
    [{}],
    [{ settings: {} }],
    [{ settings: { environment: 'a', intervalsMs: [0] } }],
  ])('refuses to start with %j, and says what it takes', async (input) => {
    const handle = await server.start('heartbeat', input, { workflowId: server.newEnvironmentName() });
    const error = await handle.result().then(
      () => null,
      (failure: unknown) => failure,
    );
    expect(String((error as Error).cause)).toMatch(/apply/);
  });
});
