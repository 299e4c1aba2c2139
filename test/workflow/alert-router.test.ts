// The alert router: each message once on each channel, in order, whatever one channel or the database does.
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Alert } from '../../src/domain/alert.js';
import type { LoopStatus } from '../../src/domain/loop.js';
import type { LoopLimits } from '../../src/workflows/loop-limits.js';
import { alertOf } from '../support/alerts.js';
import { eventually } from '../support/eventually.js';
import { createFakeChannels } from '../support/fake-alert-router-activities.js';
import {
  askLoop,
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const [second, minute] = [1000, 60_000];

describe.skipIf(timeSkippingServer === undefined)('alertRouter', () => {
  const fake = createFakeChannels();
  let server: WorkflowEnvironment;
  beforeAll(async () => {
    server = await openWorkflowEnvironment({ server: 'timeSkipping', activities: fake.activities });
  });
  afterAll(() => server?.close());
  beforeEach(() => fake.reset());
  afterEach(() => server.endLoops());

  interface Router {
    handle: WorkflowHandle;
    settings: { environment: string; revision: number; channels: string[] };
    submit(...keys: string[]): Promise<void>;
    state(): Promise<LoopStatus>;
  }

  async function startRouter(
    channels: string[],
    more: { revision?: number; limits?: LoopLimits } = {},
  ): Promise<Router> {
    const environment = server.newEnvironmentName();
    const settings = { environment, revision: more.revision ?? 1, channels };
    const workflowId = `alertRouter:${environment}`;
    await server.start(
      'alertRouter',
      { settings, ...(more.limits && { limits: more.limits }) },
      { workflowId },
    );
    const handle = server.client.workflow.getHandle(workflowId);
    return {
      handle,
      settings,
      submit: async (...keys) => {
        for (const key of keys) await handle.signal<[Alert]>('submit', alertOf({ key, environment }));
      },
      state: () => askLoop<LoopStatus>(handle, 'state'),
    };
  }

  const sent = (channel: string, count: number): Promise<unknown> =>
    eventually(`${count} messages on ${channel}`, () => fake.sentOn(channel).length >= count);

  it('sends each alert once on every channel, in order, and a repeated one not again', async () => {
    const router = await startRouter(['a', 'b']);
    await router.submit('1', '2', '1', '3', '2');
    await Promise.all([sent('a', 3), sent('b', 3)]);
    await router.submit('3', '4');
    await Promise.all([sent('a', 4), sent('b', 4)]);
    expect([fake.sentOn('a'), fake.sentOn('b')]).toEqual([
      ['1', '2', '3', '4'],
      ['1', '2', '3', '4'],
    ]);
    expect(await router.state()).toMatchObject({ count: 4, state: 'running' });
  });

  it('does not let a failing channel delay another, and tries it again with growing waits', async () => {
    fake.deliver = ({ channel, attempt }) =>
      channel === 'dead' && attempt <= 5 ? { kind: 'retry', reason: 'status 503' } : { kind: 'sent' };
    const router = await startRouter(['dead', 'alive']);
    await router.submit('1', '2');
    await sent('alive', 2);
    expect(fake.sentOn('dead')).toEqual([]);
    await server.sleep(5 * minute);
    await sent('dead', 2);
    expect(fake.sentOn('dead')).toEqual(['1', '2']);
    const attempts = fake.attempts.filter(({ channel, alert }) => channel === 'dead' && alert.key === '1');
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6]);
    const history = await router.handle.fetchHistory();
    const waitsMs = (history.events ?? []).flatMap(({ timerStartedEventAttributes: timer }) => {
      const wait = timer?.startToFireTimeout;
      return wait ? [Number(wait.seconds) * 1000 + (wait.nanos ?? 0) / 1e6] : [];
    });
    // A little of each wait is over when its timer starts.
    expect(waitsMs.slice(0, 5).map((wait) => Math.ceil(wait / 1000))).toEqual([1, 2, 4, 8, 16]);
  });

  it('tries again when an attempt breaks instead of answering', async () => {
    let broken = 0;
    fake.deliver = () => {
      broken += 1;
      if (broken <= 2) throw new Error('the worker lost its way');
      return { kind: 'sent' };
    };
    const router = await startRouter(['a']);
    await router.submit('1', '2');
    await server.sleep(minute);
    await sent('a', 2);
    expect(fake.sentOn('a')).toEqual(['1', '2']);
  });

  it('goes on behind a message that can never be delivered', async () => {
    fake.deliver = ({ alert }) =>
      alert.key === '1' ? { kind: 'gone', reason: 'no such channel' } : { kind: 'sent' };
    const router = await startRouter(['a']);
    await router.submit('1', '2');
    await sent('a', 1);
    expect(fake.sentOn('a')).toEqual(['2']);
  });

  it('holds messages while paused, also those that wait for their next attempt, and sends them when resumed', async () => {
    let isDead = true;
    fake.deliver = () => (isDead ? { kind: 'retry', reason: 'status 503' } : { kind: 'sent' });
    const router = await startRouter(['a']);
    await router.submit('1');
    await eventually('the first attempt', () => fake.attempts.length === 1);
    await router.handle.signal('pause', { by: 'alice', note: 'moving the mail server' });
    await eventually('the pause', () => fake.recorded.at(-1)?.state === 'paused');
    isDead = false;
    await router.submit('2');
    await server.sleep(10 * minute);
    expect(fake.attempts.length).toBe(1);
    expect(fake.recorded.at(-1)).toMatchObject({ state: 'paused', pausedBy: 'alice', count: 2 });
    await router.handle.signal('resume', { by: 'alice' });
    await server.sleep(minute);
    await sent('a', 2);
    expect(fake.sentOn('a')).toEqual(['1', '2']);
    await eventually('the record', () => fake.recorded.at(-1)?.state === 'running');
  });

  it('looks for its routing when started without any, and then sends what started it', async () => {
    const router = await startRouter([], { revision: 0 });
    await router.submit('1');
    await sent('a', 1);
    expect(fake.attempts[0]).toMatchObject({ revision: 1, channel: 'a' });
  });

  it('keeps alerts while its routing cannot be read', async () => {
    let isDown = true;
    fake.routing = () => {
      if (isDown) throw new Error('the database cannot be reached');
      return { revision: 4, channels: ['a', 'b'] };
    };
    const router = await startRouter([], { revision: 0, limits: { signals: 2 } });
    await router.submit('1', '2', '3');
    await server.sleep(minute + 2 * second);
    expect(fake.attempts).toEqual([]);
    isDown = false;
    await server.sleep(minute + 2 * second);
    await Promise.all([sent('a', 3), sent('b', 3)]);
    expect(fake.sentOn('b')).toEqual(['1', '2', '3']);
  });

  it('takes its routing from `apply` while it looks for it itself', async () => {
    fake.routing = () => {
      throw new Error('the database cannot be reached');
    };
    const router = await startRouter([], { revision: 0 });
    await router.submit('1');
    await router.handle.signal('configure', { ...router.settings, revision: 9, channels: ['c'] });
    await sent('c', 1);
    expect(fake.attempts[0]).toMatchObject({ revision: 9, channel: 'c' });
  });

  it('sends to the new channels when it is configured anew', async () => {
    const router = await startRouter(['a']);
    await router.submit('1');
    await sent('a', 1);
    await router.handle.signal('configure', { ...router.settings, revision: 2, channels: ['b'] });
    await router.submit('2');
    await sent('b', 1);
    expect([fake.sentOn('a'), fake.sentOn('b')]).toEqual([['1'], ['2']]);
    expect((await router.handle.describe()).memo).toMatchObject({ revision: 2 });
  });

  it('ends when it is stopped, after the attempts under way, and says so', async () => {
    const router = await startRouter(['a']);
    await router.submit('1');
    await sent('a', 1);
    await router.handle.signal('stop', { by: 'alice' });
    await router.handle.result();
    expect(fake.recorded.at(-1)).toMatchObject({ state: 'stopped', count: 1, note: 'stopped by alice' });
  });

  const broken = (field: object): unknown[] => [{ ...alertOf({ key: 'broken' }), ...field }];
  it.each([
    ['nothing', []],
    ['a text', ['text']],
    ['a number', [7]],
    ['null', [null]],
    ['a list', [['list']]],
    ['an empty object', [{}]],
    ['an object with a part of the fields', [{ key: 'k', text: 't' }]],
    ['a severity that is none', broken({ severity: 'urgent' })],
    ['an event that is none', broken({ event: 'exploded' })],
    ['no list of affected targets', broken({ affected: null })],
    ['an instant that is none', broken({ at: 9e15 })],
    ['an endless text', broken({ text: 'x'.repeat(100_000) })],
  ])('ignores an alert and settings with %s', async (_, args) => {
    const router = await startRouter(['a']);
    await router.handle.signal('submit', ...args);
    await router.handle.signal('configure', ...args);
    await router.submit('good');
    await sent('a', 1);
    expect(fake.sentOn('a')).toEqual(['good']);
    expect(await router.state()).toMatchObject({ count: 1, state: 'running' });
  });

  it('survives full queues of long messages on every channel', async () => {
    fake.deliver = () => ({ kind: 'retry', reason: 'status 503' });
    const router = await startRouter(['a', 'b', 'c', 'd'], { limits: { signals: 400 } });
    const first = (await router.handle.describe()).runId;
    const send = (index: number): Promise<void> =>
      router.handle.signal<[Alert]>(
        'submit',
        alertOf({ key: `key-${index}`, environment: router.settings.environment, text: 'x'.repeat(3000) }),
      );
    for (let at = 0; at < 400; at += 20)
      await Promise.all(Array.from({ length: 20 }, (_, index) => send(at + index)));
    await server.sleep(minute);
    await eventually('the next run', async () => (await router.handle.describe()).runId !== first);
    expect((await router.state()).count).toBe(400);
  });
});
