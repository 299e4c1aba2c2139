// What people ask of a loop: pause, resume, trigger, stop, as signals and updates, also with wrong inputs.
import type { Payload } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { createFakeHeartbeat } from '../support/fake-heartbeat-activities.js';
import { startHeartbeat, type HeartbeatLoop } from '../support/heartbeat-loops.js';
import {
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const [second, minute, hour] = [1000, 60_000, 3_600_000];
/** Added to sleeps, so that they end between two ticks: that server refuses to cancel a timer which is just firing. */
const half = 30_000;

describe.skipIf(timeSkippingServer === undefined)('loop control', () => {
  const fake = createFakeHeartbeat();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({ server: 'timeSkipping', activities: fake.activities });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  const recorded = (state: string): Promise<unknown> =>
    eventually(`the record of ${state}`, () => fake.recorded.at(-1)?.state === state);

  it('does not tick while paused, and what a pause skips is not missed', async () => {
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    await loop.handle.signal('pause', { by: 'alice', note: 'moving house' });
    await recorded('paused');
    expect(fake.recorded.at(-1)).toMatchObject({ pausedBy: 'alice', note: 'moving house', nextAt: null });
    await server.sleep(2 * hour);
    expect(await loop.state()).toMatchObject({ count: 1, state: 'paused' });
    await loop.handle.signal('resume', { by: 'alice' });
    await loop.reached(2);
    await server.sleep(3 * minute + half);
    expect(await loop.reached(5)).toMatchObject({ missed: 0, pausedBy: null, note: null });
    expect(fake.probes.map(({ missed }) => missed)).toEqual([0, 0, 0, 0, 0]);
  });

  it('records a resume at once, also when no tick is due', async () => {
    const loop = await startHeartbeat(server, { intervalsMs: [hour] });
    await loop.reached(1);
    await loop.handle.signal('pause');
    await recorded('paused');
    await loop.handle.signal('resume');
    await recorded('running');
    expect(fake.probes.length).toBe(1);
  });

  it('stays paused, and keeps who paused it, through continue-as-new', async () => {
    const loop = await startHeartbeat(server, { limits: { historyEvents: 20 } });
    await loop.reached(1);
    const { runId } = await loop.handle.describe();
    await loop.update('pause', { by: 'alice' });
    for (let tick = 2; tick < 6; tick += 1) await loop.update('trigger', { by: 'bob' });
    expect((await loop.handle.describe()).runId).not.toBe(runId);
    await server.sleep(hour);
    expect(await loop.state()).toMatchObject({ state: 'paused', pausedBy: 'alice', count: 5 });
  });

  it('ticks at once when triggered, for all services or those that are named', async () => {
    const loop = await startHeartbeat(server, { intervalsMs: [hour] });
    await loop.reached(1);
    await loop.handle.signal('trigger');
    await loop.reached(2);
    await loop.handle.signal('trigger', { by: 'alice', targets: ['api', 'db'] });
    expect(await loop.reached(3)).toMatchObject({ count: 3, missed: 0 });
    expect(fake.probes.map(({ targets, isTriggered }) => [isTriggered, targets])).toEqual([
      [false, []],
      [true, null],
      [true, ['api', 'db']],
    ]);
  });

  it('answers a trigger when its tick is recorded, and ticks once for several at once', async () => {
    const loop = await startHeartbeat(server, { intervalsMs: [hour] });
    await loop.reached(1);
    let isHeld = true;
    fake.before = async (activity) => {
      if (activity === 'probeShard') await eventually('the permission', () => !isHeld);
    };
    const answers: number[] = [];
    const ask = async (input?: unknown): Promise<void> => {
      const { count } = await loop.update('trigger', input);
      answers.push(count);
    };
    const first = ask();
    await eventually('the first tick', async () => {
      const { raw } = await loop.handle.describe();
      return raw.pendingActivities?.length === 1;
    });
    const others = [ask({ by: 'a' }), ask({ targets: ['api'] }), ask({ targets: ['db', 'api'] })];
    expect(answers).toEqual([]);
    isHeld = false;
    await Promise.all([first, ...others]);
    // One tick was under way; what was asked for meanwhile is served by the next.
    expect(Math.min(...answers)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...answers)).toBeLessThanOrEqual(4);
    expect(fake.probes.length).toBe(Math.max(...answers));
  });

  it('ticks when triggered while paused, and stays paused', async () => {
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    await loop.update('pause', { by: 'alice' });
    await server.sleep(hour);
    expect(await loop.update('trigger')).toMatchObject({ state: 'paused', count: 2, missed: 0 });
    expect(fake.probes.at(-1)).toMatchObject({ missed: 0, dueMs: [], targets: null });
    await server.sleep(hour);
    expect((await loop.state()).count).toBe(2);
  });

  it('answers every trigger although runs change under them', async () => {
    const loop = await startHeartbeat(server, { intervalsMs: [hour], limits: { historyEvents: 25 } });
    const { runId } = await loop.handle.describe();
    let last = 0;
    for (let round = 0; round < 10; round += 1) {
      const answers = await Promise.all([1, 2, 3].map(() => loop.update('trigger')));
      const highest = Math.max(...answers.map(({ count }) => count));
      expect(highest).toBeGreaterThan(last);
      last = highest;
    }
    const { runId: lastRunId, historyLength } = await loop.handle.describe();
    expect(lastRunId).not.toBe(runId);
    expect(historyLength).toBeLessThan(80);
    expect((await loop.state()).count).toBe(last);
  });

  it('tells the state after an update, and a second pause does not change who paused', async () => {
    const loop = await startHeartbeat(server);
    expect(await loop.update('pause', { by: 'alice', note: 'n' })).toMatchObject({
      pausedBy: 'alice',
      note: 'n',
    });
    expect(await loop.update('pause', { by: 'bob' })).toMatchObject({ pausedBy: 'alice' });
    expect(await loop.update('resume')).toMatchObject({ state: 'running', pausedBy: null });
    expect(await loop.update('pause')).toMatchObject({ state: 'paused', pausedBy: 'somebody' });
  });

  it('ends when it is stopped, also while paused, and records it', async () => {
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    await loop.update('pause', { by: 'alice' });
    expect(await loop.update('stop', { by: 'bob' })).toMatchObject({ state: 'stopped' });
    await loop.handle.result();
    expect(fake.recorded.at(-1)).toMatchObject({ state: 'stopped', count: 1, note: 'stopped by bob' });
  });

  it.each([
    ['pause', 7, /JSON object/],
    ['pause', { by: 7 }, /"by"/],
    ['pause', { note: ['x'] }, /"note"/],
    ['pause', { by: 'x'.repeat(5000) }, /"by"/],
    ['resume', { whom: 'alice' }, /"whom"/],
    ['trigger', { targets: 'api' }, /"targets"/],
    ['trigger', { targets: [1] }, /"targets"/],
    ['stop', [], /JSON object/],
    ['stop', { __proto__x: 1 }, /__proto__x/],
  ])('refuses the update %s with %.40j by the name of the field', async (name, input, problem) => {
    const loop = await startHeartbeat(server);
    const error = await loop.update(name, input).then(
      () => null,
      (failure: unknown) => failure as Error,
    );
    expect(String(error?.cause)).toMatch(problem);
    expect(await loop.state()).toMatchObject({ state: 'running' });
  });

  const garbage: unknown[][] = [
    ['text'],
    [''],
    [7],
    [Number.MAX_VALUE],
    [true],
    [[]],
    [['alice']],
    [{ by: 7 }],
    [{ by: { name: 'alice' } }],
    [{ note: [] }],
    [{ targets: 'api' }],
    [{ targets: [null] }],
    [{ unknown: 'field' }],
    [{ constructor: 'x' }],
    [{ revision: 2, intervalsMs: [0] }],
    [{ revision: 2, intervalsMs: ['often'] }],
    [{ revision: 'new' }],
    ['two', 'arguments'],
  ];

  async function expectUntouched(loop: HeartbeatLoop): Promise<void> {
    const count = fake.probes.length;
    await server.sleep(2 * minute);
    expect(await loop.reached(count + 2)).toMatchObject({ state: 'running', revision: 1, missed: 0 });
  }

  it('goes on through signals with garbage of every kind', async () => {
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    await server.sleep(10 * second);
    for (const name of ['pause', 'resume', 'trigger', 'stop', 'configure', 'unknown signal', '__proto__'])
      for (const args of garbage) await loop.handle.signal(name, ...args);
    await expectUntouched(loop);
    expect(fake.loads.length).toBe(1);
  });

  it.each([
    ['another shard', { shard: 5 }],
    ['another environment', { environment: 'other' }],
    ['an interval of nothing', { intervalsMs: [0] }],
    ['a negative interval', { intervalsMs: [-60_000] }],
    ['intervals that are none', { intervalsMs: [null] }],
    ['a revision that is none', { revision: 1.5 }],
    ['no number of services', { services: null }],
  ])('goes on through a configuration for %s', async (_, wrong) => {
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    await server.sleep(10 * second);
    await loop.handle.signal('configure', { ...loop.settings, revision: 2, ...wrong });
    await expectUntouched(loop);
  });

  it('goes on through payloads that nobody can decode', async () => {
    const loop = await startHeartbeat(server);
    await loop.reached(1);
    await server.sleep(10 * second);
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    const payloads: Payload[] = [
      { metadata: { encoding: bytes('json/plain') }, data: bytes('{"by": ') },
      { metadata: { encoding: bytes('json/plain') }, data: new Uint8Array([0xff, 0xfe]) },
      { metadata: { encoding: bytes('binary/encrypted') }, data: bytes('x') },
      { metadata: { encoding: bytes('binary/plain') }, data: bytes('x') },
      {
        metadata: { encoding: bytes('json/protobuf'), messageType: bytes('no.such.Message') },
        data: bytes('{}'),
      },
      { metadata: {}, data: bytes('{}') },
      {},
    ];
    for (const signalName of ['pause', 'stop', 'configure', 'whatever'])
      for (const payload of payloads)
        await server.client.workflowService.signalWorkflowExecution({
          namespace: server.namespace,
          workflowExecution: { workflowId: loop.handle.workflowId },
          signalName,
          input: { payloads: [payload] },
        });
    await expectUntouched(loop);
  });

  it('knows no other update, and says which there are', async () => {
    const loop = await startHeartbeat(server);
    await expect(loop.update('explode', {})).rejects.toThrow();
    expect((await loop.state()).state).toBe('running');
  });
});
