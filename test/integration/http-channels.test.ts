/** Slack, Discord and webhooks against servers that answer as those do. */
import { createHmac } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createChannelSender } from '../../src/adapters/channels/channel-sender.js';
import type { AlertMessage, SendOutcome } from '../../src/domain/alert.js';
import { alertOf } from '../support/alerts.js';
import { channelDependencies, groupOf, hostileTexts, messageOf } from '../support/messages.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { answering, startWebhookServer, type ReceivedPost } from '../support/webhook-server.js';

const send = createChannelSender(channelDependencies());
const attempt = { attempt: 0 };

describe('Slack', () => {
  const sendTo = (url: string, message: AlertMessage = messageOf()): Promise<SendOutcome> =>
    send({ name: 'team', kind: 'slack', url: `${url}/services/T0/B0/x` }, message, attempt);

  it('is sent blocks and a text for notifications', async () => {
    const server = await startWebhookServer();
    expect(
      await sendTo(server.url, messageOf({ affected: ['web'], runbook: 'https://example.org/r' })),
    ).toEqual({
      kind: 'sent',
    });
    const payload = JSON.parse(server.received[0]?.body ?? '') as {
      text: string;
      blocks: { type: string }[];
    };
    expect(payload.text).toBe('[HIGH] api is unhealthy — shop\napi is unhealthy: connection refused');
    expect(payload.blocks[0]).toEqual({
      type: 'header',
      text: { type: 'plain_text', text: '🟠 [HIGH] api is unhealthy', emoji: false },
    });
    const body = server.received[0]?.body ?? '';
    for (const said of [
      'connection refused',
      'web',
      'What opsloop did',
      'What to do',
      '|Dashboard>',
      '|Workflow>',
      '|Runbook>',
    ]) {
      expect(body).toContain(said);
    }
  });

  it('gets nothing that it would read as markup from outside', async () => {
    const server = await startWebhookServer();
    for (const text of hostileTexts)
      await sendTo(server.url, messageOf({ target: text, text, affected: [text] }));
    for (const { body } of server.received) expect(body).not.toMatch(/<!|<@|<#|<http:\/\/evil|<script/);
  });

  it('is waited for as long as it says', async () => {
    const server = await startWebhookServer(answering(429, { 'retry-after': '7' }, 'rate_limited'));
    expect(await sendTo(server.url)).toMatchObject({ kind: 'retry', afterMs: 7000 });
  });

  it.each([
    [400, 'invalid_payload', /did not understand/],
    [403, 'action_prohibited', /administrator/],
    [404, 'no_service', /make a new incoming webhook/],
    [404, 'channel_not_found', /make a new incoming webhook/],
    [410, 'channel_is_archived', /archive/],
    [404, '<html>Not here</html>', /check that the URL/],
  ])('is given up at %i %s, with what to do', async (status, word, advice) => {
    const server = await startWebhookServer(answering(status, {}, word));
    const outcome = await sendTo(server.url);
    expect(outcome).toMatchObject({ kind: 'permanent', reason: expect.stringMatching(advice) as string });
    expect(JSON.stringify(outcome)).not.toMatch(/services|<html>/);
  });

  it('is tried again after 500 rollup_error', async () => {
    const server = await startWebhookServer(answering(500, {}, 'rollup_error'));
    expect(await sendTo(server.url)).toMatchObject({
      kind: 'retry',
      reason: expect.stringContaining('rollup_error') as string,
    });
  });
});

describe('Discord', () => {
  const sendTo = (url: string, message: AlertMessage = messageOf()): Promise<SendOutcome> =>
    send({ name: 'chat', kind: 'discord', url: `${url}/api/webhooks/1/token` }, message, attempt);

  it('is asked to wait for the result, and sent an embed that mentions nobody', async () => {
    const server = await startWebhookServer(answering(204));
    expect(
      await sendTo(server.url, messageOf({ severity: 'critical', text: '@everyone [x](http://evil)' })),
    ).toEqual({
      kind: 'sent',
    });
    expect(server.received[0]?.path).toBe('/api/webhooks/1/token?wait=true');
    expect(JSON.parse(server.received[0]?.body ?? '')).toMatchObject({
      allowed_mentions: { parse: [] },
      embeds: [
        { title: '\\[CRITICAL\\] api is unhealthy', color: 0xd92d20, timestamp: '2026-01-01T12:00:00.000Z' },
      ],
    });
    expect(server.received[0]?.body).not.toMatch(/@everyone|\[x\]\(/);
  });

  it('keeps the thread that the URL names', async () => {
    const server = await startWebhookServer(answering(200));
    await send({ name: 'chat', kind: 'discord', url: `${server.url}/w?thread_id=42` }, messageOf(), attempt);
    expect(server.received[0]?.path).toBe('/w?thread_id=42&wait=true');
  });

  it.each([
    [{}, { retry_after: 0.65, message: 'You are being rate limited.' }, 650],
    [{ 'retry-after': '3' }, { retry_after: 0.65 }, 3000],
    [{ 'retry-after': '3' }, 'no json', 3000],
    [{}, { retry_after: 1e9 }, 3_600_000],
  ])('is waited for as long as header %j and body %j say', async (headers, body, afterMs) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const server = await startWebhookServer(answering(429, headers, text));
    expect(await sendTo(server.url)).toMatchObject({ kind: 'retry', afterMs });
  });

  it.each([400, 401, 403, 404])('is given up at %i, with what it said', async (status) => {
    const server = await startWebhookServer(
      answering(status, {}, '{"message": "Unknown Webhook", "code": 10015}'),
    );
    const outcome = await sendTo(server.url);
    expect(outcome).toMatchObject({
      kind: 'permanent',
      reason: expect.stringContaining('Unknown Webhook') as string,
    });
    expect(JSON.stringify(outcome)).not.toContain('token');
  });
});

describe('a webhook', () => {
  const secret = `whsec_${Buffer.from('0123456789abcdef0123456789abcdef').toString('base64')}`;

  /** As a receiver would do it, with nothing of the sender's. */
  const isSigned = ({ headers, body }: ReceivedPost, key: Buffer): boolean => {
    const content = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
    return (
      headers['webhook-signature'] ===
      `v1,${createHmac('sha256', key).update(content, 'utf8').digest('base64')}`
    );
  };

  it('gets the body of Alertmanager', async () => {
    const server = await startWebhookServer();
    const message = messageOf({
      since: alertOf().at - 60_000,
      affected: ['web'],
      did: ['restarted api'],
      advice: 'Call Ada.',
      labels: { job: 'node', severity: 'forged', pod: 'p1' },
      runbook: 'https://example.org/r',
    });
    await send({ name: 'hook', kind: 'webhook', url: server.url, secret: null }, message, attempt);
    expect(server.received[0]?.headers['content-type']).toBe('application/json');
    expect(server.received[0]?.headers['webhook-signature']).toBeUndefined();
    const labels = {
      job: 'node',
      pod: 'p1',
      alertname: 'unhealthy',
      severity: 'high',
      loop: 'heartbeat',
      target: 'api',
      environment: 'shop',
      incident: 'incident:shop:heartbeat:unhealthy:api',
    };
    const workflow = 'http://127.0.0.1:8233/namespaces/default/workflows/incident%3Ashop';
    const dashboard = 'http://127.0.0.1:7070/incidents/1';
    const annotations = {
      event: 'opened',
      key: message.key,
      episode: '1',
      summary: 'api is unhealthy',
      description: 'api is unhealthy: connection refused',
      affected: 'web',
      did: 'restarted api',
      advice: 'Call Ada.',
      dashboard,
      workflow,
      runbook_url: 'https://example.org/r',
    };
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({
      version: '4',
      groupKey: message.groupKey,
      truncatedAlerts: 0,
      status: 'firing',
      receiver: 'hook',
      groupLabels: message.groupLabels,
      commonLabels: labels,
      commonAnnotations: annotations,
      externalURL: dashboard,
      alerts: [
        {
          status: 'firing',
          labels,
          annotations,
          startsAt: '2026-01-01T11:59:00.000Z',
          endsAt: '0001-01-01T00:00:00Z',
          generatorURL: workflow,
          fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
        },
      ],
    });
  });

  it('names one incident by one fingerprint, firing and resolved', async () => {
    const server = await startWebhookServer();
    const channel = { name: 'hook', kind: 'webhook', url: server.url, secret: null } as const;
    await send(channel, messageOf(), attempt);
    await send(channel, messageOf({ event: 'recovered', status: 'resolved', severity: 'low' }), attempt);
    const [opened, resolved] = server.received.map(
      ({ body }) => (JSON.parse(body) as { alerts: { fingerprint: string; endsAt: string }[] }).alerts[0],
    );
    expect(resolved?.fingerprint).toBe(opened?.fingerprint);
    expect(resolved?.endsAt).toBe('2026-01-01T12:00:00.000Z');
  });

  it('gets what a group has in common, and the number of alerts that were left out', async () => {
    const server = await startWebhookServer();
    const alerts = Array.from({ length: 230 }, (_, index) => alertOf({ target: `t${index}` }));
    await send({ name: 'hook', kind: 'webhook', url: server.url, secret: null }, groupOf(alerts), attempt);
    const body = JSON.parse(server.received[0]?.body ?? '') as {
      alerts: unknown[];
      truncatedAlerts: number;
      commonLabels: Record<string, string>;
    };
    expect(body.alerts).toHaveLength(200);
    expect(body.truncatedAlerts).toBe(30);
    expect(body.commonLabels).toMatchObject({ alertname: 'unhealthy', environment: 'shop' });
    expect(body.commonLabels['target']).toBeUndefined();
  });

  it.each([
    [secret, Buffer.from('0123456789abcdef0123456789abcdef')],
    ['any text, æøå', Buffer.from('any text, æøå')],
  ])('is signed with %s', async (given, key) => {
    const server = await startWebhookServer();
    await send(
      { name: 'hook', kind: 'webhook', url: server.url, secret: given },
      messageOf({ text: 'æøå' }),
      attempt,
    );
    const [post] = server.received;
    expect(post?.headers['webhook-timestamp']).toBe(String(Math.floor(channelDependencies().now() / 1000)));
    expect(post !== undefined && isSigned(post, key)).toBe(true);
    expect(post !== undefined && isSigned({ ...post, body: `${post.body} ` }, key)).toBe(false);
  });

  it.each([secret, 'any text'])(
    'is found genuine by the check in the documentation, with %s',
    async (given) => {
      const server = await startWebhookServer();
      const sendNow = createChannelSender(channelDependencies({ now: () => Date.now() }));
      await sendNow({ name: 'hook', kind: 'webhook', url: server.url, secret: given }, messageOf(), attempt);
      const page = await readFile('docs/channels.md', 'utf8');
      const file = join(await temporaryFolder(), 'check.mjs');
      await writeFile(file, /```js\n(?<code>.*?)```/s.exec(page)?.groups?.['code'] ?? '');
      const { isFromOpsloop } = (await import(file)) as {
        isFromOpsloop: (headers: IncomingHttpHeaders, body: string, secret: string) => boolean;
      };
      const headers = server.received[0]?.headers ?? {};
      const body = server.received[0]?.body ?? '';
      expect(isFromOpsloop(headers, body, given)).toBe(true);
      expect(isFromOpsloop(headers, `${body} `, given)).toBe(false);
      expect(isFromOpsloop(headers, body, 'another secret')).toBe(false);
      expect(isFromOpsloop({ ...headers, 'webhook-timestamp': '1' }, body, given)).toBe(false);
    },
  );

  it('has the same id on every attempt, and another for another message or channel', async () => {
    const server = await startWebhookServer(answering(503));
    const idOf = async (name: string, key: string, attempts: number): Promise<unknown> => {
      await send({ name, kind: 'webhook', url: server.url, secret }, messageOf({ key }), {
        attempt: attempts,
      });
      return server.received.at(-1)?.headers['webhook-id'];
    };
    const first = await idOf('a', 'k1', 0);
    expect(first).toMatch(/^msg_[0-9a-f]{32}$/);
    expect(await idOf('a', 'k1', 5)).toBe(first);
    expect(await idOf('a', 'k2', 0)).not.toBe(first);
    expect(await idOf('b', 'k1', 0)).not.toBe(first);
  });

  it('is not sent with a secret that is none', async () => {
    const server = await startWebhookServer();
    const channel = { name: 'hook', kind: 'webhook', url: server.url, secret: 'whsec_not base64!' } as const;
    expect(await send(channel, messageOf(), attempt)).toMatchObject({ kind: 'permanent' });
    expect(server.received).toEqual([]);
  });
});
