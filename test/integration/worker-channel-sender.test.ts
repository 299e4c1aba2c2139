/** Channels with secrets: resolved when they are used, told apart when they are missing, never in a reason. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSecretScrubber } from '../../src/config/secrets.js';
import type { Channel } from '../../src/domain/configuration.js';
import { createWorkerChannelSender, skippedChannels } from '../../src/workers/channel-sender.js';
import { messageOf } from '../support/messages.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { answering, startWebhookServer } from '../support/webhook-server.js';

const sourcesIn = (directory: string, env: Record<string, string> = {}) => ({
  env,
  directory,
  readFile: (path: string) => readFile(path, 'utf8'),
  scrubber: createSecretScrubber(),
});

const senderWith = (secrets: ReturnType<typeof sourcesIn>) =>
  createWorkerChannelSender({
    stateDir: secrets.directory,
    secrets,
    namespace: 'default',
    webUi: 'http://127.0.0.1:8233',
    dashboard: 'http://127.0.0.1:7070/',
  });

describe('the channels of a worker', () => {
  it('read their secrets at the moment of use', async () => {
    const folder = await temporaryFolder();
    const [before, after] = [await startWebhookServer(), await startWebhookServer()];
    const send = senderWith(sourcesIn(folder));
    const channel: Channel = { name: 'hook', kind: 'webhook', url: '${file:hook.url}', secret: null };
    for (const server of [before, after]) {
      await writeFile(join(folder, 'hook.url'), `${server.url}\n`);
      expect(await send(channel, messageOf(), { attempt: 0 })).toEqual({ kind: 'sent' });
    }
    expect(before.received).toHaveLength(1);
    expect(after.received).toHaveLength(1);
  });

  it('give up, naming channel and reference, when a reference resolves to nothing', async () => {
    const send = senderWith(sourcesIn(await temporaryFolder(), { EMPTY: '' }));
    const hook = { name: 'hook', kind: 'webhook', url: 'http://127.0.0.1:1/' } as const;
    for (const reference of ['${env:NOT_SET}', '${env:EMPTY}', '${file:not-there}']) {
      const outcome = await send({ ...hook, secret: reference }, messageOf(), { attempt: 0 });
      expect(outcome).toMatchObject({ kind: 'permanent' });
      expect(JSON.stringify(outcome)).toContain('channel hook');
      expect(JSON.stringify(outcome)).toContain(reference);
    }
  });

  it('say no secret, even when the other side repeats it', async () => {
    const server = await startWebhookServer((response) =>
      response.writeHead(400).end(JSON.stringify({ message: 'no webhook tok-1234567 here' })),
    );
    const send = senderWith(sourcesIn(await temporaryFolder(), { TOKEN: 'tok-1234567' }));
    const channel: Channel = { name: 'chat', kind: 'discord', url: `${server.url}/\${env:TOKEN}` };
    const outcome = await send(channel, messageOf(), { attempt: 0 });
    expect(server.received[0]?.path).toBe('/tok-1234567?wait=true');
    expect(outcome).toMatchObject({
      kind: 'permanent',
      reason: expect.stringContaining('no webhook *** here') as string,
    });
  });

  it('write to the file below the state directory, with links to dashboard, workflow and runbook', async () => {
    const folder = await temporaryFolder();
    const send = senderWith(sourcesIn(folder));
    const channel: Channel = { name: 'file', kind: 'file', path: 'logs/alerts.jsonl' };
    await send(channel, messageOf({ runbook: 'https://example.org/r' }), { attempt: 0 });
    const id = encodeURIComponent('incident:shop:heartbeat:unhealthy:api');
    expect(JSON.parse(await readFile(join(folder, 'logs', 'alerts.jsonl'), 'utf8'))).toMatchObject({
      links: {
        dashboard: `http://127.0.0.1:7070/incidents/${id}`,
        workflow: `http://127.0.0.1:8233/namespaces/default/workflows/${id}`,
        runbook: 'https://example.org/r',
      },
    });
  });

  it('are tried again when a file cannot be written', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'logs'), 'in the way');
    const send = senderWith(sourcesIn(folder));
    const channel: Channel = { name: 'file', kind: 'file', path: 'logs/alerts.jsonl' };
    expect(await send(channel, messageOf(), { attempt: 0 })).toMatchObject({ kind: 'retry' });
  });
});

describe('channels that are skipped', () => {
  it('are those whose URL resolves to nothing', async () => {
    const channels: Channel[] = [
      { name: 'console', kind: 'console' },
      { name: 'file', kind: 'file', path: 'x' },
      { name: 'team', kind: 'slack', url: '${env:SLACK_WEBHOOK_URL}' },
      { name: 'chat', kind: 'discord', url: '${env:DISCORD_WEBHOOK_URL}' },
      { name: 'post', kind: 'email', url: 'smtp://ops:${env:EMPTY}@127.0.0.1', from: 'a@b.c', to: ['a@b.c'] },
      { name: 'hook', kind: 'webhook', url: 'http://127.0.0.1/', secret: '${env:NOT_SET}' },
    ];
    const sources = sourcesIn(await temporaryFolder(), {
      DISCORD_WEBHOOK_URL: 'https://discord.example/x',
      EMPTY: '',
    });
    const skipped = await skippedChannels(channels, sources);
    expect(skipped.map(({ name }) => name)).toEqual(['team', 'post']);
    expect(skipped[0]?.reason).toBe(
      "channel team is skipped: ${env:SLACK_WEBHOOK_URL} is not set; set the environment variable SLACK_WEBHOOK_URL where opsloop's worker runs",
    );
  });

  it('are none when all can send', async () => {
    const server = await startWebhookServer(answering(200));
    const channels: Channel[] = [{ name: 'hook', kind: 'webhook', url: server.url, secret: null }];
    expect(await skippedChannels(channels, sourcesIn(await temporaryFolder()))).toEqual([]);
  });
});
