// One attempt to repair a service: it waits, acts once, proves that it helped, and tells its incident.
import { ApplicationFailure } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { defaultPlan } from '../../src/domain/incident-clock.js';
import type { IncidentState } from '../../src/domain/incident.js';
import type { RemedyStatus } from '../../src/domain/remedy.js';
import type { LoopLimits } from '../../src/workflows/loop-limits.js';
import { eventually } from '../support/eventually.js';
import { createFakeIncident } from '../support/fake-incident-activities.js';
import { createFakeRemedy, goodResult, readyOutlook, verified } from '../support/fake-remedy-activities.js';
import { reportOf } from '../support/incident-reports.js';
import {
  askLoop,
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const minute = 60_000;

describe.skipIf(timeSkippingServer === undefined)('remedy', () => {
  const incidents = createFakeIncident();
  const fake = createFakeRemedy();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({
      server: 'timeSkipping',
      activities: { ...incidents.activities, ...fake.activities },
    });
  });
  afterAll(() => server?.close());
  beforeEach(() => {
    incidents.reset();
    fake.reset();
  });
  afterEach(() => server.endLoops());

  interface Repair {
    handle: WorkflowHandle;
    status(): Promise<RemedyStatus>;
    stop(): Promise<void>;
  }

  /** One whose incident is gone: nobody hears it, and that is fine. */
  async function startRemedy(limits?: LoopLimits): Promise<Repair> {
    const environment = server.newEnvironmentName();
    const incident = `incident:${environment}:heartbeat:unhealthy:api`;
    const input = { environment, target: 'api', incident, episode: 1, attempt: 1, ...(limits && { limits }) };
    await server.start('remedy', input, {
      workflowId: `remedy:${environment}:api:1:1`,
      attributes: { OpsLoop: 'remedy', OpsTarget: 'api', OpsStatus: 'starting' },
    });
    const handle = server.client.workflow.getHandle(`remedy:${environment}:api:1:1`);
    return {
      handle,
      status: () => askLoop<RemedyStatus>(handle, 'state'),
      stop: () => handle.signal('stop', { by: 'incident' }),
    };
  }

  const forbidden = (waitsFor: string) => ({ kind: 'forbidden', waitsFor, severity: 'high' }) as const;

  it('puts on record what it will do, does it once, cools down, and verifies', async () => {
    fake.outlook = () => readyOutlook({ coolDownMs: 5 * minute });
    const { handle, status } = await startRemedy();
    const began = await server.now();
    await handle.result();
    expect((await server.now()) - began).toBeGreaterThanOrEqual(5 * minute);
    expect(fake.intents).toMatchObject([{ steps: ['restart'], remedy: { target: 'api', attempt: 1 } }]);
    expect(fake.steps).toMatchObject([{ verb: 'restart', step: 1, revision: 1 }]);
    expect(fake.verifications).toBe(1);
    expect(fake.records).toMatchObject([{ step: 1, result: null, after: { verdict: 'healthy' } }]);
    expect(await status()).toMatchObject({ phase: 'ended', success: true, action: 'restart' });
  });

  it('tries the checks three times before it says that it did not help', async () => {
    fake.verification = () => verified(false);
    const { handle, status } = await startRemedy();
    await handle.result();
    expect(fake.verifications).toBe(3);
    expect(await status()).toMatchObject({
      phase: 'ended',
      success: false,
      detail: expect.stringContaining('still refused') as string,
    });
  });

  it('repeats a step whose worker was lost under the same intent', async () => {
    let calls = 0;
    fake.result = () => {
      calls += 1;
      if (calls === 1) throw new Error('the worker was killed');
      return goodResult;
    };
    const { handle } = await startRemedy();
    await handle.result();
    expect([fake.intents.length, fake.steps.length]).toEqual([1, 2]);
    expect(new Set(fake.steps.map((step) => JSON.stringify(step))).size).toBe(1);
  });

  it.each([
    ['says that it failed', () => ({ ...goodResult, isSuccess: false, error: 'exit code 1' })],
    [
      'cannot be made at all',
      () => {
        throw ApplicationFailure.nonRetryable('no such secret', 'invalidInput');
      },
    ],
  ])('starts a service after a stop that %s', async (_, stopping) => {
    fake.outlook = () =>
      readyOutlook({ choice: { action: 'stop and start', steps: ['stop', 'start'], why: '' } });
    fake.result = ({ verb }) => (verb === 'stop' ? stopping() : goodResult);
    const { handle, status } = await startRemedy();
    await handle.result();
    expect(fake.steps.map(({ verb }) => verb)).toEqual(['stop', 'start']);
    expect((await status()).detail).toContain('stop failed: ');
  });

  it('waits as long as something forbids it, over several runs, and spends nothing', async () => {
    fake.outlook = () => forbidden('the end of the maintenance window');
    const { handle, status } = await startRemedy({ historyEvents: 60 });
    const first = (await handle.describe()).runId;
    await server.sleep(60 * minute);
    expect((await handle.describe()).runId).not.toBe(first);
    expect(await status()).toMatchObject({
      phase: 'waiting',
      waitsFor: 'the end of the maintenance window',
    });
    expect([fake.intents, fake.steps]).toEqual([[], []]);
    expect(fake.surveys).toBeGreaterThan(200);
    fake.outlook = () => readyOutlook();
    await server.sleep(minute);
    await handle.result();
    expect(fake.steps).toHaveLength(1);
  });

  it('is withdrawn by a stop while it waits', async () => {
    fake.outlook = () => forbidden('the end of the deployment of api');
    const { handle, status, stop } = await startRemedy();
    await eventually('a survey', () => fake.surveys > 0);
    await stop();
    await handle.result();
    expect(await status()).toMatchObject({ phase: 'withdrawn', stoppedBy: 'incident', success: null });
    expect(fake.intents).toEqual([]);
  });

  it('is withdrawn by a stop that comes while its intent is recorded, and says so on record', async () => {
    let isStopped = false;
    fake.beforeIntent = async () => void (await eventually('the stop', () => isStopped));
    const { handle, status, stop } = await startRemedy();
    await eventually('a survey', () => fake.surveys > 0);
    await stop();
    isStopped = true;
    await handle.result();
    expect((await status()).phase).toBe('withdrawn');
    expect(fake.steps).toEqual([]);
    expect(fake.records).toMatchObject([
      { step: 1, result: { isSuccess: false, error: expect.stringContaining('not done') as string } },
    ]);
  });

  it.each(['stop', 'cancellation'])('finishes in spite of a %s once it acts', async (how) => {
    fake.outlook = () =>
      readyOutlook({ choice: { action: 'stop and start', steps: ['stop', 'start'], why: '' } });
    let isTold = false;
    fake.result = async ({ verb }) => {
      if (verb === 'stop') await eventually('the request', () => isTold);
      return goodResult;
    };
    const { handle, stop } = await startRemedy();
    await eventually('the first step', () => fake.steps.length === 1);
    await (how === 'stop' ? stop() : handle.cancel());
    isTold = true;
    await handle.result().catch(() => undefined);
    expect(fake.steps.map(({ verb }) => verb)).toEqual(['stop', 'start']);
    expect(fake.verifications).toBe(1);
  });

  it('does nothing without its intent on record, and says so after ten minutes', async () => {
    fake.beforeIntent = () => {
      throw ApplicationFailure.create({ message: 'the database is away', type: 'unavailable' });
    };
    const { handle, status } = await startRemedy();
    await server.sleep(9 * minute);
    expect((await status()).phase).toBe('waiting');
    await server.sleep(2 * minute);
    await handle.result();
    expect(await status()).toMatchObject({
      phase: 'ended',
      success: false,
      detail: expect.stringMatching(/intent could not be recorded.*the database is away/) as string,
    });
    expect(fake.steps).toEqual([]);
  });

  it('acts as soon as its intent can be recorded', async () => {
    let isAway = true;
    fake.beforeIntent = () => {
      if (isAway) throw ApplicationFailure.create({ message: 'the database is away', type: 'unavailable' });
    };
    const { handle } = await startRemedy();
    await server.sleep(5 * minute);
    isAway = false;
    await server.sleep(minute);
    await handle.result();
    expect([fake.intents.length, fake.steps.length]).toEqual([1, 1]);
  });

  it('is withdrawn when the service is not configured any more', async () => {
    fake.outlook = () => ({ kind: 'gone', detail: 'api is not in the configuration any more' });
    const { handle, status } = await startRemedy();
    await handle.result();
    expect(await status()).toMatchObject({
      phase: 'withdrawn',
      detail: expect.stringContaining('api') as string,
    });
  });

  it('tells people what to configure when nothing can be done', async () => {
    fake.outlook = () => readyOutlook({ choice: { problem: 'its supervisor has no restart' } });
    const { handle, status } = await startRemedy();
    await handle.result();
    expect(await status()).toMatchObject({ phase: 'ended', success: false });
    expect(fake.intents).toMatchObject([{ steps: ['none'] }]);
    expect(fake.records).toMatchObject([{ result: { error: 'its supervisor has no restart' } }]);
    expect(fake.steps).toEqual([]);
  });

  it.each([[[]], [['text']], [[7]], [[{ by: 7 }]], [[{ who: 'me' }]]])(
    'ignores a signal with %j',
    async (args) => {
      fake.outlook = () => forbidden('api to stop flapping');
      const { handle, status } = await startRemedy();
      await eventually('a survey', () => fake.surveys > 0);
      await handle.signal('dance', ...args);
      if (args.length > 0) await handle.signal('stop', ...args);
      expect(await status()).toMatchObject({ phase: 'waiting', stoppedBy: null });
    },
  );

  it('refuses to start without knowing what it repairs', async () => {
    const handle = await server.start(
      'remedy',
      { target: 'api' },
      { workflowId: server.newEnvironmentName() },
    );
    const error: unknown = await handle.result().catch((failure: unknown) => failure);
    expect(String((error as Error).cause)).toMatch(/"environment" is missing/);
  });

  /** An incident that repairs its target by real remedies. */
  async function openIncident(
    attempts: number,
  ): Promise<{ handle: WorkflowHandle; reportOn: typeof reportOf }> {
    incidents.plan = () => ({ ...defaultPlan, remedy: { attempts, settleMs: 30_000 } });
    const environment = server.newEnvironmentName();
    const identity = { environment, loop: 'heartbeat', type: 'unhealthy', target: 'api' };
    const handle = await server.start(
      'incident',
      { identity },
      { workflowId: `incident:${environment}:heartbeat:unhealthy:api` },
    );
    for (let attempt = 1; attempt <= attempts; attempt += 1)
      server.track(server.client.workflow.getHandle(`remedy:${environment}:api:1:${attempt}`));
    return { handle, reportOn: (more) => reportOf({ environment, ...more }) };
  }

  it('reports to its incident, which tries again and then hands over to people', async () => {
    fake.verification = () => verified(false);
    const { handle, reportOn } = await openIncident(2);
    await handle.signal('report', reportOn({ sequence: 1 }));
    await eventually('the escalation', () => incidents.alerts.some(({ event }) => event === 'escalated'));
    const state = await askLoop<IncidentState>(handle, 'state');
    expect(state.remedies).toMatchObject([
      { attempt: 1, action: 'restart', success: false },
      { attempt: 2, action: 'restart', success: false },
    ]);
    expect(state.runningRemedy).toBeNull();
    expect(fake.intents.map(({ remedy }) => remedy.attempt)).toEqual([1, 2]);
  });

  it('is waited for by its incident for hours, without an attempt being spent', async () => {
    fake.outlook = () => forbidden('the end of the maintenance window');
    const { handle, reportOn } = await openIncident(1);
    await handle.signal('report', reportOn({ sequence: 1, at: await server.now() }));
    await eventually('a survey', () => fake.surveys > 0);
    await server.sleep(120 * minute);
    const waiting = await askLoop<IncidentState>(handle, 'state');
    expect(waiting).toMatchObject({ state: 'open', remedies: [], runningRemedy: { attempt: 1 } });
    fake.outlook = () => readyOutlook();
    await server.sleep(minute);
    await eventually('the end of the attempt', async () => {
      const { remedies } = await askLoop<IncidentState>(handle, 'state');
      return remedies[0]?.success === true;
    });
  });

  it('may cool down for longer than an attempt may be silent', async () => {
    fake.outlook = () => readyOutlook({ coolDownMs: 60 * minute });
    const { handle, reportOn } = await openIncident(1);
    await handle.signal('report', reportOn({ sequence: 1, at: await server.now() }));
    await eventually('the end of the attempt', async () => {
      await server.sleep(5 * minute);
      const { remedies } = await askLoop<IncidentState>(handle, 'state');
      return remedies[0]?.success === true;
    });
    expect(fake.verifications).toBe(1);
  });

  it('is called back by its incident when the service recovers by itself', async () => {
    fake.outlook = () => forbidden('the end of the maintenance window');
    const { handle, reportOn } = await openIncident(1);
    await handle.signal('report', reportOn({ sequence: 1 }));
    await eventually('a survey', () => fake.surveys > 0);
    await handle.signal('report', reportOn({ sequence: 2, kind: 'recover', resolvedBy: 'recovery' }));
    await handle.result();
    expect(fake.steps).toEqual([]);
    expect(incidents.records.at(-1)).toMatchObject({ state: 'resolved', resolvedBy: 'recovery' });
  });
});
