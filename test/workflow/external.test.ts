// The loop for alerts from outside: wakes, tells in batches, waits, is steered, and keeps its history short.
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LoopStatus } from '../../src/domain/loop.js';
import type { LoopLimits } from '../../src/workflows/loop-limits.js';
import { eventually } from '../support/eventually.js';
import { createFakeExternal } from '../support/fake-external-activities.js';
import {
  askLoop,
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const [second, minute] = [1000, 60_000];

describe.skipIf(timeSkippingServer === undefined)('external', () => {
  const fake = createFakeExternal();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({ server: 'timeSkipping', activities: fake.activities });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  async function startExternal(
    limits?: LoopLimits,
  ): Promise<{ handle: WorkflowHandle; environment: string }> {
    const environment = server.newEnvironmentName();
    const workflowId = `external:${environment}`;
    const settings = { environment, revision: 1 };
    await server.start('external', { settings, ...(limits && { limits }) }, { workflowId });
    await eventually('its first look', () => fake.looks.length > 0);
    return { handle: server.client.workflow.getHandle(workflowId), environment };
  }
  const state = (handle: WorkflowHandle): Promise<LoopStatus> => askLoop<LoopStatus>(handle, 'state');
  const allTold = (total: number): Promise<unknown> =>
    eventually(`${total} incidents told`, () => fake.told.reduce((sum, told) => sum + told, 0) >= total);

  it('tells what waits as soon as it is woken, batch after batch', async () => {
    const { handle } = await startExternal();
    fake.waiting = 120;
    await handle.signal('wake');
    await handle.signal('wake');
    await allTold(120);
    expect(fake.told).toEqual([50, 50, 20]);
    expect(await state(handle)).toMatchObject({
      state: 'running',
      loop: 'external',
      count: 3,
      everyMs: null,
    });
    await eventually('its row', () => fake.recorded.at(-1)?.count === 3);
  });

  it('finds by itself what nobody woke it for, and writes nothing while nothing changes', async () => {
    await startExternal();
    await eventually('its first row', () => fake.recorded.length === 1);
    await server.sleep(10 * minute);
    expect(fake.looks.length).toBeGreaterThanOrEqual(20);
    expect(fake.looks.length).toBeLessThanOrEqual(22);
    expect(fake.recorded).toHaveLength(1);
    fake.waiting = 1;
    await server.sleep(31 * second);
    await allTold(1);
  });

  it('looks when the next alert runs out', async () => {
    fake.nextInMs = 2 * second;
    await startExternal();
    await server.sleep(21 * second);
    expect(fake.looks.length).toBeGreaterThanOrEqual(9);
    expect(fake.looks.length).toBeLessThanOrEqual(12);
  });

  it('tells nothing while it is paused, all of it when triggered, and goes on when resumed', async () => {
    const { handle } = await startExternal();
    await handle.executeUpdate('pause', { args: [{ by: 'alice', note: 'calm' }] });
    const looks = fake.looks.length;
    fake.waiting = 70;
    await handle.signal('wake');
    await server.sleep(5 * minute);
    expect(fake.looks).toHaveLength(looks);
    expect(await handle.executeUpdate('trigger', { args: [{}] })).toMatchObject({
      state: 'paused',
      pausedBy: 'alice',
    });
    expect(fake.told).toEqual([50, 20]);
    fake.waiting = 1;
    await handle.executeUpdate('resume', { args: [{}] });
    await allTold(71);
    await handle.executeUpdate('stop', { args: [{ by: 'alice' }] });
    await handle.result();
    expect(fake.recorded.at(-1)).toMatchObject({ state: 'stopped', note: 'stopped by alice' });
  });

  it('keeps its history short, its count and its settings across runs and lives', async () => {
    fake.counts = { count: 40, missed: 0 };
    const { handle, environment } = await startExternal({ historyEvents: 40 });
    await handle.signal('configure', { environment, revision: 2 });
    fake.waiting = 1000;
    await handle.signal('wake');
    await allTold(1000);
    expect(fake.told).toHaveLength(20);
    const history = await handle.fetchHistory();
    expect(history.events?.length).toBeLessThan(80);
    expect(await state(handle)).toMatchObject({ count: 60 });
    await eventually('the new revision', () => fake.looks.at(-1)?.revision === 2);
    expect(fake.looks.filter(({ loopId }) => loopId !== null)).toHaveLength(1);
    expect(fake.looks.filter(({ isPruning }) => isPruning)).toHaveLength(1);
  });

  it('continues as new after many signals, and forgets no wake-up', async () => {
    const { handle } = await startExternal({ signals: 10 });
    for (let index = 0; index < 25; index += 1) {
      fake.waiting += 1;
      await handle.signal('wake');
    }
    await allTold(25);
  });

  it('goes on after a time in which nothing could be read', async () => {
    const { handle } = await startExternal();
    fake.failure = new Error('the database is away');
    await handle.signal('wake');
    await server.sleep(2 * minute);
    fake.failure = null;
    fake.waiting = 3;
    await server.sleep(minute);
    await allTold(3);
    expect(await state(handle)).toMatchObject({ state: 'running' });
  });

  it('lets nothing run out for two minutes after a time in which nobody could repeat anything', async () => {
    const { handle } = await startExternal();
    fake.failure = new Error('the database is away');
    await handle.signal('wake');
    await server.sleep(2 * minute);
    fake.failure = null;
    const before = fake.looks.length;
    await server.sleep(5 * minute);
    const answered = fake.looks.slice(before).map(({ isPatient }) => isPatient);
    expect(fake.looks.slice(0, 1).map(({ isPatient }) => isPatient)).toEqual([false]);
    const patient = answered.filter((isPatient) => isPatient).length;
    expect(patient).toBeGreaterThanOrEqual(3);
    expect(answered.slice(0, patient).every((isPatient) => isPatient)).toBe(true);
    expect(answered.slice(patient).every((isPatient) => !isPatient)).toBe(true);
    expect(answered.length - patient).toBeGreaterThanOrEqual(4);
  });

  it('refuses settings that are none, and ignores wrong ones later', async () => {
    const workflowId = `external:${server.newEnvironmentName()}`;
    const wrong = await server.start('external', { settings: { environment: 7 } }, { workflowId });
    await expect(wrong.result()).rejects.toThrow();
    const { handle } = await startExternal();
    await handle.signal('configure', { environment: 'another', revision: 9 });
    await handle.signal('configure', 'nonsense');
    fake.waiting = 1;
    await handle.signal('wake');
    await allTold(1);
    expect(fake.looks.at(-1)?.revision).toBe(1);
  });
});
