/** SIGKILL at each point of a delivery: no alert is lost, and what is sent twice has the same id. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { AlertDocument } from '../../src/domain/documents.js';
import { startAlertReceiver, type AlertReceiver, type ReceivedMessage } from '../support/alert-receiver.js';
import { alertOf } from '../support/alerts.js';
import { eventually } from '../support/eventually.js';
import { freeze, type Frozen } from '../support/freeze.js';
import { isAlive } from '../support/process-existence.js';
import { killAll, processesOf } from '../support/stack-processes.js';
import { startStack, type Stack } from '../support/stack.js';

const router = 'alertRouter:shop';
const path = '/hook';
/** Temporal gives a task that a killed worker held to another one after 10 s, and `up` starts it again after up to 10 s. */
const backMs = 60_000;
let receiver: AlertReceiver;
let stack: Stack;
let temporal: Client;
let connection: Connection;
let frozen: Frozen | null = null;
let number = 0;

beforeAll(async () => {
  receiver = await startAlertReceiver();
  stack = await startStack({
    configuration: {
      environment: 'shop',
      services: [{ name: 'disk', every: '1h', checks: [{ disk: '/' }] }],
      channels: { hook: { type: 'webhook', url: `${receiver.url}${path}` } },
      alerts: { groupWait: '0s', groupInterval: '0s' },
    },
  });
  connection = await Connection.connect({ address: stack.endpoints().temporal.address });
  temporal = new Client({ connection });
});
afterEach(() => {
  frozen?.thaw();
  frozen = null;
  receiver.answer(path, 200);
});
afterAll(async () => {
  await connection.close();
  await stack.close();
  await receiver.stop();
});

/** Hands the router a critical alert, as an incident does; returns its key. */
async function submit(): Promise<string> {
  number += 1;
  const incident = `incident:shop:heartbeat:unhealthy:t${number}`;
  const key = `${incident}:1:opened:1`;
  const alert = alertOf({ key, incident, target: `t${number}`, severity: 'critical', at: Date.now() });
  await temporal.workflow.getHandle(router).signal('submit', alert);
  return key;
}

const messagesOf = (key: string): ReceivedMessage[] =>
  receiver.received.filter(({ keys }) => keys.includes(key));

/** As often as it may: each time with one id. */
function cameOnceOrTwice(key: string, most: 1 | 2): void {
  const messages = messagesOf(key);
  expect(messages.length).toBeGreaterThanOrEqual(1);
  expect(messages.length).toBeLessThanOrEqual(most);
  expect(new Set(messages.map(({ id }) => id)).size).toBe(1);
}

const rowOf = async (key: string): Promise<AlertDocument | undefined> =>
  (await stack.ask<AlertDocument[]>('alerts', 'history', '--limit', '500')).find((row) => row.key === key);

const isOnRecord = (key: string): Promise<AlertDocument> =>
  eventually(
    `${key} on record as sent`,
    async () => {
      const row = await rowOf(key);
      return row?.state === 'sent' ? row : null;
    },
    backMs,
  );

const pidOfWorker = (): number | null => {
  try {
    return stack.pidOf('worker');
  } catch {
    return null; // about to be started again
  }
};

async function killWorker(): Promise<void> {
  const pid = await eventually('a worker to kill', pidOfWorker, backMs);
  process.kill(pid, 'SIGKILL');
  await eventually('the end of the worker', () => !isAlive(pid));
}

/** The router looks at what it was sent, and is not through: with a frozen database its own record waits 3 s first. */
const isLookingAtIt = (): Promise<boolean> =>
  eventually(
    'a look of the router',
    async () => {
      const { raw } = await temporal.workflow.getHandle(router).describe();
      return (
        raw.pendingWorkflowTask?.startedTime !== null && raw.pendingWorkflowTask?.startedTime !== undefined
      );
    },
    backMs,
  );

const isHeld = (): Promise<boolean> => eventually('a held request', () => receiver.held() > 0, backMs);

/** All that was submitted is delivered, so nothing of an earlier kill is under way. */
async function isSettled(): Promise<void> {
  await isOnRecord(await submit());
}

describe('SIGKILL of the worker', () => {
  it('before the router has the alert: it is told once', async () => {
    await isSettled();
    await killWorker();
    const key = await submit();
    await isOnRecord(key);
    cameOnceOrTwice(key, 1);
  });

  it('before the intent is written: it is told once', async () => {
    await isSettled();
    frozen = freeze(stack, 'postgres');
    const key = await submit();
    await isLookingAtIt();
    await killWorker();
    expect(messagesOf(key)).toEqual([]);
    frozen.thaw();
    await isOnRecord(key);
    cameOnceOrTwice(key, 1);
  });

  it('during the send: it is sent again, with the same id', async () => {
    await isSettled();
    receiver.answer(path, 'held');
    const key = await submit();
    await isHeld();
    await killWorker();
    receiver.answer(path, 200);
    const { attempts } = await isOnRecord(key);
    cameOnceOrTwice(key, 2);
    expect(attempts).toBeGreaterThanOrEqual(1);
  });

  it('between send and record: at most one duplicate, with the same id', async () => {
    await isSettled();
    receiver.answer(path, 'held');
    const key = await submit();
    await isHeld();
    frozen = freeze(stack, 'postgres');
    await receiver.release(200);
    receiver.answer(path, 200);
    await killWorker();
    frozen.thaw();
    await isOnRecord(key);
    // The record may have been on its way to the database when the worker died: what comes twice would come until now.
    await isSettled();
    cameOnceOrTwice(key, 2);
  });

  it('after the record, before Temporal knows: it is not sent again', async () => {
    await isSettled();
    receiver.answer(path, 'held');
    const key = await submit();
    await isHeld();
    frozen = freeze(stack, 'temporal');
    await receiver.release(200);
    receiver.answer(path, 200);
    await isOnRecord(key);
    await killWorker();
    frozen.thaw();
    // The one that is told after it: nothing of before is under way any more.
    await isSettled();
    cameOnceOrTwice(key, 1);
  });

  it.each([0, 60, 150])('%i ms after ten alerts came in: none is lost', async (afterMs) => {
    await isSettled();
    const first = receiver.received.length;
    const keys = await Promise.all(Array.from({ length: 10 }, submit));
    const submittedAt = performance.now();
    await eventually('the moment', () => performance.now() - submittedAt >= afterMs);
    await killWorker();
    for (const key of keys) await isOnRecord(key);
    for (const key of keys) cameOnceOrTwice(key, 2);
    // Of one crash, one message at most was between its send and its record.
    const came = receiver.received.slice(first).filter((each) => each.keys.some((key) => keys.includes(key)));
    expect(came.length).toBeLessThanOrEqual(keys.length + 1);
  });
});

describe('while PostgreSQL is frozen', () => {
  const linesOf = (key: string): string[] => {
    const file = join(stack.stateDir, 'logs', 'deliveries.jsonl');
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const lines = text.split('\n').filter((line) => line !== '');
    return lines
      .map((line) => JSON.parse(line) as { key: string; channel: string; state: string })
      .flatMap((line) => (line.key === key ? [`${line.channel} ${line.state}`] : []));
  };

  it('a critical alert goes out, is in the local file, and a kill right after it costs one duplicate at most', async () => {
    await isSettled();
    frozen = freeze(stack, 'postgres');
    const key = await submit();
    await eventually('the alert, without the database', () => messagesOf(key).length > 0, 30_000);
    await eventually('a line of the send', () => linesOf(key).includes('hook sent'), 10_000);
    const early = await submit();
    await killWorker();
    await eventually('the end of the outage', () => pidOfWorker() !== null, backMs);
    frozen.thaw();
    expect(linesOf(key)).toEqual(expect.arrayContaining(['hook pending', 'hook sent']));
    await isOnRecord(early);
    await isOnRecord(key);
    cameOnceOrTwice(key, 1);
    cameOnceOrTwice(early, 2);
  });
});

it('SIGKILL of everything during a send: after the next start it is told, with the same id', async () => {
  await isSettled();
  receiver.answer(path, 'held');
  const key = await submit();
  await isHeld();
  const all = processesOf(stack.directory).map(({ pid }) => pid);
  expect(all.length).toBeGreaterThanOrEqual(5);
  killAll(all);
  await eventually('the end of all', () => all.every((pid) => !isAlive(pid)));
  await stack.exited();
  receiver.answer(path, 200);
  await stack.start();
  await isOnRecord(key);
  cameOnceOrTwice(key, 2);
});
