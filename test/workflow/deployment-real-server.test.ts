// What only a real server shows: an answer and its deadline at once, a burst of signals over several runs.
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeploymentRecord } from '../../src/domain/deployment.js';
import { eventually } from '../support/eventually.js';
import { createFakeDeployment, deploymentPlan } from '../support/fake-deployment-activities.js';
import {
  openWorkflowEnvironment,
  temporalAddress,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

/** Temporal's numbers of events. */
const timerStarted = 17;
const timerFired = 18;

async function hasEvent(handle: WorkflowHandle, wanted: number): Promise<boolean> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).some(({ eventType }) => eventType === wanted);
}

describe.skipIf(temporalAddress === undefined)('deployment on a real server', () => {
  const fake = createFakeDeployment();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({
      server: 'development',
      activities: fake.activities,
      host: fake.host,
    });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  async function startWaiting(withinMs: number, limits?: object) {
    const approval = { by: ['bob'], withinMs, remindAfterMs: withinMs, isStarterAllowed: false };
    fake.plan = () => ({ kind: 'plan', plan: deploymentPlan({ approval, isReversible: false }) });
    const environment = server.newEnvironmentName();
    const workflowId = `deployment:${environment}:shop-api`;
    const input = { environment, target: 'shop-api', version: 'v2', by: 'alice', ...(limits && { limits }) };
    await server.start('deployment', input, { workflowId });
    const handle = server.client.workflow.getHandle(workflowId);
    await eventually('the wait for the approval', () => hasEvent(handle, timerStarted));
    return handle;
  }

  it('settles one way when an approval comes with its deadline', async () => {
    const handle = await startWaiting(2_000);
    // No worker takes up the deadline before the approval is there, too.
    await server.stopWorker();
    await eventually('the deadline', () => hasEvent(handle, timerFired));
    await handle.signal('approve', { by: 'bob' });
    await server.startWorker();
    const record = (await handle.result()) as DeploymentRecord;
    // Both are there before anybody looks: what a person said counts.
    expect(record).toMatchObject({ state: 'succeeded', decisions: [{ verb: 'approve', by: 'bob' }] });
    expect(fake.steps).toEqual(['prepare', 'switch', 'settle']);
  });

  it('takes an approval after a burst of signals, over several runs', async () => {
    const handle = await startWaiting(3_600_000, { signals: 50 });
    for (let count = 0; count < 300; count += 1) await handle.signal('promote', { by: 'nobody' });
    await handle.signal('approve', { by: 'bob' });
    const record = (await handle.result()) as DeploymentRecord;
    expect(record.state).toBe('succeeded');
    expect(record.decisions).toHaveLength(1);
  });
});
