// The loop that watches runs: looks at all and at what it hears of, goes on after a failure, is steered, and keeps its history short.
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LoopStatus } from '../../src/domain/loop.js';
import type { LoopLimits } from '../../src/workflows/loop-limits.js';
import { eventually } from '../support/eventually.js';
import { createFakeRuns } from '../support/fake-run-activities.js';
import {
  askLoop,
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const [second, minute] = [1000, 60_000];

describe.skipIf(timeSkippingServer === undefined)('runWatch', () => {
  const fake = createFakeRuns();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({ server: 'timeSkipping', activities: fake.activities });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  async function startWatch(limits?: LoopLimits): Promise<{ handle: WorkflowHandle; environment: string }> {
    const environment = server.newEnvironmentName();
    const workflowId = `runWatch:${environment}`;
    const settings = { environment, revision: 1 };
    await server.start('runWatch', { settings, ...(limits && { limits }) }, { workflowId });
    await eventually('its first look', () => fake.looks.length > 0);
    return { handle: server.client.workflow.getHandle(workflowId), environment };
  }
  const state = (handle: WorkflowHandle): Promise<LoopStatus> => askLoop<LoopStatus>(handle, 'state');

  it('looks at all first, then at what it hears of, and at all again as often as the look asks', async () => {
    const { handle } = await startWatch();
    expect(fake.looks[0]).toMatchObject({ runs: null, revision: 1, loopId: handle.workflowId });
    await handle.signal('wake', { runs: ['a', 'b'] });
    await eventually('the look', () => fake.looks.some(({ runs }) => runs?.join() === 'a,b'));
    await server.sleep(31 * second);
    const polls = fake.looks.slice(1).filter(({ runs }) => runs?.length === 0);
    expect(polls.length).toBeGreaterThanOrEqual(3);
    expect(fake.looks.filter(({ loopId }) => loopId !== null)).toHaveLength(1);
  });

  it('looks again at once while there is more', async () => {
    fake.look = { hasMore: true, nextInMs: 10_000, found: 50, problem: null };
    const { handle } = await startWatch();
    await eventually('the second look', () => fake.looks.length >= 2);
    expect(await state(handle)).toMatchObject({ loop: 'runWatch', state: 'running' });
  });

  it('looks at all when it hears of too much, or of nothing in particular', async () => {
    const { handle } = await startWatch();
    await handle.signal('wake', { runs: null });
    await eventually('a look at all', () => fake.looks.slice(1).some(({ runs }) => runs === null));
    const before = fake.looks.length;
    await handle.signal('wake', { runs: Array.from({ length: 1001 }, (_none, index) => `r${index}`) });
    await eventually('a look at all', () => fake.looks.slice(before).some(({ runs }) => runs === null));
  });

  it('looks at all after a look that failed', async () => {
    fake.lookFailure = ApplicationFailure.nonRetryable('the database is away');
    const { handle } = await startWatch();
    await handle.signal('wake', { runs: ['a'] });
    await server.sleep(minute);
    const failed = fake.looks.length;
    expect(failed).toBeGreaterThan(5);
    fake.lookFailure = null;
    await server.sleep(6 * second);
    expect(fake.looks[failed]).toMatchObject({ runs: null });
  });

  it('looks at nothing while it is paused, at all when triggered, and goes on when resumed', async () => {
    const { handle } = await startWatch();
    await handle.executeUpdate('pause', { args: [{ by: 'alice' }] });
    const looks = fake.looks.length;
    await handle.signal('wake', { runs: ['a'] });
    await server.sleep(5 * minute);
    expect(fake.looks).toHaveLength(looks);
    await handle.executeUpdate('trigger', { args: [{}] });
    expect(fake.looks.slice(looks)).toEqual([expect.objectContaining({ runs: null })]);
    await handle.executeUpdate('resume', { args: [{}] });
    await eventually('the next look', () => fake.looks.length > looks + 1);
    await handle.executeUpdate('stop', { args: [{ by: 'alice' }] });
    await handle.result();
    expect(fake.loops.at(-1)).toMatchObject({ state: 'stopped', note: 'stopped by alice' });
  });

  it('keeps its history short, its count and its settings across runs', async () => {
    fake.counts = { count: 40, missed: 0 };
    const { handle, environment } = await startWatch({ historyEvents: 40 });
    await handle.signal('configure', { environment, revision: 2 });
    await eventually('the new revision', () => fake.looks.at(-1)?.revision === 2);
    await server.sleep(20 * minute);
    expect((await handle.fetchHistory()).events?.length).toBeLessThan(80);
    expect((await state(handle)).count).toBeGreaterThan(150);
    expect(fake.looks.at(-1)?.revision).toBe(2);
    expect(fake.looks.filter(({ loopId }) => loopId !== null)).toHaveLength(1);
  });

  it('refuses settings that are none, and ignores those of another environment', async () => {
    const { handle } = await startWatch();
    await handle.signal('configure', { environment: 'other', revision: 9 });
    await handle.signal('configure', 'garbage');
    await handle.signal('wake', 'garbage');
    await eventually('a look at all', () => fake.looks.slice(1).some(({ runs }) => runs === null));
    expect(fake.looks.at(-1)?.revision).toBe(1);
    const bad = await server.start('runWatch', {}, { workflowId: `runWatch:${server.newEnvironmentName()}` });
    await expect(bad.result()).rejects.toThrow();
  });
});
