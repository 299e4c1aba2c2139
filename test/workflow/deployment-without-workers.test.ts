// A deployment whose workers were all away for an hour: time passes, and nothing is lost or done twice.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeploymentRecord } from '../../src/domain/deployment.js';
import { eventually } from '../support/eventually.js';
import { createFakeDeployment, deploymentPlan } from '../support/fake-deployment-activities.js';
import {
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const hour = 3_600_000;
/** Temporal's number of the event that a timer was started. */
const timerStarted = 17;

describe.skipIf(timeSkippingServer === undefined)('a deployment without workers', () => {
  const fake = createFakeDeployment();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({
      server: 'timeSkipping',
      activities: fake.activities,
      host: fake.host,
      // The server keeps sending what was cached to the worker that is gone.
      worker: { maxCachedWorkflows: 0 },
    });
  });
  afterAll(() => server?.close());

  it('goes on in its phase when they come back', async () => {
    const approval = { by: ['bob'], withinMs: 24 * hour, remindAfterMs: 12 * hour, isStarterAllowed: false };
    fake.plan = () => ({ kind: 'plan', plan: deploymentPlan({ approval }) });
    const environment = server.newEnvironmentName();
    const handle = await server.start(
      'deployment',
      { environment, target: 'shop-api', version: 'v2', by: 'alice' },
      { workflowId: `deployment:${environment}:shop-api` },
    );
    await eventually('the wait for the approval', async () => {
      const { events } = await handle.fetchHistory();
      return (events ?? []).some(({ eventType }) => eventType === timerStarted);
    });
    await server.stopWorker();
    await server.sleep(hour);
    await handle.signal('approve', { by: 'bob' });
    await server.startWorker();
    // The client of the environment lets time pass while it waits.
    const record = (await server.client.workflow.getHandle(handle.workflowId).result()) as DeploymentRecord;
    expect(record).toMatchObject({ state: 'succeeded', decisions: [{ verb: 'approve', by: 'bob' }] });
    expect((record.finishedAt ?? 0) - record.startedAt).toBeGreaterThanOrEqual(hour);
    expect(fake.steps).toEqual(['prepare', 'switch', 'settle']);
  });
});
