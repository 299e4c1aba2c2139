/** The alert router's activities on a real PostgreSQL that goes away and comes back: nothing is sent twice knowingly. */
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SendMessage } from '../../src/adapters/channels/channel.js';
import type { DeliverResult } from '../../src/activities/alert-router-contract.js';
import { createAlertRouterActivities } from '../../src/activities/alert-router.js';
import { openDeliveryLedger } from '../../src/adapters/delivery-ledger.js';
import { isDelivered } from '../../src/adapters/postgres/alert-store.js';
import { openJournal, type JournalEntry } from '../../src/adapters/postgres/journal.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { readActiveSilences } from '../../src/adapters/postgres/silence-store.js';
import { openSpool } from '../../src/adapters/spool.js';
import type { ChannelTest } from '../../src/domain/alert-router.js';
import type { AppliedConfiguration, Channel } from '../../src/domain/configuration.js';
import { alertOf, messageOf, policyWith } from '../support/alerts.js';
import { configuration } from '../support/configurations.js';
import { eventually } from '../support/eventually.js';
import { useScratchSchema } from '../support/scratch-schema.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const scratch = useScratchSchema();
const hook = (name: string): Channel => ({ name, kind: 'webhook', url: 'http://127.0.0.1:1/', secret: null });
const shop = configuration('shop', [], { channels: [hook('hook'), hook('slow')], alerts: policyWith() });

let proxy: TcpProxy;
let folder: string;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  const { hostname, port } = new URL(scratch.url());
  proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  folder = await temporaryFolder();
  await scratch.pool().query('truncate alert_delivery');
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await proxy.close();
});

const always: SendMessage = async () => ({ kind: 'sent' });

/** A worker's activities; opened again on the same folder, those of the next process. */
async function open(send: SendMessage, applied: AppliedConfiguration = shop) {
  const url = new URL(scratch.url());
  url.host = `127.0.0.1:${proxy.port}`;
  const pool = createPool({ url: url.href, max: 2, queryTimeoutMs: 1_500 });
  const spool = await openSpool<JournalEntry>({ directory: join(folder, 'spool'), maxEntries: 1_000 });
  const log = { warn: () => undefined, info: () => undefined };
  const journal = openJournal({ pool, spool, log });
  closing.push(
    () => pool.end(),
    () => journal.close(),
  );
  const sent: string[] = [];
  const activities = createAlertRouterActivities({
    configurationOf: async () => applied,
    latestRevision: async () => 3,
    isDelivered: (message, channel) => isDelivered(pool, message, channel).catch(() => false),
    readSilences: (environment) => readActiveSilences(pool, environment),
    skipReason: async ({ name }) => (name === 'slow' ? 'SLOW_URL is not set' : null),
    journal,
    ledger: await openDeliveryLedger(join(folder, 'logs', 'deliveries.jsonl')),
    send: async (channel, message, options) => {
      const outcome = await send(channel, message, options);
      if (outcome.kind === 'sent') sent.push(`${channel.name} ${message.key}`);
      return outcome;
    },
    warn: () => undefined,
    now: () => Date.now(),
  });
  const run = new MockActivityEnvironment();
  const deliver = (...keys: string[]): Promise<DeliverResult> =>
    run.run(activities.deliverAlerts, {
      environment: 'shop',
      revision: 3,
      channel: 'hook',
      messages: keys.map((key) => ({ message: messageOf(alertOf({ key })), attempt: 1 })),
    });
  return { activities, deliver, sent, spool, run };
}

const statesOf = async (): Promise<string[]> =>
  (await scratch.rowsOf('alert_delivery')).map(({ key, state }) => `${String(key)}: ${String(state)}`).sort();

describe('a call', () => {
  it('sends in order, stops at the first that has to be tried again, and goes on behind one that is hopeless', async () => {
    const worker = await open(async (_, { key }) => {
      if (key === '2') return { kind: 'permanent', reason: 'status 400' };
      return key === '4' ? { kind: 'retry', reason: 'status 503', afterMs: 5 } : { kind: 'sent' };
    });
    const { outcomes } = await worker.deliver('1', '2', '3', '4', '5');
    expect(outcomes.map(({ kind }) => kind)).toEqual(['sent', 'permanent', 'sent', 'retry']);
    expect(worker.sent).toEqual(['hook 1', 'hook 3']);
    expect(await statesOf()).toEqual(['1: sent', '2: failed', '3: sent', '4: pending']);
  });

  it('that is repeated sends nothing twice', async () => {
    const worker = await open(always);
    await worker.deliver('1', '2');
    expect((await worker.deliver('1', '2', '3')).outcomes).toHaveLength(3);
    expect(worker.sent).toEqual(['hook 1', 'hook 2', 'hook 3']);
  });

  it('on a channel that is gone says so on record', async () => {
    const worker = await open(always, { ...shop, channels: [] });
    const { outcomes } = await worker.deliver('1');
    expect(outcomes).toEqual([{ kind: 'permanent', reason: 'channel hook is not in the configuration' }]);
    expect(await statesOf()).toEqual(['1: failed']);
  });
});

describe('while the database is away', () => {
  it('messages go out, are known to the next process as sent, and are on record when it is back', async () => {
    const first = await open(always);
    await first.deliver('1');
    await proxy.cut();
    const startedAt = performance.now();
    await first.deliver('2', '3', '4');
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(first.sent).toEqual(['hook 1', 'hook 2', 'hook 3', 'hook 4']);
    for (const close of closing.splice(0).reverse()) await close();
    const second = await open(always);
    await second.deliver('2', '3', '4', '5');
    expect(second.sent).toEqual(['hook 5']);
    await proxy.mend();
    await eventually('the spool is empty', () => second.spool.size() === 0);
    expect(await statesOf()).toEqual(['1: sent', '2: sent', '3: sent', '4: sent', '5: sent']);
  });
});

describe('the rest', () => {
  it('loads the routing of a revision, the channels that are skipped, and what is known of silences', async () => {
    const { activities } = await open(always);
    expect(await activities.loadRouting({ environment: 'shop', revision: 0, withSilences: true })).toEqual({
      revision: 3,
      policy: shop.alerts,
      maintenanceWindows: [],
      channels: [{ name: 'hook', kind: 'webhook' }],
      skipped: [{ name: 'slow', reason: 'SLOW_URL is not set' }],
      silences: { active: [], count: 0 },
    });
  });

  it('takes a revision of a build without policies as everything to every channel', async () => {
    const { alerts: _a, maintenanceWindows: _m, ...old } = shop;
    const { activities } = await open(always, old as unknown as AppliedConfiguration);
    const routing = await activities.loadRouting({ environment: 'shop', revision: 1, withSilences: false });
    expect(routing.policy.root).toMatchObject({ channels: ['hook', 'slow'], groupBy: ['cause'], routes: [] });
    expect(routing).toMatchObject({ maintenanceWindows: [], silences: null });
  });

  it('writes down what is not sent, on every channel', async () => {
    const { activities } = await open(always);
    const note = { message: messageOf(), channels: ['hook', 'slow'], attempts: 0, reason: 'quiet hours' };
    await activities.recordDeliveries({ notes: [{ ...note, state: 'suppressed' }] });
    const rows = await scratch.rowsOf('alert_delivery');
    expect(rows).toMatchObject([
      { channel: 'hook', state: 'suppressed', reason: 'quiet hours' },
      { channel: 'slow', state: 'suppressed', reason: 'quiet hours' },
    ]);
  });

  it('tests the channels side by side, each with its result, and a failed test is not pending', async () => {
    const applied = { ...shop, channels: [hook('hook'), hook('dead'), hook('slow')] };
    const { activities, sent, run } = await open(
      async ({ name }) =>
        name === 'dead' ? { kind: 'retry', reason: 'status 503', afterMs: null } : { kind: 'sent' },
      applied,
    );
    const input = { environment: 'shop', revision: 3, channel: null, by: 'alice', number: 4 };
    const tested = await run.run(() => activities.testChannels(input));
    expect((tested as { results: ChannelTest[] }).results).toMatchObject([
      { channel: 'hook', kind: 'webhook', state: 'sent', reason: '' },
      { channel: 'dead', state: 'failed', reason: 'status 503' },
      { channel: 'slow', state: 'skipped', reason: 'SLOW_URL is not set' },
    ]);
    expect(sent).toEqual(['hook test:shop:hook:4']);
    expect(await statesOf()).toEqual(['test:shop:dead:4: failed', 'test:shop:hook:4: sent']);
  });
});
