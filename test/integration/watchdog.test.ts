// The watchdog on real servers that are cut off or hang: it says so once, through every channel, without them.
import { Connection } from '@temporalio/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../src/adapters/postgres/journal.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import type { SendOutcome } from '../../src/domain/alert.js';
import type { Channel } from '../../src/domain/configuration.js';
import type { SendMessage } from '../../src/adapters/channels/channel.js';
import { startWatchdog, type Watchdog } from '../../src/workers/watchdog.js';
import { eventually } from '../support/eventually.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const limits = { everyMs: 50, answerMs: 400, silenceMs: 600 };
const log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  flush: () => undefined,
};
const consoleChannel: Channel = { name: 'console', kind: 'console' };
const fileChannel: Channel = { name: 'file', kind: 'file', path: 'x' };

let temporal: TcpProxy;
let database: TcpProxy;
let watchdog: Watchdog;
let sent: string[] = [];
let written: JournalEntry[] = [];
let outcome: (channel: Channel, attempt: number, signal: AbortSignal) => Promise<SendOutcome>;
const closing: (() => Promise<unknown>)[] = [];

const send: SendMessage = async (channel, message, { attempt, signal }) => {
  const result = await outcome(channel, attempt, signal ?? AbortSignal.abort());
  if (result.kind === 'sent') sent.push(`${channel.name} ${message.alerts[0]?.target} ${message.status}`);
  return result;
};

beforeEach(async () => {
  [sent, written] = [[], []];
  outcome = async () => ({ kind: 'sent' });
  const [host = '', port = ''] = (process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'] ?? '').split(':');
  const url = new URL(process.env['OPSLOOP_TEST_DATABASE_URL'] ?? '');
  temporal = await startTcpProxy({ host, port: Number(port) });
  database = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(database.port);
  url.hostname = '127.0.0.1';
  const connection = Connection.lazy({
    address: `127.0.0.1:${temporal.port}`,
    channelArgs: { 'grpc.max_reconnect_backoff_ms': 300 },
    interceptors: [],
  });
  const pool = createPool({ url: url.href, max: 1, queryTimeoutMs: limits.answerMs });
  watchdog = startWatchdog({
    environment: 'shop',
    host: 'here',
    ask: {
      temporal: (limitMs) =>
        connection.withDeadline(Date.now() + limitMs, () => connection.workflowService.getSystemInfo({})),
      database: () => pool.query('select 1'),
    },
    channels: async () => [consoleChannel, fileChannel],
    send,
    journal: {
      write: async (entry) => {
        written.push(entry);
        if (sent.includes('console database firing')) throw new Error('the disk is full');
        return 'stored';
      },
    },
    log,
    limits,
  });
  closing.push(
    () => watchdog.stop(),
    () => connection.close(),
    () => pool.end(),
    () => temporal.close(),
    () => database.close(),
  );
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const told = (...lines: string[]): Promise<unknown> =>
  eventually(lines.join(', '), () => lines.every((line) => sent.includes(line)));

describe('the watchdog', () => {
  it('tells of a Temporal that refuses connections, once on every channel, and that it is back', async () => {
    await temporal.cut();
    await told('console temporal firing', 'file temporal firing');
    await temporal.mend();
    await told('console temporal resolved', 'file temporal resolved');
    expect(sent).toHaveLength(4);
    const deliveries = written.flatMap((entry) => (entry.kind === 'delivery' ? [entry.delivery] : []));
    expect(
      deliveries.map(({ channel, message, state }) => `${channel} ${message.status} ${state}`).toSorted(),
    ).toEqual([
      'console firing pending',
      'console firing sent',
      'console resolved pending',
      'console resolved sent',
      'file firing pending',
      'file firing sent',
      'file resolved pending',
      'file resolved sent',
    ]);
  });

  it('tells of a database that hangs, also when nothing can be written down', async () => {
    database.hang();
    await told('console database firing', 'file database firing');
    await database.mend();
    await told('console database resolved', 'file database resolved');
    expect(sent).toHaveLength(4);
  });

  it('tries a channel again that fails, while the others and the looks go on', async () => {
    outcome = async ({ name }, attempt, signal) => {
      if (name === 'file' && attempt === 1) return { kind: 'retry', reason: 'status 503', afterMs: null };
      if (name === 'file' && attempt === 2) throw new Error('broken pipe');
      if (name === 'console') await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return { kind: 'sent' };
    };
    database.hang();
    await eventually('the second attempt', () => written.filter(isFilePending).length >= 2);
    await temporal.cut();
    await eventually('the other part is told, too', () => JSON.stringify(written).includes(':temporal:'));
    // The console hangs: stopping does not wait for it.
    await watchdog.stop();
    expect(sent.filter((line) => line.startsWith('file temporal'))).toHaveLength(0);
  });

  it('gives up on what is of no use to try again, and writes down why', async () => {
    outcome = async () => ({ kind: 'permanent', reason: 'no such hook' });
    await temporal.cut();
    await eventually(
      'both failures',
      () => written.filter((entry) => stateOf(entry) === 'failed').length === 2,
    );
    expect(written).toContainEqual(
      expect.objectContaining({
        delivery: expect.objectContaining({ state: 'failed', reason: 'no such hook', attempts: 1 }) as object,
      }),
    );
  });
});

const stateOf = (entry: JournalEntry): string => (entry.kind === 'delivery' ? entry.delivery.state : '');
const isFilePending = (entry: JournalEntry): boolean =>
  entry.kind === 'delivery' && entry.delivery.channel === 'file' && entry.delivery.state === 'pending';
