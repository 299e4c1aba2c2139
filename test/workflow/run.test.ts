// One run that is over: archived, recorded, told once; tried again while it cannot be archived; cancelled; over again.
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunStatus } from '../../src/domain/run-case.js';
import type { LoopLimits } from '../../src/workflows/loop-limits.js';
import { eventually } from '../support/eventually.js';
import { anArchive, archived, completeTask, createFakeRuns } from '../support/fake-run-activities.js';
import {
  askLoop,
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const [second, minute] = [1000, 60_000];
const full = { kind: 'failed', reason: 'noSpace', detail: 'the disk is full' } as const;
const changed = { kind: 'failed', reason: 'changed', detail: 'a.log changed' } as const;

describe.skipIf(timeSkippingServer === undefined)('run', () => {
  const fake = createFakeRuns();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({
      server: 'timeSkipping',
      activities: fake.activities,
      archives: fake.archives,
    });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  async function startRun(limits?: LoopLimits): Promise<WorkflowHandle> {
    const environment = server.newEnvironmentName();
    const workflowId = `run:${environment}:r-1`;
    await server.start('run', { environment, run: 'r-1', ...(limits && { limits }) }, { workflowId });
    return server.client.workflow.getHandle(workflowId);
  }
  const state = (handle: WorkflowHandle): Promise<RunStatus> => askLoop<RunStatus>(handle, 'state');

  it('is archived before it is recorded, and recorded before its directory goes and anybody hears of it', async () => {
    const handle = await startRun();
    await handle.result();
    expect(fake.tries).toEqual([
      expect.objectContaining({ run: 'r-1', completion: 1, workDirectory: '/srv/work/r-1', isAnew: false }),
    ]);
    const told = { completion: 1, archive: anArchive, archiveState: 'done', problem: null };
    expect(fake.records).toEqual([expect.objectContaining(told)]);
    expect(fake.settled).toEqual([expect.objectContaining(told)]);
    expect(fake.troubles).toEqual([]);
    const { events } = await handle.fetchHistory();
    const steps = (events ?? []).flatMap((event) => [
      event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
      event.markerRecordedEventAttributes?.details?.['data'] === undefined ? [] : 'local',
    ]);
    expect(steps.flat()).toEqual(['local', 'archiveRun', 'local', 'removeRunDirectory', 'local']);
  });

  it('without a work directory is reported all the same', async () => {
    fake.results = [{ kind: 'noDirectory' }];
    await (await startRun()).result();
    expect(fake.records).toEqual([]);
    expect(fake.settled).toEqual([
      expect.objectContaining({ archive: null, archiveState: 'none', problem: null }),
    ]);
  });

  it('says why its directory stays, and that something was left out', async () => {
    fake.kept = 'its work directory stays: it is a mount point';
    await (await startRun()).result();
    expect(fake.settled[0]?.problem).toBe('its work directory stays: it is a mount point');
    fake.reset();
    fake.results = [archived(2)];
    await (await startRun()).result();
    expect(fake.settled[0]?.problem).toContain('2 links, sockets and devices were left out');
  });

  it('does nothing for a run that is not over, or that another opsloop has', async () => {
    fake.task = { kind: 'nothing', detail: 'it is not over' };
    await (await startRun()).result();
    fake.task = { ...completeTask, isDone: true };
    await (await startRun()).result();
    expect(fake.tries).toEqual([]);
    expect(fake.settled).toEqual([]);
  });

  it('is told when it cannot be archived, and archived later: one report of each, one incident that ends', async () => {
    fake.results = [full, full, full, archived()];
    const handle = await startRun();
    await eventually('the first try', () => fake.troubles.length === 1);
    expect(fake.settled).toEqual([
      expect.objectContaining({ archive: null, archiveState: 'pending', problem: 'the disk is full' }),
    ]);
    expect(fake.troubles[0]).toMatchObject({ detail: 'the disk is full', sequence: 1001 });
    await server.sleep(10 * second + 30 * second + minute);
    await handle.result();
    expect(fake.tries).toHaveLength(4);
    expect(fake.settled.slice(1)).toEqual([
      expect.objectContaining({ archive: anArchive, archiveState: 'done' }),
    ]);
    expect(fake.troubles.slice(1)).toEqual([expect.objectContaining({ detail: null, sequence: 1002 })]);
  });

  it('whose directory still changes is tried again twice before anybody hears of it', async () => {
    fake.results = [changed, changed, archived()];
    const handle = await startRun();
    await server.sleep(41 * second);
    await handle.result();
    expect(fake.troubles).toEqual([]);
    expect(fake.settled).toHaveLength(1);
    fake.reset();
    fake.results = [changed];
    await startRun();
    await server.sleep(41 * second);
    await eventually('the incident', () => fake.troubles.length === 1);
    expect(fake.tries).toHaveLength(3);
  });

  it('is tried at once when somebody asks, and made anew', async () => {
    fake.results = [full, archived()];
    const handle = await startRun();
    await eventually('the first try', () => fake.troubles.length === 1);
    await eventually('that it waits', async () => (await state(handle)).phase === 'retrying');
    expect(await handle.executeUpdate('archive', { args: [{ by: 'alice' }] })).toMatchObject({ run: 'r-1' });
    await handle.result();
    expect(fake.tries.map(({ isAnew }) => isAnew)).toEqual([false, true]);
  });

  it('refuses a request with a wrong field, and names it', async () => {
    fake.results = [full];
    const handle = await startRun();
    await eventually('the first try', () => fake.troubles.length === 1);
    const refused = await handle.executeUpdate('archive', { args: [{ by: 7 }] }).then(
      () => '',
      (error: Error) => String((error.cause as Error).message),
    );
    expect(refused).toContain('field "by" is the number 7');
    await handle.signal('archive', { by: ['x'] });
    await handle.signal('complete', { completion: 'two' });
    expect(await state(handle)).toMatchObject({ phase: 'retrying', failures: 1 });
  });

  it('is given up by stop: reported without an archive, its incident over', async () => {
    fake.results = [full];
    const handle = await startRun();
    await eventually('the first try', () => fake.troubles.length === 1);
    await handle.signal('stop', { by: 'alice' });
    await handle.result();
    expect(fake.settled.at(-1)).toMatchObject({
      archiveState: 'cancelled',
      problem: 'alice gave up its archive',
    });
    expect(fake.troubles.at(-1)).toMatchObject({ detail: null });
  });

  it('waits until a cancelled archive has tidied up, and is reported without', async () => {
    fake.results = ['hang'];
    const handle = await startRun();
    await eventually('the try', () => fake.tries.length === 1);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow('Workflow execution cancelled');
    expect(fake.cancelled).toBe(1);
    expect(fake.settled).toEqual([
      expect.objectContaining({
        archive: null,
        archiveState: 'cancelled',
        problem: 'somebody cancelled its archive',
      }),
    ]);
  });

  it('that ends anew while it waits starts over with the new completion', async () => {
    fake.results = [full];
    const handle = await startRun();
    await eventually('the first try', () => fake.troubles.length === 1);
    fake.results = [archived()];
    fake.task = { ...completeTask, completion: 2 };
    await handle.signal('complete', { completion: 2 });
    await handle.result();
    expect(fake.tries.map(({ completion }) => completion)).toEqual([1, 2]);
    expect(fake.troubles.at(-1)).toMatchObject({ completion: 2, detail: null });
  });

  it('insists on what has to be recorded while the database is away', async () => {
    fake.failures = 5;
    const handle = await startRun();
    await server.sleep(minute);
    await handle.result();
    expect(fake.records).toHaveLength(1);
    expect(fake.settled).toHaveLength(1);
  });

  it('keeps its history short however long it cannot be archived', async () => {
    fake.results = [full];
    const handle = await startRun({ historyEvents: 60 });
    await eventually('the first try', () => fake.troubles.length === 1);
    await server.sleep(24 * 60 * minute);
    expect(fake.tries.length).toBeGreaterThan(45);
    expect(fake.troubles).toHaveLength(1);
    expect(fake.settled).toHaveLength(1);
    const current = server.client.workflow.getHandle(handle.workflowId);
    expect((await current.fetchHistory()).events?.length).toBeLessThan(100);
  });
});
