// One incident: its reports in order, each once, written down and told, over several episodes and runs.
import { ApplicationFailure, defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { defaultPlan } from '../../src/domain/incident-clock.js';
import type { IncidentReport, IncidentState } from '../../src/domain/incident.js';
import type { LoopLimits } from '../../src/workflows/loop-limits.js';
import { eventually } from '../support/eventually.js';
import { createFakeIncident } from '../support/fake-incident-activities.js';
import { createFakeRemedy } from '../support/fake-remedy-activities.js';
import { reportOf } from '../support/incident-reports.js';
import {
  askLoop,
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const minute = 60_000;

describe.skipIf(timeSkippingServer === undefined)('incident', () => {
  const fake = createFakeIncident();
  const remedies = createFakeRemedy();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({
      server: 'timeSkipping',
      activities: { ...fake.activities, ...remedies.activities },
    });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  interface Incident {
    handle: WorkflowHandle;
    report(...reports: Partial<IncidentReport>[]): Promise<void>;
    state(): Promise<IncidentState>;
    /** Starts the incident's workflow again, as a new report does when the last run has ended. */
    again(): Promise<WorkflowHandle>;
  }

  async function startIncident(limits?: LoopLimits): Promise<Incident> {
    const environment = server.newEnvironmentName();
    const identity = { environment, loop: 'heartbeat', type: 'unhealthy', target: 'api' };
    const workflowId = `incident:${environment}:heartbeat:unhealthy:api`;
    const again = (): Promise<WorkflowHandle> =>
      server.start(
        'incident',
        { identity, ...(limits && { limits }) },
        {
          workflowId,
          attributes: { OpsLoop: 'heartbeat', OpsTarget: 'api', OpsSeverity: 'low', OpsStatus: 'open' },
        },
      );
    await again();
    const handle = server.client.workflow.getHandle(workflowId);
    return {
      handle,
      again,
      report: async (...reports) => {
        for (const report of reports)
          await handle.signal<[IncidentReport]>('report', reportOf({ environment, ...report }));
      },
      state: () => askLoop<IncidentState>(handle, 'state'),
    };
  }

  const told = (count: number): Promise<unknown> =>
    eventually(`${count} alerts`, () => fake.alerts.length >= count);

  it('records and tells when it opens and when it recovers, and ends', async () => {
    const incident = await startIncident();
    await incident.report({ sequence: 1, affected: ['web'] });
    await told(1);
    expect(await incident.state()).toMatchObject({ state: 'open', episode: 1, reason: 'connection refused' });
    await incident.report({
      sequence: 2,
      kind: 'recover',
      reason: 'healthy again',
      at: reportOf().at + minute,
    });
    await incident.handle.result();
    expect(fake.records.map(({ state, version, event }) => [state, version, event.event])).toEqual([
      ['open', 1, 'opened'],
      ['resolved', 2, 'recovered'],
    ]);
    expect(fake.alerts.map(({ event, status, affected }) => [event, status, affected])).toEqual([
      ['opened', 'firing', ['web']],
      ['recovered', 'resolved', ['web']],
    ]);
    expect(new Set(fake.alerts.map(({ key }) => key)).size).toBe(2);
  });

  it('applies a report that arrives twice or late once', async () => {
    const incident = await startIncident();
    const opened = { sequence: 5 };
    await incident.report(opened, opened, { sequence: 4 }, opened);
    await incident.report({ sequence: 6, kind: 'flapping', reason: 'flapping' }, opened, {
      sequence: 6,
      kind: 'recover',
    });
    await told(2);
    expect((await incident.state()).state).toBe('open');
    expect(fake.alerts.map(({ event }) => event)).toEqual(['opened', 'flapping']);
  });

  it('keeps apart what several reporters say', async () => {
    const incident = await startIncident();
    await incident.report(
      { sequence: 9 },
      { reporter: 'heartbeat:shop:1', sequence: 3, kind: 'affected', affected: ['web'] },
      { reporter: 'heartbeat:shop:2', sequence: 1, kind: 'affected', affected: ['mail', 'web'] },
    );
    await eventually('the records', () => fake.records.length === 3);
    expect(fake.records.at(-1)?.affected).toEqual(['mail', 'web']);
    expect(fake.alerts.map(({ event }) => event)).toEqual(['opened']);
  });

  it('opens the next episode in the run that is ending, and in a new run', async () => {
    const incident = await startIncident();
    const steps: Partial<IncidentReport>[] = [
      { sequence: 1, episode: 1 },
      { sequence: 2, episode: 1, kind: 'recover', resolvedBy: 'recovery' },
      { sequence: 3, episode: 2 },
    ];
    // While the first is told, the others come: the run must not end between them.
    let areSent = false;
    fake.beforeAlert = async () => void (await eventually('the other reports', () => areSent));
    await incident.report(...steps);
    areSent = true;
    await told(3);
    expect(await incident.state()).toMatchObject({ state: 'open', episode: 2 });
    await incident.report({ sequence: 4, episode: 2, kind: 'recover', resolvedBy: 'recovery' });
    await incident.handle.result();
    await incident.again();
    await incident.report({ sequence: 5, episode: 3 });
    await told(5);
    expect(await incident.state()).toMatchObject({ state: 'open', episode: 3 });
    expect(fake.reports.map(({ episode }) => episode)).toEqual([1, 2]);
    expect(fake.alerts.map(({ event, episode }) => `${event} ${episode}`)).toEqual([
      'opened 1',
      'recovered 1',
      'opened 2',
      'recovered 2',
      'opened 3',
    ]);
  });

  it('ends without a word when the report that it waits for does not come', async () => {
    const incident = await startIncident();
    await incident.report({ sequence: 1, kind: 'affected', affected: ['web'] });
    await server.sleep(2 * minute);
    await incident.handle.result();
    expect([fake.records, fake.alerts]).toEqual([[], []]);
  });

  it('ends at a recovery of what was never told', async () => {
    const incident = await startIncident();
    await incident.report({ sequence: 1, kind: 'recover', resolvedBy: 'recovery' });
    await incident.handle.result();
    expect([fake.records, fake.alerts]).toEqual([[], []]);
  });

  it('shows its state in search attributes', async () => {
    const incident = await startIncident();
    await incident.report({ sequence: 1, severity: 'critical' });
    await told(1);
    await incident.state();
    const { typedSearchAttributes: attributes } = await incident.handle.describe();
    const valueOf = (name: string): unknown =>
      attributes.get(defineSearchAttributeKey(name, SearchAttributeType.KEYWORD));
    expect([valueOf('OpsStatus'), valueOf('OpsSeverity'), valueOf('OpsTarget')]).toEqual([
      'open',
      'critical',
      'api',
    ]);
  });

  it('answers who acknowledges, resolves, silences and notes, and refuses what comes too late', async () => {
    const incident = await startIncident();
    await incident.report({ sequence: 1, severity: 'critical', at: await server.now() });
    const ask = (verb: string, input: object): Promise<IncidentState> =>
      incident.handle.executeUpdate<IncidentState, [object]>(verb, { args: [input] });
    expect(await ask('acknowledge', { by: 'alice' })).toMatchObject({
      state: 'acknowledged',
      acknowledgedBy: 'alice',
    });
    expect(await ask('note', { by: 'bob', text: 'looking' })).toMatchObject({
      notes: [{ by: 'bob', text: 'looking' }],
    });
    await ask('silence', { for: '2h', by: 'bob' });
    await eventually('the silence', () => fake.silences.length === 1);
    expect(fake.silences[0]).toMatchObject({ incident: incident.handle.workflowId, by: 'bob' });
    await expect(ask('silence', { for: 'soon' })).rejects.toMatchObject({
      cause: { message: expect.stringContaining('"for"') },
    });
    expect(await ask('resolve', { by: 'alice', note: 'rebooted' })).toMatchObject({
      state: 'resolved',
      resolvedBy: 'alice',
    });
    await incident.handle.result();
    expect(fake.alerts.map(({ event }) => event)).toEqual(['opened', 'acknowledged', 'recovered']);
    expect(fake.reports).toMatchObject([{ episode: 1, version: 5 }]);
    await expect(ask('acknowledge', { by: 'bob' })).rejects.toThrow(/already completed|not found/);
  });

  it('takes hundreds of raw signals of the same content once', async () => {
    const incident = await startIncident();
    await incident.report({ sequence: 1 });
    const send = (name: string, input: unknown): Promise<void> => incident.handle.signal(name, input);
    for (let round = 0; round < 18; round += 1)
      await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          index % 2 === 0
            ? send('acknowledge', { by: 'alice' })
            : send('note', { by: 'alice', text: 'on it' }),
        ),
      );
    await send('resolve', { by: 'alice' });
    await incident.handle.result();
    // Signals sent side by side come in any order; each content counts once.
    const events = new Map(fake.records.map(({ version, event }) => [version, event.event]));
    expect([...events.values()].sort()).toEqual(['acknowledged', 'note', 'opened', 'resolved']);
    expect([...events.keys()].sort((a, b) => a - b)).toEqual([1, 2, 3, 4]);
  });

  it('tells the next level, then again each hour, until somebody owns it', async () => {
    fake.plan = () => ({ ...defaultPlan, escalation: [{ afterMs: 15 * minute, channels: ['post'] }] });
    const incident = await startIncident();
    const at = await server.now();
    await incident.report({ sequence: 1, severity: 'critical', at });
    await told(1);
    await server.sleep(140 * minute);
    expect(fake.alerts.map(({ event, channels }) => `${event} ${channels?.join() ?? ''}`.trim())).toEqual([
      'opened',
      'escalated post',
      'reminded',
      'reminded',
    ]);
    await incident.handle.signal('acknowledge', { by: 'alice' });
    await server.sleep(180 * minute);
    expect(fake.alerts.map(({ event }) => event).slice(4)).toEqual(['acknowledged']);
  });

  it('tells people also when it cannot be recorded, and records it as soon as it can', async () => {
    let isRefused = true;
    fake.beforeRecord = () => {
      if (isRefused) throw ApplicationFailure.nonRetryable('the database refuses it', 'unavailable');
    };
    const incident = await startIncident({ signals: 2 });
    await incident.report({ sequence: 1 }, { sequence: 2, kind: 'recover', resolvedBy: 'recovery' });
    await told(2);
    await server.sleep(5 * minute);
    expect(fake.records).toEqual([]);
    isRefused = false;
    await server.sleep(2 * minute);
    await incident.handle.result();
    expect(fake.records.map(({ state }) => state)).toEqual(['open', 'resolved']);
  });

  const broken = (field: object): unknown[] => [{ ...reportOf({ sequence: 2 }), ...field }];
  it.each([
    ['nothing', []],
    ['a text', ['text']],
    ['a number', [7]],
    ['null', [null]],
    ['a list', [['list']]],
    ['a part of the fields', [{ kind: 'open', reporter: 'me', sequence: 9 }]],
    ['a kind that is none', broken({ kind: 'explode' })],
    ['no reason', broken({ reason: null })],
    ['an instant that is none', broken({ at: 9e15 })],
    ['a severity that is none', broken({ severity: ['high'] })],
    ['a sequence that is none', broken({ sequence: 'next' })],
    ['affected targets that are none', broken({ affected: [1] })],
  ])('ignores a report with %s', async (_, args) => {
    const incident = await startIncident();
    await incident.report({ sequence: 1 });
    await incident.handle.signal('report', ...args);
    await incident.handle.signal('acknowledgeNothing', ...args);
    await incident.report({ sequence: 3, kind: 'affected', affected: ['web'] });
    await eventually('the records', () => fake.records.length === 2);
    expect(await incident.state()).toMatchObject({ state: 'open', reason: 'connection refused' });
  });

  it('refuses to start without an identity, and says what it takes', async () => {
    const handle = await server.start(
      'incident',
      { identity: 'api' },
      { workflowId: server.newEnvironmentName() },
    );
    const error = await handle.result().then(
      () => null,
      (failure: unknown) => failure,
    );
    expect(String((error as Error).cause)).toMatch(/identity/);
  });

  it('starts one attempt after the other, and escalates when they are spent', async () => {
    fake.plan = () => ({ ...defaultPlan, remedy: { attempts: 2, settleMs: 30_000 } });
    // The attempts wait: what they say is said here.
    remedies.outlook = () => ({ kind: 'forbidden', waitsFor: 'the end of the test', severity: 'low' });
    const incident = await startIncident();
    await incident.report({ sequence: 1 });
    for (const attempt of [1, 2]) {
      await eventually(
        `attempt ${attempt}`,
        async () => (await incident.state()).runningRemedy?.attempt === attempt,
      );
      const environment = (await incident.state()).identity.environment;
      server.track(server.client.workflow.getHandle(`remedy:${environment}:api:1:${attempt}`));
      const said = { episode: 1, attempt, action: 'restart', at: reportOf().at };
      await incident.handle.signal('remedy', { ...said, phase: 'started', success: null, detail: 'stopped' });
      await incident.handle.signal('remedy', {
        ...said,
        phase: 'ended',
        success: false,
        detail: 'still refused',
      });
    }
    await told(2);
    expect(await incident.state()).toMatchObject({
      state: 'escalated',
      remedies: [{ attempt: 1 }, { attempt: 2 }],
    });
    expect(fake.alerts.map(({ event }) => event)).toEqual(['opened', 'escalated']);
  });
});
