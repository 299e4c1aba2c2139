/** Parts of a running stack, and all of it at once, killed with SIGKILL: nothing is lost and nothing is told twice. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoopDocument, StatusDocument } from '../../src/domain/documents.js';
import { isAlive } from '../support/process-existence.js';
import { killAll, processesOf } from '../support/stack-processes.js';
import { startStack, type Stack, type StackPart } from '../support/stack.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';

const everyMs = 5_000;
let web: TargetServer;
let slow: TargetServer;
let stack: Stack;

beforeAll(async () => {
  web = await startTargetServer();
  slow = await startTargetServer();
  stack = await startStack({
    configuration: {
      environment: 'shop',
      alerts: { groupWait: '0s', groupInterval: '0s' },
      heartbeat: { every: '5s', timeout: '4s', openAfter: 1, closeAfter: 1, flapping: { changes: 50 } },
      services: [
        { name: 'web', severity: 'critical', checks: [{ http: web.url }] },
        { name: 'slow', checks: [{ http: slow.url }] },
      ],
    },
  });
});

afterAll(async () => {
  await stack.close();
  await web.stop();
  await slow.stop();
});

async function heartbeat(): Promise<LoopDocument> {
  const { loops } = await stack.ask<StatusDocument>('status');
  return loops.find(({ loop }) => loop === 'heartbeat') ?? expect.fail('no heartbeat');
}

const told = (target: string): string[] =>
  stack.alerts().flatMap((line) => (line.target === target ? [`${line.event} ${line.episode}`] : []));

const keysAreUnique = (): void => {
  const keys = stack.alerts().map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
};

/**
 * Waits until a service was asked again after now. A workflow task that a killed worker held is given out again after 10 s,
 * and a tick after 5 s: how fast it goes on is measured by the benchmark `recovery`, not here.
 */
async function isProbedAgain(target: TargetServer = web): Promise<void> {
  const from = Date.now();
  await expect.poll(() => target.lastHitAt(), { timeout: 45_000, interval: 50 }).toBeGreaterThan(from);
}

const kill = (part: StackPart): number => {
  const pid = stack.pidOf(part);
  process.kill(pid, 'SIGKILL');
  return pid;
};

/** Waits until `up` has the part running again, as another process. */
const isBack = (part: StackPart, before: number): Promise<void> =>
  expect
    .poll(
      () => {
        try {
          return stack.pidOf(part);
        } catch {
          return before;
        }
      },
      { timeout: 45_000, interval: 50 },
    )
    .not.toBe(before);

/** Rows of ticks, oldest first. */
async function readTicks(): Promise<{ scheduledAt: number; checked: number; missed: number }[]> {
  const client = new pg.Client({ connectionString: stack.endpoints().database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ scheduled_at: Date; checked: number; missed: number }>(
      'select scheduled_at, checked, missed from opsloop.heartbeat_tick where not triggered order by scheduled_at',
    );
    return rows.map(({ scheduled_at: at, checked, missed }) => ({
      scheduledAt: at.getTime(),
      checked,
      missed,
    }));
  } finally {
    await client.end();
  }
}

/** Every place of the grid is a tick or counted as missed: none is lost without a word. */
async function everyTickIsAccountedFor(): Promise<void> {
  const ticks = await readTicks();
  const [first, last] = [ticks[0]?.scheduledAt ?? 0, ticks.at(-1)?.scheduledAt ?? 0];
  const missed = ticks.reduce((sum, tick) => sum + tick.missed, 0);
  expect(ticks.length - 1 + missed).toBe(Math.round((last - first) / everyMs));
}

describe('SIGKILL', () => {
  it('of the worker in the middle of a tick: the tick is made again, and the loop goes on', async () => {
    slow.answer('nothing'); // a tick takes 2 s now
    const hits = slow.hits();
    await expect.poll(() => slow.hits(), { timeout: 10_000, interval: 20 }).toBeGreaterThan(hits);
    const killed = kill('worker');
    slow.answer(200);
    await isBack('worker', killed);
    await isProbedAgain();
    await isProbedAgain();
    expect(stack.output()).toContain('worker ended (SIGKILL), started again');
    await everyTickIsAccountedFor();
    keysAreUnique();
    expect((await heartbeat()).stale).toBe(false);
  });

  it('of the worker right after an outage: it is told once', async () => {
    await web.stop();
    await expect
      .poll(async () => (await stack.cli('services', 'check', 'web')).code, {
        timeout: 45_000,
        interval: 100,
      })
      .toBe(1);
    const killed = kill('worker');
    await isBack('worker', killed);
    await expect.poll(() => told('web'), { timeout: 45_000, interval: 50 }).toEqual(['opened 1']);
    await web.start();
    await expect
      .poll(() => told('web'), { timeout: 45_000, interval: 50 })
      .toEqual(['opened 1', 'recovered 1']);
    keysAreUnique();
  });

  it('of the API: it is back on the same address', async () => {
    const { api } = stack.endpoints();
    const killed = kill('api');
    await isBack('api', killed);
    const health = (): Promise<number> =>
      fetch(`${api.url}/healthz`, { signal: AbortSignal.timeout(5_000) }).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(health, { timeout: 45_000, interval: 100 }).toBe(200);
  });

  it('of the Temporal server: worker and loops go on by themselves when it is back', async () => {
    const before = await heartbeat();
    const worker = stack.pidOf('worker');
    const killed = kill('temporal');
    await isBack('temporal', killed);
    await expect.poll(() => web.lastHitAt(), { timeout: 45_000, interval: 50 }).toBeGreaterThan(Date.now());
    await isProbedAgain();
    expect(stack.pidOf('worker')).toBe(worker);
    await expect
      .poll(async () => (await heartbeat()).count, { timeout: 45_000 })
      .toBeGreaterThan(before.count);
    await everyTickIsAccountedFor();
    keysAreUnique();
  });

  it('of PostgreSQL: it is back with all its rows, and no tick is lost', async () => {
    const before = await readTicks();
    const killed = kill('postgres');
    await isProbedAgain();
    await isBack('postgres', killed);
    await isProbedAgain();
    await expect
      .poll(async () => (await readTicks()).length, { timeout: 45_000 })
      .toBeGreaterThan(before.length + 1);
    await everyTickIsAccountedFor();
    keysAreUnique();
  });

  it('of everything at once: the next start goes on, counts what was missed, and tells nothing twice', async () => {
    await web.stop();
    await expect.poll(() => told('web').at(-1), { timeout: 45_000, interval: 50 }).toBe('opened 2');
    const before = await heartbeat();
    const lines = stack.alerts().length;
    const all = processesOf(stack.directory).map(({ pid }) => pid);
    expect(all.length).toBeGreaterThanOrEqual(6);
    killAll(all);
    await expect.poll(() => all.filter(isAlive), { timeout: 5_000, interval: 20 }).toEqual([]);
    await stack.exited();
    // Gone for longer than two intervals.
    const goneAt = Date.now();
    await expect
      .poll(() => Date.now() - goneAt, { timeout: 45_000, interval: 250 })
      .toBeGreaterThan(2.2 * everyMs);

    await web.start();
    await stack.start();
    await isProbedAgain();
    await expect.poll(() => told('web').at(-1), { timeout: 45_000, interval: 50 }).toBe('recovered 2');
    const after = await heartbeat();
    expect(after.count).toBeGreaterThan(before.count);
    expect(after.missed - before.missed).toBeGreaterThanOrEqual(1);
    expect(stack.alerts()).toHaveLength(lines + 1);
    keysAreUnique();
    await everyTickIsAccountedFor();
  });

  it('of `up` alone: its worker and API end by themselves, and the next start stops what is left', async () => {
    const orphans = (['temporal', 'postgres', 'redis'] as const).map((part) => stack.pidOf(part));
    const programs = (['worker', 'api'] as const).map((part) => stack.pidOf(part));
    const before = await heartbeat();
    process.kill(stack.pid(), 'SIGKILL');
    await stack.exited();
    await expect.poll(() => programs.filter(isAlive), { timeout: 45_000, interval: 50 }).toEqual([]);
    const unreachable = await stack.cli('status');
    expect(unreachable.code).toBe(3);

    await stack.start();
    expect(orphans.filter(isAlive)).toEqual([]);
    expect(stack.output()).toMatch(/stopped what an earlier start left running: .*temporal/);
    await isProbedAgain();
    expect((await heartbeat()).count).toBeGreaterThanOrEqual(before.count);
    keysAreUnique();
    const { code } = await stack.stop();
    expect(code).toBe(0);
    expect(processesOf(stack.directory)).toEqual([]);
  });
});
