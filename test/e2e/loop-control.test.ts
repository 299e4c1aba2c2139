/** Loops are paused, resumed, triggered, stopped and started: by our CLI, by Temporal's, with good input and with garbage. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoopDocument } from '../../src/domain/documents.js';
import { aHeartbeatLoop } from '../support/document-shapes.js';
import { startStack, type Stack } from '../support/stack.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';
import { readHistory, runTemporal, type HistoryEvent } from '../support/temporal-cli-run.js';
import type { CliRun } from '../support/cli-run.js';

const id = 'heartbeat:shop:0';
let target: TargetServer;
let stack: Stack;

const configurationOf = (services: number): object => ({
  environment: 'shop',
  heartbeat: { every: '5s', timeout: '2s' },
  services: Array.from({ length: services }, (_, index) => ({
    name: `web-${index}`,
    checks: [{ http: `${target.url}/${index}` }],
  })),
});

beforeAll(async () => {
  target = await startTargetServer();
  stack = await startStack({ configuration: configurationOf(1) });
});

afterAll(async () => {
  await stack.close();
  await target.stop();
});

const address = (): string => stack.endpoints().temporal.address;

async function heartbeat(): Promise<LoopDocument> {
  const loops = await stack.ask<LoopDocument[]>('loops', 'list');
  return loops.find((loop) => loop.id === id) ?? expect.fail(`${id} is not in ${JSON.stringify(loops)}`);
}

const poll = (read: () => Promise<unknown>): ReturnType<typeof expect.poll> =>
  expect.poll(read, { timeout: 20_000, interval: 200 });

const signal = (name: string, ...input: string[]): Promise<CliRun> =>
  runTemporal(address(), 'workflow', 'signal', '--workflow-id', id, '--name', name, ...input);

/** Events between the starts of one timer and the next: one tick each. */
function eventsPerTick(events: readonly HistoryEvent[]): string[][] {
  const kinds = events.map(({ eventType }) => eventType.replace(/^EVENT_TYPE_/, ''));
  const starts = kinds.flatMap((kind, index) => (kind === 'TIMER_STARTED' ? [index] : []));
  return starts.slice(1).map((end, index) => kinds.slice(starts[index], end));
}

describe('the history of the heartbeat', () => {
  const plainTicks = async (): Promise<string[][]> => {
    const ticks = eventsPerTick(await readHistory(address(), id));
    return ticks.filter((kinds) => !kinds.includes('WORKFLOW_EXECUTION_SIGNALED'));
  };

  it('grows by 11 events a tick, with one service as with 60', async () => {
    await poll(async () => (await plainTicks()).length).toBeGreaterThanOrEqual(3);
    // The first one after the start belongs to the start.
    for (const kinds of (await plainTicks()).slice(1)) expect(kinds).toHaveLength(11);
    const before = (await plainTicks()).length;
    stack.configure(configurationOf(60));
    expect((await stack.cli('apply')).code).toBe(0);
    const later = async (): Promise<string[][]> => (await plainTicks()).slice(before + 1);
    await poll(async () => (await later()).length).toBeGreaterThanOrEqual(2);
    for (const kinds of await later()) expect(kinds).toHaveLength(11);
    expect(target.hits()).toBeGreaterThan(100);
  });
});

describe('our commands', () => {
  it('pause a loop, with who and why', async () => {
    const [paused] = await stack.ask<LoopDocument[]>(
      ...['loops', 'pause', 'heartbeat', '--by', 'alice', '--note', 'moving the database'],
    );
    const expected = aHeartbeatLoop('shop', {
      state: 'paused',
      pausedBy: 'alice',
      note: 'moving the database',
      nextAt: null,
    });
    expect(paused).toEqual(expected);
    await poll(heartbeat).toEqual(expected);
  });

  it('have a paused loop act now, and it stays paused', async () => {
    const before = await heartbeat();
    const hits = target.hits();
    const [triggered] = await stack.ask<LoopDocument[]>('loops', 'trigger', id);
    expect(triggered).toMatchObject({ state: 'paused', count: before.count + 1 });
    expect(target.hits() - hits).toBe(60);
  });

  it('resume it, and what the pause skipped was not missed', async () => {
    const before = await heartbeat();
    expect(await stack.ask('loops', 'resume', id)).toEqual([
      expect.objectContaining({ state: 'running', pausedBy: null, note: null }),
    ]);
    await poll(async () => (await heartbeat()).count).toBeGreaterThan(before.count);
    expect((await heartbeat()).missed).toBe(before.missed);
  });

  it('stop it for good, and start it again with its count', async () => {
    const before = await heartbeat();
    expect((await stack.cli('loops', 'stop', id)).code).toBe(0);
    await poll(heartbeat).toMatchObject({ state: 'stopped', nextAt: null });
    const refused = await stack.cli('loops', 'pause', id);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('loops start');
    expect((await stack.cli('loops', 'start', id)).code).toBe(0);
    await poll(heartbeat).toMatchObject({ state: 'running' });
    await poll(async () => (await heartbeat()).count).toBeGreaterThan(before.count);
  });
});

describe("Temporal's own command line", () => {
  it('pauses with a JSON object and resumes without any input', async () => {
    expect((await signal('pause', '--input', '{"by": "bob", "note": "by hand"}')).code).toBe(0);
    await poll(heartbeat).toMatchObject({ state: 'paused', pausedBy: 'bob', note: 'by hand' });
    expect((await signal('resume')).code).toBe(0);
    await poll(heartbeat).toMatchObject({ state: 'running', pausedBy: null });
  });

  it('triggers by signal and by update', async () => {
    await signal('pause');
    await poll(heartbeat).toMatchObject({ state: 'paused' });
    const before = await heartbeat();
    await signal('trigger', '--input', '{"by": "bob"}');
    await poll(async () => (await heartbeat()).count).toBe(before.count + 1);
    const update = await runTemporal(
      address(),
      ...[
        'workflow',
        'update',
        'execute',
        '--workflow-id',
        id,
        '--name',
        'trigger',
        '--input',
        '{"by": "bob"}',
      ],
    );
    expect(update.code).toBe(0);
    await poll(async () => (await heartbeat()).count).toBe(before.count + 2);
    await signal('resume');
  });

  it('asks for the state', async () => {
    const { stdout } = await runTemporal(
      address(),
      ...['workflow', 'query', '--workflow-id', id, '--name', 'state', '--output', 'json'],
    );
    expect(JSON.parse(stdout)).toMatchObject({ queryResult: [{ id, loop: 'heartbeat' }] });
  });

  it('can send nonsense, and the loop goes on', async () => {
    const nonsense = [
      ['pause', '--input', '"please"'],
      ['pause', '--input', '{"by": 5}'],
      ['pause', '--input', '[1, 2]'],
      ['resume', '--input', '{"who": "bob"}'],
      ['trigger', '--input', '{"targets": "web"}'],
      ['stop', '--input', '1'],
      ['configure', '--input', '{"revision": "x"}'],
      ['pause', '--input', '\u0001\u0002', '--input-meta', 'encoding=binary/unheard-of'],
      ['whatever', '--input', '{}'],
    ] as const;
    for (const [name, ...input] of nonsense)
      expect([name, (await signal(name, ...input)).code]).toEqual([name, 0]);
    const before = await heartbeat();
    await poll(async () => (await heartbeat()).count).toBeGreaterThan(before.count + 1);
    expect(await heartbeat()).toMatchObject({ state: 'running', stale: false });
    const refused = await runTemporal(
      address(),
      ...['workflow', 'update', 'execute', '--workflow-id', id, '--name', 'pause', '--input', '{"by": 5}'],
    );
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('field "by"');
  });
});
