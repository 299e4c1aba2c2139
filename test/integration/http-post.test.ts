/** Messages over HTTP against servers that misbehave: each attempt ends in time, with an outcome and harmless words. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createChannelSender } from '../../src/adapters/channels/channel-sender.js';
import type { SendOutcome } from '../../src/domain/alert.js';
import { makeCertificate } from '../support/certificate.js';
import { channelDependencies, messageOf } from '../support/messages.js';
import { freePort, startTcpServer } from '../support/tcp-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { answering, startWebhookServer } from '../support/webhook-server.js';

const send = createChannelSender(channelDependencies());

const post = (url: string, signal?: AbortSignal): Promise<SendOutcome> =>
  send({ name: 'hook', kind: 'webhook', url, secret: null }, messageOf(), { attempt: 0, signal });

/** What must not be in any reason. */
const secretPath = '/services/T0/B0/s3cret?token=hunter2';

describe('an attempt over HTTP', () => {
  it.each([200, 201, 202, 204])('is done with %i', async (status) => {
    const server = await startWebhookServer(answering(status));
    expect(await post(`${server.url}${secretPath}`)).toEqual({ kind: 'sent' });
    expect(server.received).toHaveLength(1);
    expect(server.received[0]).toMatchObject({ method: 'POST', path: secretPath });
    expect(server.received[0]?.headers['user-agent']).toMatch(/^opsloop\//);
  });

  it.each([408, 425, 429, 500, 502, 503, 504])('is worth another with %i', async (status) => {
    const server = await startWebhookServer(answering(status));
    const reason = `127.0.0.1:${server.port} answered ${status}`;
    expect(await post(server.url)).toEqual({ kind: 'retry', reason, afterMs: null });
  });

  it.each([400, 401, 403, 404, 405, 410, 413, 422])('is of no use with %i', async (status) => {
    const server = await startWebhookServer(answering(status));
    const outcome = await post(`${server.url}${secretPath}`);
    expect(outcome).toMatchObject({ kind: 'permanent' });
    expect(JSON.stringify(outcome)).toContain(`answered ${status};`);
    expect(JSON.stringify(outcome)).not.toMatch(/s3cret|hunter2|services/);
  });

  it.each([
    ['30', 30_000],
    ['0', 0],
    ['1.5', 1500],
    [new Date(channelDependencies().now() + 120_000).toUTCString(), 120_000],
    [new Date(channelDependencies().now() - 120_000).toUTCString(), 0],
    ['999999', 3_600_000],
    ['soon', null],
    ['-5', null],
  ])('waits as long as Retry-After %s asks, an hour at most', async (header, afterMs) => {
    const server = await startWebhookServer(answering(429, { 'retry-after': header }));
    expect(await post(server.url)).toMatchObject({ kind: 'retry', afterMs });
  });

  it('follows no redirect, and says so without the path', async () => {
    const elsewhere = await startWebhookServer();
    const server = await startWebhookServer(answering(307, { location: `${elsewhere.url}${secretPath}` }));
    const outcome = await post(server.url);
    expect(outcome).toMatchObject({ kind: 'permanent' });
    expect(JSON.stringify(outcome)).toContain(`redirects to 127.0.0.1:${elsewhere.port}`);
    expect(JSON.stringify(outcome)).not.toContain('s3cret');
    expect(elsewhere.received).toEqual([]);
  });

  it('says when nothing listens, and when the name does not resolve', async () => {
    const port = await freePort();
    expect(await post(`http://127.0.0.1:${port}${secretPath}`)).toEqual({
      kind: 'retry',
      reason: `connection refused 127.0.0.1:${port}`,
      afterMs: null,
    });
    const outcome = await post(`http://nothing.invalid${secretPath}`);
    expect(outcome).toMatchObject({ kind: 'retry' });
    expect(JSON.stringify(outcome)).toMatch(/nothing\.invalid/);
  });

  it('says when the connection is reset', async () => {
    const server = await startTcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    onTestFinished(() => server.close());
    const outcome = await post(`http://${server.address}/`);
    expect(outcome).toMatchObject({ kind: 'retry' });
    expect(JSON.stringify(outcome)).toContain(`${server.address} closed the connection before it answered`);
  });

  it('says when what answers is no HTTP', async () => {
    const server = await startTcpServer((socket) =>
      socket.once('data', () => socket.end('220 mail ready\r\n')),
    );
    onTestFinished(() => server.close());
    const outcome = await post(`http://${server.address}/`);
    expect(JSON.stringify(outcome)).toContain('does not answer in valid HTTP');
  });

  it('ends after 10 s when the other side hangs, and leaves no connection', async () => {
    const server = await startTcpServer();
    onTestFinished(() => server.close());
    const startedAt = performance.now();
    expect(await post(`http://${server.address}${secretPath}`)).toEqual({
      kind: 'retry',
      reason: `${server.address} did not answer within 10 s`,
      afterMs: null,
    });
    expect(performance.now() - startedAt).toBeLessThan(13_000);
    await expect.poll(() => server.open()).toBe(0);
  });

  it('ends at once when the worker stops', async () => {
    const server = await startTcpServer();
    onTestFinished(() => server.close());
    const stop = new AbortController();
    const sending = post(`http://${server.address}/`, stop.signal);
    await expect.poll(() => server.open()).toBe(1);
    stop.abort();
    expect(await sending).toMatchObject({
      kind: 'retry',
      reason: expect.stringContaining('worker stopped') as string,
    });
    await expect.poll(() => server.open()).toBe(0);
  });

  it('takes the head for the answer when the body breaks off or is endless', async () => {
    const broken = await startWebhookServer((response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('ok', () => response.destroy());
    });
    expect(await post(broken.url)).toEqual({ kind: 'sent' });
    const endless = await startWebhookServer((response) => {
      const more = (): void =>
        void (response.destroyed || response.write('x'.repeat(65_536), () => setImmediate(more)));
      response.writeHead(500);
      more();
    });
    expect(await post(endless.url)).toMatchObject({ kind: 'retry' });
  });

  it('judges the certificate', async () => {
    const selfSigned = await startWebhookServer(undefined, { certificate: makeCertificate() });
    expect(await post(selfSigned.url)).toEqual({
      kind: 'retry',
      reason: `the certificate of 127.0.0.1:${selfSigned.port} is self-signed; NODE_EXTRA_CA_CERTS can name its file`,
      afterMs: null,
    });
    expect(selfSigned.received).toEqual([]);
    const plain = await startWebhookServer();
    expect(JSON.stringify(await post(`https://127.0.0.1:${plain.port}/`))).toContain('does not speak TLS');
  });

  it('goes to a server whose authority this host trusts', async () => {
    const certificate = makeCertificate();
    const server = await startWebhookServer(undefined, { certificate });
    const authority = join(await temporaryFolder(), 'authority.pem');
    await writeFile(authority, certificate.cert);
    const channel = { name: 'hook', kind: 'webhook', url: `https://127.0.0.1:${server.port}/`, secret: null };
    // Node reads the variable when it starts, hence a process of its own.
    const script = `
      import { createChannelSender } from './src/adapters/channels/channel-sender.ts';
      const send = createChannelSender({ stateDir: '/', linksOf: () => ({}), now: Date.now });
      send(${JSON.stringify(channel)}, ${JSON.stringify(messageOf())}, { attempt: 0 })
        .then((outcome) => console.log(JSON.stringify(outcome)));`;
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: authority };
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    expect(JSON.parse(stdout)).toEqual({ kind: 'sent' });
    expect(server.received).toHaveLength(1);
  }, 20_000);

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://2852039166/latest/meta-data',
    'http://[::ffff:169.254.169.254]/',
    'http://metadata.google.internal/',
  ])('does not go to %s', async (url) => {
    const outcome = await post(url);
    expect(outcome).toMatchObject({ kind: 'permanent' });
    expect(JSON.stringify(outcome)).toMatch(/cloud metadata address/);
    expect(JSON.stringify(outcome)).not.toContain('latest');
  });

  it.each(['ftp://example.org/x', 'hooks.example.org', '', 'http://'])(
    'refuses %j, which is no URL of HTTP',
    async (url) => {
      expect(await post(url)).toMatchObject({ kind: 'permanent' });
    },
  );

  it('sends user and password of the URL as Basic authorization, and says neither', async () => {
    const server = await startWebhookServer(answering(403));
    const outcome = await post(server.url.replace('://', '://boris:p%40ss@'));
    expect(server.received[0]?.headers.authorization).toBe(
      `Basic ${Buffer.from('boris:p@ss').toString('base64')}`,
    );
    expect(JSON.stringify(outcome)).not.toMatch(/boris|p@ss|p%40ss/);
  });
});
