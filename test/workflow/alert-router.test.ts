// The alert router: each message once on each channel, in order, whatever one channel or the database does.
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Alert } from '../../src/domain/alert.js';
import type { LoopStatus } from '../../src/domain/loop.js';
import type { LoopLimits } from '../../src/workflows/loop-limits.js';
import { alertOf, routingOf } from '../support/alerts.js';
import { eventually } from '../support/eventually.js';
import { createFakeChannels } from '../support/fake-alert-router-activities.js';
import {
  askLoop,
  openWorkflowEnvironment,
  timeSkippingServer,
  type WorkflowEnvironment,
} from '../support/workflow-environment.js';

const [second, minute, hour] = [1000, 60_000, 3_600_000];

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
    if (channels.length > 0) fake.useChannels(channels);
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
        for (const key of keys)
          await handle.signal<[Alert]>('submit', alertOf({ key, environment, incident: `incident:${key}` }));
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
      channel === 'dead' && attempt <= 5
        ? { kind: 'retry', reason: 'status 503', afterMs: null }
        : { kind: 'sent' };
    const router = await startRouter(['dead', 'alive']);
    await router.submit('1', '2');
    await sent('alive', 2);
    expect(fake.sentOn('dead')).toEqual([]);
    await server.sleep(5 * minute);
    await sent('dead', 2);
    expect(fake.sentOn('dead')).toEqual(['1', '2']);
    const attempts = fake.attempts.filter(
      ({ channel, message }) => channel === 'dead' && message.key === '1',
    );
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
    fake.deliver = ({ message }) =>
      message.key === '1' ? { kind: 'permanent', reason: 'no such channel' } : { kind: 'sent' };
    const router = await startRouter(['a']);
    await router.submit('1', '2');
    await sent('a', 1);
    expect(fake.sentOn('a')).toEqual(['2']);
  });

  it('holds messages while paused, also those that wait for their next attempt, and sends them when resumed', async () => {
    let isDead = true;
    fake.deliver = () => (isDead ? { kind: 'retry', reason: 'status 503', afterMs: null } : { kind: 'sent' });
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
      return routingOf(['a', 'b'], { revision: 4 });
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
    fake.routing = (revision) => {
      if (revision !== 9) throw new Error('the database cannot be reached');
      return routingOf(['c'], { revision });
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
    fake.routing = (revision) => routingOf(['b'], { revision });
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

  const tell = (router: Router, event: Alert['event'], target: string, changes: Partial<Alert> = {}) =>
    router.handle.signal<[Alert]>(
      'submit',
      alertOf({
        key: `${target}:${event}`,
        event,
        target,
        status: event === 'recovered' ? 'resolved' : 'firing',
        environment: router.settings.environment,
        incident: `incident:${target}`,
        ...changes,
      }),
    );

  it('tells a group together after its wait, with one timer, and the rest after the interval', async () => {
    fake.useRoot({ groupBy: ['loop'], groupWaitMs: 10 * second, groupIntervalMs: minute });
    const router = await startRouter(['a']);
    await tell(router, 'opened', 'api');
    await tell(router, 'opened', 'db');
    await server.sleep(5 * second);
    expect(fake.attempts).toEqual([]);
    await server.sleep(6 * second);
    await sent('a', 1);
    expect(fake.attempts[0]?.message).toMatchObject({
      key: 'api:opened+1',
      groupLabels: { loop: 'heartbeat' },
    });
    await tell(router, 'recovered', 'api');
    await tell(router, 'opened', 'web');
    await server.sleep(2 * minute);
    await sent('a', 3);
    expect(fake.sentOn('a')).toEqual(['api:opened+1', 'api:recovered', 'web:opened']);
    expect(await router.state()).toMatchObject({ revision: 1, firing: 2, queues: [] });
  });

  it('holds back what is silenced, says so once, and tells what still holds at the end, also in a later run', async () => {
    const router = await startRouter(['a'], { limits: { signals: 2 } });
    const silenced = await router.handle.executeUpdate<{ id: string }, [object]>('silence', {
      args: [{ match: { target: ['api', 'db'] }, for: '1h', by: 'alice', note: 'moving' }],
    });
    expect(silenced.id).toBe('s1');
    await tell(router, 'opened', 'api');
    await tell(router, 'opened', 'db');
    await tell(router, 'opened', 'web');
    await sent('a', 1);
    await server.sleep(10 * minute);
    await tell(router, 'recovered', 'db');
    await server.sleep(10 * minute);
    expect(fake.sentOn('a')).toEqual(['web:opened']);
    await eventually('the notes', () => fake.notes.length >= 2);
    expect(fake.reasonsOf('api:opened')[0]).toMatch(/^silenced until .* by alice: moving$/);
    expect(await router.state()).toMatchObject({ silences: [{ id: 's1', by: 'alice' }] });
    await server.sleep(hour);
    await sent('a', 2);
    expect(fake.sentOn('a')).toEqual(['web:opened', 'api:opened']);
    expect(fake.reasonsOf('api:opened')).toHaveLength(1);
    await eventually('the last notes', () => fake.reasonsOf('db:opened').includes('over before it was told'));
    expect(fake.silences).toMatchObject([{ id: 's1', endedAt: null }]);
    expect(await router.state()).toMatchObject({ silences: [] });
  });

  it('knows quiet hours in the time zone of people, and tells in the morning what still holds', async () => {
    const now = new Date(await server.now());
    const minuteOfDay = now.getUTCHours() * 60 + now.getUTCMinutes();
    // Kolkata is five and a half hours ahead, all the year.
    const toMinute = (minuteOfDay + 330 + 90) % 1440;
    const fromMinute = (toMinute + 1440 - 120) % 1440;
    const mute = [
      { match: {}, fromMinute, toMinute, days: null, timeZone: 'Asia/Kolkata', below: 'critical' as const },
    ];
    fake.routing = (revision) => routingOf(['a'], { revision, policy: { mute } });
    const router = await startRouter([], { revision: 1 });
    await tell(router, 'opened', 'api');
    await tell(router, 'opened', 'db', { severity: 'critical' });
    await sent('a', 1);
    await server.sleep(hour);
    expect(fake.sentOn('a')).toEqual(['db:opened']);
    expect(fake.reasonsOf('api:opened')[0]).toMatch(/^quiet hours until /);
    await server.sleep(hour);
    await sent('a', 2);
    expect(fake.sentOn('a')).toEqual(['db:opened', 'api:opened']);
  });

  it('tells at once what a silence held back when somebody ends it', async () => {
    const router = await startRouter(['a']);
    await router.handle.signal('silence', { match: { incident: ['incident:api'] }, for: '2h', by: 'alice' });
    await tell(router, 'opened', 'api');
    await eventually('the note', () => fake.notes.length === 1);
    await router.handle.executeUpdate('unsilence', { args: [{ id: 's1', by: 'bob' }] });
    await sent('a', 1);
    await eventually('the record', () => fake.silences.at(-1)?.endedBy === 'bob');
    await expect(router.handle.executeUpdate('unsilence', { args: [{ id: 's1' }] })).rejects.toMatchObject({
      cause: { message: 'there is no silence "s1" (any more); see: opsloop alerts silences' },
    });
  });

  it('refuses a wrong silence with the name of the field, and ignores a wrong signal', async () => {
    const router = await startRouter(['a']);
    await expect(
      router.handle.executeUpdate('silence', { args: [{ match: { target: ['api'] }, for: '2 hours' }] }),
    ).rejects.toMatchObject({ cause: { message: expect.stringContaining('"for"') as string } });
    for (const input of [undefined, 7, { match: {} }, { match: { target: ['x'] }, for: '-1h' }])
      await router.handle.signal('silence', input);
    await router.handle.signal('unsilence', { id: 'x' });
    await tell(router, 'opened', 'x');
    await sent('a', 1);
    expect(await router.state()).toMatchObject({ silences: [] });
  });

  it('goes on with the number of the silences that an earlier router left', async () => {
    const endsAt = (await server.now()) + hour;
    const left = { id: 's7', match: { target: ['api'] }, by: 'bob', note: '', startsAt: 0, endsAt };
    const router = await startRouter(['a']);
    fake.routing = (revision) => ({
      ...routingOf(['a'], { revision }),
      silences: { active: [left], count: 9 },
    });
    const other = await startRouter([], { revision: 1 });
    const { id } = await other.handle.executeUpdate<{ id: string }, [object]>('silence', {
      args: [{ match: { target: ['db'] }, for: '1h' }],
    });
    expect(id).toBe('s10');
    await tell(other, 'opened', 'api');
    await eventually('the note', () => fake.reasonsOf('api:opened').length === 1);
    expect((await router.state()).state).toBe('running');
  });

  it('tells the next channel, once, that one is dead, and again after it worked and failed anew', async () => {
    let isDead = true;
    fake.deliver = ({ channel }) =>
      channel === 'dead' && isDead ? { kind: 'permanent', reason: 'status 404' } : { kind: 'sent' };
    const router = await startRouter(['dead', 'b', 'c']);
    await router.submit('1', '2');
    await eventually('the news', () => fake.sentOn('b').some((key) => key.includes('channel_failed')));
    const newsOn = (channel: string): string[] =>
      fake.sentOn(channel).filter((key) => key.includes('channel_failed'));
    await sent('c', 2);
    const { environment } = router.settings;
    expect([newsOn('b'), newsOn('c')]).toEqual([[`channel:${environment}:dead:1:channel_failed`], []]);
    isDead = false;
    await router.submit('3');
    await sent('dead', 1);
    isDead = true;
    await router.submit('4');
    await eventually('the second news', () => newsOn('b').length === 2);
    expect(newsOn('b')[1]).toBe(`channel:${environment}:dead:2:channel_failed`);
  });

  it('never goes in a circle when all channels are dead', async () => {
    fake.deliver = () => ({ kind: 'permanent', reason: 'status 404' });
    const router = await startRouter(['x', 'y', 'z']);
    await router.submit('1');
    await eventually('all attempts', () => fake.attempts.length >= 9);
    await server.sleep(hour);
    // One message and the news of three channels, each tried on the two others.
    expect(fake.attempts).toHaveLength(3 + 3 * 2);
    expect(await router.state()).toMatchObject({ queues: [] });
  });

  it('gives up a message after a day, on record, and tells of the channel long before', async () => {
    fake.deliver = ({ channel }) =>
      channel === 'dead' ? { kind: 'retry', reason: 'status 503', afterMs: null } : { kind: 'sent' };
    const router = await startRouter(['dead', 'b']);
    await router.submit('1');
    await sent('b', 1);
    await server.sleep(hour);
    expect(fake.sentOn('b').some((key) => key.includes('channel_failed'))).toBe(true);
    expect(fake.notes).toEqual([]);
    for (let hours = 1; hours < 25; hours += 1) await server.sleep(hour);
    await eventually('the note', () => fake.notes.length === 1);
    expect(fake.notes[0]).toMatchObject({ state: 'failed', channels: ['dead'], message: { key: '1' } });
    expect(fake.notes[0]?.reason).toMatch(/^given up after \d+ attempts: status 503$/);
    const other = fake.sentOn('b').filter((key) => key.includes('channel_failed'));
    expect(other).toHaveLength(1);
  });

  it('waits as long as the other side asks', async () => {
    fake.deliver = ({ attempt }) =>
      attempt === 1 ? { kind: 'retry', reason: 'status 429', afterMs: 10 * minute } : { kind: 'sent' };
    const router = await startRouter(['a']);
    await router.submit('1');
    await server.sleep(9 * minute);
    expect(fake.attempts).toHaveLength(1);
    await server.sleep(2 * minute);
    await sent('a', 1);
  });

  it('hands over up to 20 messages in one call', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    fake.deliver = async ({ message }) => {
      if (message.key === '0') await gate;
      return { kind: 'sent' };
    };
    const router = await startRouter(['a']);
    await router.submit('0');
    await eventually('the first call', () => fake.calls.length === 1);
    await router.submit(...Array.from({ length: 45 }, (_, index) => String(index + 1)));
    await eventually(
      'all are taken',
      async () => (await router.handle.query<LoopStatus>('state')).count === 46,
    );
    release();
    await sent('a', 46);
    expect(fake.calls.map(({ messages }) => messages.length)).toEqual([1, 20, 20, 5]);
    expect(fake.sentOn('a')).toEqual(Array.from({ length: 46 }, (_, index) => String(index)));
  });

  it('notes what a skipped channel is not told, and tests every channel around the queues', async () => {
    fake.routing = (revision) =>
      routingOf(['a'], {
        revision,
        root: { channels: ['a', 'team'] },
        skipped: [{ name: 'team', reason: 'SLACK_WEBHOOK_URL is not set' }],
      });
    const results = [{ channel: 'a', kind: 'webhook', state: 'sent' as const, reason: '', durationMs: 3 }];
    fake.test = () => results;
    const router = await startRouter([], { revision: 1 });
    await router.submit('1');
    await sent('a', 1);
    await eventually('the note', () => fake.notes.length === 1);
    expect(fake.notes[0]).toMatchObject({
      channels: ['team'],
      state: 'suppressed',
      reason: 'channel team is skipped: SLACK_WEBHOOK_URL is not set',
    });
    await router.handle.signal('pause', { by: 'alice' });
    expect(await router.handle.executeUpdate('test', { args: [{ by: 'alice' }] })).toEqual(results);
    await expect(router.handle.executeUpdate('test', { args: [{ channel: 'pager' }] })).rejects.toMatchObject(
      {
        cause: { message: 'there is no channel "pager"; there are a, team' },
      },
    );
  });

  it('keeps on record what still waits when it is stopped', async () => {
    fake.useRoot({ groupWaitMs: hour });
    const router = await startRouter(['a']);
    await router.submit('1');
    await router.handle.signal('stop', { by: 'alice' });
    await router.handle.result();
    expect(fake.reasonsOf('1')).toEqual(['the alert router was stopped before it was sent']);
  });

  it('takes a burst of 1,000 alerts with a bounded history, and loses none', async () => {
    const router = await startRouter(['a']);
    for (let at = 0; at < 1000; at += 50)
      await Promise.all(
        Array.from({ length: 50 }, (_, index) => tell(router, 'opened', `service-${at + index}`)),
      );
    // No time is skipped: a call that is under way when a run ends would seem to last for ever.
    await eventually('all are told', () => new Set(fake.sentOn('a')).size >= 1000, 50_000);
    expect(fake.notes).toEqual([]);
    const { historyLength } = await router.handle.describe();
    expect(historyLength).toBeLessThan(3_000);
  });

  it('survives full queues of long messages on every channel', async () => {
    fake.deliver = () => ({ kind: 'retry', reason: 'status 503', afterMs: null });
    const router = await startRouter(['a', 'b', 'c', 'd'], { limits: { signals: 400 } });
    const first = (await router.handle.describe()).runId;
    const send = (index: number): Promise<void> =>
      router.handle.signal<[Alert]>(
        'submit',
        alertOf({
          key: `key-${index}`,
          incident: `incident:${index}`,
          environment: router.settings.environment,
          text: 'x'.repeat(3000),
        }),
      );
    for (let at = 0; at < 400; at += 20)
      await Promise.all(Array.from({ length: 20 }, (_, index) => send(at + index)));
    await server.sleep(minute);
    await eventually('the next run', async () => (await router.handle.describe()).runId !== first);
    expect((await router.state()).count).toBe(400);
  });
});
