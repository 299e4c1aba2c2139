/** Channels that are down, hang, refuse or ask to wait: the others are told at once, and theirs comes later, in order, once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AlertDocument } from '../../src/domain/documents.js';
import { startAlertReceiver, type AlertReceiver } from '../support/alert-receiver.js';
import { makeCertificate } from '../support/certificate.js';
import { eventually } from '../support/eventually.js';
import { fire } from '../support/outside-alerts.js';
import { openSmtpServer, refusal, type TestSmtpServer } from '../support/smtp-server.js';
import { startStack, type Stack } from '../support/stack.js';

let receiver: AlertReceiver;
let untrusted: AlertReceiver;
let mail: TestSmtpServer;
let stack: Stack;

beforeAll(async () => {
  receiver = await startAlertReceiver();
  untrusted = await startAlertReceiver(makeCertificate());
  mail = await openSmtpServer({
    onRcptTo: (_address, _session, callback) => callback(refusal(550, '5.1.1 no such mailbox')),
  });
  const route = (type: string, ...channels: string[]) => ({ match: { type }, channels });
  stack = await startStack({
    configuration: {
      environment: 'shop',
      services: [],
      channels: {
        file: { type: 'file' },
        hook: { type: 'webhook', url: `${receiver.url}/hook` },
        hung: { type: 'webhook', url: `${receiver.url}/hung` },
        limited: { type: 'webhook', url: `${receiver.url}/limited` },
        untrusted: { type: 'webhook', url: `${untrusted.url}/x` },
        post: {
          type: 'email',
          url: `smtp://${mail.address}`,
          from: 'ops@example.org',
          to: ['a@example.org'],
        },
      },
      alerts: {
        channels: ['file'],
        groupWait: '0s',
        groupInterval: '0s',
        resolveTimeout: '1h',
        routes: [
          route('Outage', 'hook', 'file'),
          route('Hang', 'hung', 'file'),
          route('Limit', 'limited'),
          route('Untrusted', 'untrusted', 'file'),
          route('Mail', 'post', 'file'),
        ],
      },
    },
  });
});
afterAll(async () => {
  await stack.close();
  await Promise.all([receiver.stop(), untrusted.stop(), mail.close()]);
});

const inFile = (type: string): string[] =>
  stack.alerts().flatMap((line) => (line.type === type && line.event === 'opened' ? [line.target] : []));
const historyOf = async (channel: string): Promise<AlertDocument[]> =>
  (await stack.ask<AlertDocument[]>('alerts', 'history')).filter((row) => row.channel === channel);

describe('a channel', () => {
  it('that is down while 20 services go down gets all of it later, in order, each once', async () => {
    await receiver.stop();
    const targets = Array.from({ length: 20 }, (_, index) => `service-${index}`);
    await fire(stack, ...targets.map((target) => ({ type: 'Outage', target, severity: 'critical' })));
    await eventually('all on the other channel', () => inFile('Outage').length === 20, 20_000);
    // It is tried again and again meanwhile, with growing waits.
    await eventually(
      'attempts',
      async () => (await historyOf('hook')).some(({ attempts }) => attempts >= 4),
      40_000,
    );
    expect(receiver.at('/hook')).toEqual([]);
    await receiver.start();
    await eventually('all of it', () => receiver.at('/hook').length >= 20, 60_000);
    const got = receiver.at('/hook').flatMap((message) => message.targets);
    expect(got).toEqual(inFile('Outage'));
    expect([...got].sort()).toEqual([...targets].sort());
    expect(new Set(receiver.at('/hook').map(({ id }) => id)).size).toBe(20);
  });

  it('that takes a request and never answers delays nobody, and its message has one id on every attempt', async () => {
    receiver.answer('/hung', 'held');
    await fire(stack, { type: 'Hang', target: 'api' });
    await eventually('a request that is held', () => receiver.held() > 0, 15_000);
    await eventually('the other channel', () => inFile('Hang').length === 1, 5_000);
    await eventually('the second attempt', () => receiver.at('/hung').length >= 2, 40_000);
    receiver.answer('/hung', 200);
    await eventually('its delivery', async () => (await historyOf('hung'))[0]?.state === 'sent', 60_000);
    expect(new Set(receiver.at('/hung').map(({ id }) => id)).size).toBe(1);
    await receiver.release(200);
  });

  it('that says 429 is asked again when it said, and not before', async () => {
    receiver.answer('/limited', { status: 429, headers: { 'retry-after': '6' } });
    await fire(stack, { type: 'Limit', target: 'api' });
    await eventually('the first attempt', () => receiver.at('/limited').length === 1, 15_000);
    receiver.answer('/limited', 200);
    await eventually('the second attempt', () => receiver.at('/limited').length === 2, 30_000);
    const [first, second] = receiver.at('/limited');
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(5_900);
    expect(second?.id).toBe(first?.id);
  });

  it('whose certificate nobody vouches for is tried again, and the record says why', async () => {
    await fire(stack, { type: 'Untrusted', target: 'api' });
    await eventually('the other channel', () => inFile('Untrusted').length === 1, 10_000);
    const row = await eventually('a failed attempt', async () => {
      const [newest] = await historyOf('untrusted');
      return newest !== undefined && newest.reason !== '' ? newest : null;
    });
    expect(row).toMatchObject({ state: 'pending' });
    expect(row.reason).toMatch(/certificate/i);
    expect(untrusted.received).toEqual([]);
  });

  it('that refuses for good is not asked again: the message is on record as failed, and the next channel is told once', async () => {
    await fire(stack, { type: 'Mail', target: 'api' });
    await eventually('the dead letter', async () => (await historyOf('post'))[0]?.state === 'failed', 20_000);
    await fire(stack, { type: 'Mail', target: 'db' });
    await eventually('the second dead letter', async () => (await historyOf('post')).length === 2, 20_000);
    expect(await historyOf('post')).toMatchObject([
      { state: 'failed', attempts: 1, reason: expect.stringContaining('550') },
      { state: 'failed', attempts: 1 },
    ]);
    const told = await eventually('the word of it', () => {
      const lines = stack
        .alerts()
        .filter(({ event, target }) => event === 'channel_failed' && target === 'post');
      return lines.length > 0 ? lines : null;
    });
    expect(told).toHaveLength(1);
  });
});
