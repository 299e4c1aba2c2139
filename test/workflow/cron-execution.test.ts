/** One slot of a job: it waits for its turn, is run, tried again, ended, and told about once. */
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SlotStatus } from '../../src/workflows/cron-memory.js';
import { eventually } from '../support/eventually.js';
import { createFakeCron, go } from '../support/fake-cron-activities.js';
import {
  askLoop,
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const slot = Date.parse('2026-11-25T02:00:00Z');

describe.skipIf(timeSkippingServer === undefined)('cronExecution', () => {
  const fake = createFakeCron();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({
      server: 'timeSkipping',
      activities: fake.shared,
      host: fake.host,
    });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  const start = async (more: object = {}): Promise<WorkflowHandle> => {
    const environment = server.newEnvironmentName();
    const workflowId = `cron:${environment}:export-2026-11-25T02:00:00Z`;
    return server.start(
      'cronExecution',
      { environment, job: 'export', scheduledAt: slot, ...more },
      { workflowId },
    );
  };
  const state = (handle: WorkflowHandle): Promise<SlotStatus> => askLoop<SlotStatus>(handle, 'state');
  const hasBegun = (): Promise<unknown> => eventually('its run', () => fake.runs.length > 0);

  it('runs its slot, and tells how it went', async () => {
    const handle = await start();
    expect(await handle.result()).toEqual({ verdict: 'ok', reason: null, attempts: 1 });
    expect(fake.claims).toMatchObject([
      { job: 'export', scheduledAt: slot, attempt: 1, trigger: 'schedule', workflowId: handle.workflowId },
    ]);
    expect(fake.runs).toMatchObject([{ job: 'export', attempt: 1, revision: 1, limitMs: 60_000 }]);
    expect(fake.steps).toEqual(['settle 1 finally']);
    const { events } = await handle.fetchHistory();
    expect(events?.length).toBeLessThan(25);
  });

  it('tries again after its time, as a retry, and tells the end only', async () => {
    fake.ends = [
      { verdict: 'failed', reason: 'exit code 7', retryAfterMs: 300_000 },
      { verdict: 'ok', reason: null, retryAfterMs: null },
    ];
    const begunAt = await server.now();
    await (await start()).result();
    expect((await server.now()) - begunAt).toBeGreaterThanOrEqual(300_000);
    expect(fake.claims.map(({ attempt, trigger }) => `${attempt} ${trigger}`)).toEqual([
      '1 schedule',
      '2 retry',
    ]);
    expect(fake.steps).toEqual(['settle 1', 'settle 2 finally']);
  });

  it('waits for its turn until it is told, or looks again by itself', async () => {
    const wait = { kind: 'wait', reason: 'waits for the run of …', againInMs: 30_000 } as const;
    fake.answers = [wait, wait, go()];
    await (await start()).result();
    expect(fake.claims).toHaveLength(3);
    fake.reset();
    fake.answers = [{ ...wait, againInMs: 86_400_000 }, go()];
    const handle = await start();
    await eventually('its first claim', () => fake.claims.length === 1);
    expect(await state(handle)).toMatchObject({ verdict: 'waiting', waitsFor: 'waits for the run of …' });
    await handle.signal('goOn');
    await handle.result();
    expect(fake.runs).toHaveLength(1);
  });

  it('runs nothing when it is settled already', async () => {
    fake.answers = [{ kind: 'settled', verdict: 'missed', reason: 'opsloop was down' }];
    await (await start()).result();
    expect(fake.runs).toEqual([]);
    expect(fake.steps).toEqual(['settle 1 finally']);
  });

  it('is ended by a person or by a newer slot: why is on record first, and nothing follows', async () => {
    fake.ends = ['hang'];
    const handle = await start();
    await hasBegun();
    await handle.signal('stop', { by: 'alice' });
    await handle.result();
    expect(fake.steps).toEqual(['note cancelled by alice', 'ended', 'settle 1 finally']);
    fake.reset();
    fake.ends = ['hang'];
    const other = await start();
    await hasBegun();
    await other.signal('endRun', { reason: 'overlap: the slot of 03:00 took its place' });
    await other.result();
    expect(fake.steps[0]).toBe('note overlap: the slot of 03:00 took its place');
  });

  it('that waits is given up when somebody ends it', async () => {
    fake.answers = [{ kind: 'wait', reason: 'waits', againInMs: 86_400_000 }];
    const handle = await start();
    await eventually('its claim', () => fake.claims.length === 1);
    await handle.signal('stop', { by: 'alice' });
    await handle.result();
    expect(fake.runs).toEqual([]);
    expect(fake.steps).toEqual(['note cancelled by alice', 'settle 1 finally']);
  });

  it('does not try again what somebody ended while it waited for that', async () => {
    fake.ends = [{ verdict: 'failed', reason: 'exit code 7', retryAfterMs: 86_400_000 }];
    const handle = await start();
    await eventually('the end of its first attempt', () => fake.steps.includes('settle 1'));
    await handle.signal('stop', { by: 'alice' });
    await handle.result();
    expect(fake.runs).toHaveLength(1);
  });

  it('ends its program when its workflow is cancelled', async () => {
    fake.ends = ['hang'];
    const handle = await start();
    await hasBegun();
    await handle.cancel();
    await handle.result().catch(() => undefined);
    expect(fake.steps).toEqual(['ended', 'settle 1 finally']);
  });

  it('waits for a database that is away', async () => {
    fake.failures = 3;
    await (await start()).result();
    expect(fake.steps).toEqual(['settle 1 finally']);
  });

  it('refuses what is no slot, and names the field', async () => {
    const refused = async (input: object): Promise<string> => {
      const workflowId = `refused-${Math.random()}`;
      const handle = await server.start('cronExecution', input, { workflowId });
      const error = await handle.result().catch((cause: unknown) => cause);
      return String((error as { cause?: Error }).cause?.message);
    };
    expect(await refused({})).toContain('field "environment" is missing');
    expect(await refused({ environment: 'x', job: 'y', scheduledAt: 'noon' })).toContain(
      'field "scheduledAt"',
    );
    expect(await refused({ environment: 'x', job: 'y', trigger: 'whim' })).toContain('field "trigger"');
  });
});
