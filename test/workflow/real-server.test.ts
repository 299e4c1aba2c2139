// The loops on a development server: what the time-skipping one does not have, or does not do as the real one.
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IncidentReport } from '../../src/domain/incident.js';
import type { Alert } from '../../src/domain/alert.js';
import type { LoopStatus } from '../../src/domain/loop.js';
import { isolateLimit } from '../../src/workers/isolate-limit.js';
import { alertOf } from '../support/alerts.js';
import { eventually } from '../support/eventually.js';
import { createFakeChannels } from '../support/fake-alert-router-activities.js';
import { createFakeHeartbeat } from '../support/fake-heartbeat-activities.js';
import { createFakeIncident } from '../support/fake-incident-activities.js';
import { startHeartbeat } from '../support/heartbeat-loops.js';
import { reportOf } from '../support/incident-reports.js';
import {
  openWorkflowEnvironment,
  temporalAddress,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const second = 1000;

describe.skipIf(temporalAddress === undefined)('loops on a real server', () => {
  const heartbeat = createFakeHeartbeat();
  const channels = createFakeChannels();
  const incident = createFakeIncident();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({
      server: 'development',
      activities: { ...channels.activities, ...incident.activities, ...heartbeat.activities },
      worker: isolateLimit,
    });
  });
  afterAll(() => server?.close());
  beforeEach(() => [heartbeat, channels, incident].forEach((fake) => fake.reset()));
  afterEach(() => server.endLoops());

  const attributesOf = async (workflowId: string): Promise<unknown[]> => {
    const { typedSearchAttributes } = await server.client.workflow.getHandle(workflowId).describe();
    return ['OpsLoop', 'OpsTarget', 'OpsEnvironment', 'OpsStatus'].map((name) =>
      typedSearchAttributes.get(defineSearchAttributeKey(name, SearchAttributeType.KEYWORD)),
    );
  };

  it('counts the ticks that nobody was there for, and no other', async () => {
    const loop = await startHeartbeat(server, { intervalsMs: [second] });
    await loop.reached(2);
    await server.stopWorker();
    const stoppedAt = Date.now();
    await eventually('three intervals without a worker', () => Date.now() - stoppedAt > 3.5 * second);
    await server.startWorker();
    const { lastAt, count: before } = await loop.state();
    const later = await loop.reached(before + 3);
    const origin = heartbeat.probes[0]?.scheduledAt ?? 0;
    // Every slot of the grid is either a tick or a missed one.
    const slots = Math.floor(((later.lastAt ?? 0) - origin) / second) + 1;
    expect(lastAt).not.toBeNull();
    expect(later.missed).toBeGreaterThanOrEqual(2);
    expect(later.count + later.missed).toBe(slots);
  });

  it('is found by the same attributes, and knows its revision, after it continued as new', async () => {
    const environment = server.newEnvironmentName();
    const workflowId = `heartbeat:${environment}:1`;
    const settings = { environment, shard: 1, revision: 7, intervalsMs: [200], services: 1 };
    const attributes = {
      OpsLoop: 'heartbeat',
      OpsTarget: '1',
      OpsStatus: 'starting',
      OpsEnvironment: environment,
    };
    heartbeat.services.set('api', { verdict: 'unhealthy' });
    const handle = await server.start(
      'heartbeat',
      { settings, limits: { historyEvents: 30 } },
      { workflowId, attributes },
    );
    const first = (await handle.describe()).runId;
    const latest = server.client.workflow.getHandle(workflowId);
    await eventually(
      'the third run',
      async () => heartbeat.probes.length > 8 && (await latest.describe()).runId !== first,
    );
    expect(await attributesOf(workflowId)).toEqual(['heartbeat', '1', environment, 'unhealthy']);
    expect((await latest.describe()).memo).toMatchObject({ revision: 7 });
    await eventually('visibility', async () => {
      const { count } = await server.client.workflow.count(
        `OpsEnvironment = '${environment}' AND OpsStatus = 'unhealthy' AND ExecutionStatus = 'Running'`,
      );
      return count === 1;
    });
  });

  it('shows what it does in the Web UI: details, and summaries of timers and activities', async () => {
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    const described = await server.client.workflowService.describeWorkflowExecution({
      namespace: server.namespace,
      execution: { workflowId: loop.handle.workflowId },
    });
    expect(described.workflowExecutionInfo?.type?.name).toBe('heartbeat');
    const metadata = await loop.handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata');
    expect(metadata.currentDetails).toMatch(/Heartbeat shard 1.*1 services, running/);
    const { events } = await loop.handle.fetchHistory();
    const summaries = (events ?? []).flatMap(({ userMetadata }) =>
      userMetadata?.summary?.data ? [new TextDecoder().decode(userMetadata.summary.data)] : [],
    );
    expect(summaries.join()).toMatch(/read what is known of shard 1.*tick 1: 1 services.*next tick/);
  });

  it('takes a burst of 10,000 triggers, and stays alive and short', async () => {
    const loop = await startHeartbeat(server, { intervalsMs: [3_600_000] });
    await loop.reached(1);
    const { runId } = await loop.handle.describe();
    await burst(10_000, (index) => loop.handle.signal('trigger', { targets: [`service-${index % 300}`] }));
    const asked = new Set(Array.from({ length: 300 }, (_, index) => `service-${index}`));
    await eventually('all targets', () => {
      for (const { targets } of heartbeat.probes) for (const name of targets ?? []) asked.delete(name);
      return asked.size === 0;
    });
    await loop.update('trigger', { by: 'alice' });
    const state = await loop.state();
    expect(state).toMatchObject({ state: 'running', missed: 0 });
    expect(state.count).toBeLessThan(10_000);
    const { runId: lastRunId, historyLength } = await loop.handle.describe();
    expect(lastRunId).not.toBe(runId);
    expect(historyLength).toBeLessThan(4_000);
  }, 180_000);

  it('takes a burst of 150 alerts, each once on every channel and in the same order', async () => {
    const environment = server.newEnvironmentName();
    channels.useChannels(['a', 'b']);
    const settings = { environment, revision: 1, channels: ['a', 'b'] };
    const input = { settings, limits: { signals: 40 } };
    const { workflowId } = await server.start('alertRouter', input, {
      workflowId: `alertRouter:${environment}`,
    });
    const handle = server.client.workflow.getHandle(workflowId);
    await burst(150, (index) => handle.signal<[Alert]>('submit', ownAlert(`key-${index}`, environment)));
    await eventually(
      'both channels',
      () => ['a', 'b'].every((name) => channels.sentOn(name).length >= 150),
      60_000,
    );
    expect(new Set(channels.sentOn('a')).size).toBe(150);
    expect(channels.sentOn('a').length).toBe(150);
    expect(channels.sentOn('b')).toEqual(channels.sentOn('a'));
    expect((await handle.query<LoopStatus>('state')).count).toBe(150);
  });

  it('loses no message that waits for a dead channel while the router continues as new', async () => {
    let isDead = true;
    channels.deliver = ({ channel }) =>
      channel === 'dead' && isDead
        ? { kind: 'retry', reason: 'status 503', afterMs: null }
        : { kind: 'sent' };
    const environment = server.newEnvironmentName();
    channels.useChannels(['dead', 'alive']);
    const settings = { environment, revision: 1, channels: ['dead', 'alive'] };
    const input = { settings, limits: { signals: 4 } };
    const { workflowId } = await server.start('alertRouter', input, {
      workflowId: `alertRouter:${environment}`,
    });
    const handle = server.client.workflow.getHandle(workflowId);
    const { runId } = await handle.describe();
    const keys = Array.from({ length: 21 }, (_, index) => `key-${index}`);
    for (const key of keys) await handle.signal<[Alert]>('submit', ownAlert(key, environment));
    await eventually('all on the other channel', () => channels.sentOn('alive').length >= 21);
    expect((await handle.describe()).runId).not.toBe(runId);
    // Known already, also to the run that never saw them arrive.
    for (const key of ['key-3', 'key-20']) await handle.signal<[Alert]>('submit', ownAlert(key, environment));
    isDead = false;
    await eventually('all on the dead channel', () => channels.sentOn('dead').length >= 21, 40_000);
    expect([channels.sentOn('alive'), channels.sentOn('dead')]).toEqual([keys, keys]);
    expect((await handle.query<LoopStatus>('state')).count).toBe(21);
  });

  it('loses no report to an incident that continues as new', async () => {
    // The time-skipping server drops a signal that comes with the end of a run; this one keeps it.
    const environment = server.newEnvironmentName();
    const identity = { environment, loop: 'heartbeat', type: 'unhealthy', target: 'api' };
    const handle = await server.start(
      'incident',
      { identity, limits: { signals: 3 } },
      { workflowId: `incident:${environment}:heartbeat:unhealthy:api` },
    );
    const first = (await handle.describe()).runId;
    const report = (more: Partial<IncidentReport>): Promise<void> =>
      handle.signal<[IncidentReport]>('report', reportOf({ environment, ...more }));
    await report({ sequence: 1 });
    for (let sequence = 2; sequence < 12; sequence += 1)
      await report({ sequence, kind: 'affected', affected: [`web-${sequence}`] });
    // A signal that comes with the end of a run makes Temporal do that run's last step again: the record takes it once.
    const versions = (): number[] =>
      [...new Set(incident.records.map(({ version }) => version))].sort((a, b) => a - b);
    await eventually('the records', () => versions().length === 11);
    await eventually(
      'the next run',
      async () => (await server.client.workflow.getHandle(handle.workflowId).describe()).runId !== first,
    );
    const next = server.client.workflow.getHandle(handle.workflowId);
    await next.signal<[IncidentReport]>('report', reportOf({ environment, sequence: 1 }));
    await next.signal<[IncidentReport]>(
      'report',
      reportOf({ environment, sequence: 12, kind: 'recover', resolvedBy: 'recovery' }),
    );
    await next.result();
    expect(versions()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect([...new Set(incident.alerts.map(({ key }) => key))]).toEqual([
      expect.stringContaining(':1:opened:1'),
      expect.stringContaining(':1:recovered:12'),
    ]);
    expect(incident.records.at(-1)).toMatchObject({
      state: 'resolved',
      resolvedBy: 'recovery',
      affected: ['web-11'],
    });
  });

  it('applies an incident its 1,500 duplicate reports once', async () => {
    const environment = server.newEnvironmentName();
    const identity = { environment, loop: 'heartbeat', type: 'unhealthy', target: 'api' };
    const workflowId = `incident:${environment}:heartbeat:unhealthy:api`;
    await server.start('incident', { identity }, { workflowId });
    const handle = server.client.workflow.getHandle(workflowId);
    await burst(1_500, () => handle.signal<[IncidentReport]>('report', reportOf({ environment })));
    await handle.signal<[IncidentReport]>('report', reportOf({ environment, sequence: 2, kind: 'recover' }));
    await handle.result();
    // A step that Temporal makes again, because more signals came with its end, hands over the same message again: the router
    // knows it by its key.
    const told = new Map(incident.alerts.map(({ key, event }) => [key, event]));
    expect([...told.values()]).toEqual(['opened', 'recovered']);
  });

  it('ends a loop that is cancelled, also with a message on its way', async () => {
    const environment = server.newEnvironmentName();
    channels.useChannels(['a', 'b']);
    const settings = { environment, revision: 1, channels: ['a', 'b'] };
    let isHeld = true;
    channels.deliver = async ({ channel }) => {
      if (channel === 'a') return { kind: 'retry', reason: 'status 503', afterMs: null };
      await eventually('the permission', () => !isHeld);
      return { kind: 'sent' };
    };
    const router = await server.start(
      'alertRouter',
      { settings },
      { workflowId: `alertRouter:${environment}` },
    );
    await router.signal<[Alert]>('submit', alertOf({ environment }));
    await eventually('both attempts', () => channels.attempts.length >= 2);
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    await Promise.all([router.cancel(), loop.handle.cancel()]);
    isHeld = false;
    for (const handle of [router, loop.handle]) {
      await expect(handle.result()).rejects.toThrow();
      expect((await handle.describe()).status.name).toBe('CANCELLED');
    }
  });
});

/** The opening of an incident of its own: alerts of one incident would be taken together. */
const ownAlert = (key: string, environment: string): Alert =>
  alertOf({
    key,
    environment,
    severity: 'critical',
    target: key,
    incident: `incident:${environment}:${key}`,
  });

/** As fast as one client sends them, in order of their numbers as far as the network keeps it. */
async function burst(count: number, send: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const sender = async (): Promise<void> => {
    while (next < count) await send(next++);
  };
  await Promise.all(Array.from({ length: 20 }, sender));
}
