/** The alert router on a real Temporal server: what the time-skipping one cannot do (an attempt that outlives its run). */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Alert } from '../../src/domain/alert.js';
import { alertOf } from '../support/alerts.js';
import { eventually } from '../support/eventually.js';
import { createFakeChannels } from '../support/fake-alert-router-activities.js';
import {
  openWorkflowEnvironment,
  temporalAddress,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

describe.skipIf(temporalAddress === undefined)('alertRouter on a real server', () => {
  const fake = createFakeChannels();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({ server: 'development', activities: fake.activities });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  it('does not hold up the next run for a channel that hangs, and asks later what became of it', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    fake.deliver = async ({ channel }) => {
      if (channel === 'slow') await gate;
      return { kind: 'sent' };
    };
    fake.useChannels(['slow', 'b']);
    const environment = server.newEnvironmentName();
    const settings = { environment, revision: 1, channels: ['slow', 'b'] };
    const workflowId = `alertRouter:${environment}`;
    const handle = await server.start('alertRouter', { settings, limits: { signals: 3 } }, { workflowId });
    const router = server.client.workflow.getHandle(workflowId);
    const submit = (key: string): Promise<void> =>
      router.signal<[Alert]>('submit', alertOf({ key, environment, incident: `incident:${key}` }));
    const { runId } = await handle.describe();
    await submit('1');
    await eventually('the slow attempt', () => fake.attempts.some(({ channel }) => channel === 'slow'));
    await submit('2');
    await submit('3');
    await eventually('the next run', async () => (await router.describe()).runId !== runId, 5_000);
    await submit('4');
    await eventually('the other channel', () => fake.sentOn('b').length === 4, 5_000);
    expect(fake.attempts.filter(({ channel }) => channel === 'slow')).toHaveLength(1);
    release();
    await eventually('the slow ones', () => new Set(fake.sentOn('slow')).size === 4, 30_000);
    // What was left behind is asked for once more: its key tells the activity that it was sent.
    expect(fake.sentOn('slow')).toEqual(['1', '1', '2', '3', '4']);
  });
});
