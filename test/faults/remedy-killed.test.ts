/** A worker, or its database, killed with SIGKILL while it repairs a service: that ends up running, and one attempt is spent. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IncidentDetailDocument, RemediationDocument } from '../../src/domain/documents.js';
import { createCommandService, type CommandService } from '../support/command-service.js';
import { eventually } from '../support/eventually.js';
import { startStack, type Stack } from '../support/stack.js';

const longMs = 90_000;
let single: CommandService;
let pair: CommandService;
let stack: Stack;

const serviceOf = (name: string, of: CommandService, verbs: readonly ('restart' | 'stop' | 'start')[]) => ({
  name,
  checks: [{ http: of.url }],
  supervisor: {
    command: {
      status: of.command('status'),
      ...Object.fromEntries(verbs.map((verb) => [verb, of.command(verb)])),
    },
  },
  remedy: { attempts: 2, coolDown: '3s' },
});

beforeAll(async () => {
  single = await createCommandService();
  pair = await createCommandService();
  stack = await startStack({
    configuration: {
      environment: 'shop',
      heartbeat: { every: '5s', timeout: '2s', openAfter: 1, closeAfter: 1, flapping: { changes: 50 } },
      services: [serviceOf('single', single, ['restart']), serviceOf('pair', pair, ['stop', 'start'])],
    },
  });
}, 120_000);

afterAll(async () => {
  await stack?.close();
  single?.close();
  pair?.close();
});

/** Null while there is none, and while the database is away. */
async function documentOf<T>(...words: string[]): Promise<T | null> {
  const { code, stdout } = await stack.cli(...words, '--json');
  return code === 0 ? (JSON.parse(stdout) as T) : null;
}

const stepsOf = async (name: string): Promise<RemediationDocument[]> =>
  (await documentOf<RemediationDocument[]>('services', 'remedies', name)) ?? [];

/** Waits for the end of an episode that was repaired, and of its repair. */
const repaired = (name: string, episode: number): Promise<IncidentDetailDocument> =>
  eventually(
    `episode ${episode} of ${name} resolved`,
    async () => {
      const incident = await documentOf<IncidentDetailDocument>('incidents', 'show', name);
      // The heartbeat may see it before the attempt has proven it.
      const hasEnded = incident?.remedies.every(({ success }) => success !== null) === true;
      return hasEnded && incident.episode === episode && incident.state === 'resolved' ? incident : null;
    },
    longMs,
  );

const logs = (of: CommandService, line: string, from: number): Promise<unknown> =>
  eventually(line, () => of.log().slice(from).includes(line), longMs);

const killWorker = (): void => void process.kill(stack.pidOf('worker'), 'SIGKILL');

async function isRepairedOnce(name: string, of: CommandService, episode: number): Promise<void> {
  const incident = await repaired(name, episode);
  expect(incident.remedies).toMatchObject([{ attempt: 1, success: true }]);
  expect(incident.resolvedBy).toBe('remedy');
  expect(of.pid()).not.toBeNull();
  expect((await fetch(of.url)).status).toBe(200);
}

const recorded = async (name: string, episode: number): Promise<unknown[]> =>
  (await stepsOf(name))
    .filter((row) => row.episode === episode)
    .map(({ attempt, step, action, success }) => [attempt, step, action, success])
    .reverse();

describe('a worker killed while it repairs', () => {
  it('begins with a service that does not run at all, and starts it', async () => {
    // Nobody has started either of them yet.
    await isRepairedOnce('single', single, 1);
    await isRepairedOnce('pair', pair, 1);
    expect(await recorded('single', 1)).toEqual([[1, 1, 'restart', true]]);
    expect(await recorded('pair', 1)).toEqual([
      [1, 1, 'stop', true],
      [1, 2, 'start', true],
    ]);
  });

  it('in the middle of a restart: it is made again, as the same attempt', async () => {
    const from = single.log().length;
    single.pauseAfterStop(3);
    await single.fallIll();
    await logs(single, 'restart begun', from);
    await eventually('the server to be gone', () => single.pid() === null);
    killWorker();
    single.pauseAfterStop(0);
    await isRepairedOnce('single', single, 2);
    expect(await recorded('single', 2)).toEqual([[1, 1, 'restart', true]]);
    expect(
      single
        .log()
        .slice(from)
        .filter((line) => line === 'restart begun'),
    ).toHaveLength(2);
  });

  it('in the middle of a stop: the service is stopped, and then started', async () => {
    const from = pair.log().length;
    pair.pauseAfterStop(3);
    await pair.fallIll();
    await logs(pair, 'stop begun', from);
    await eventually('the server to be gone', () => pair.pid() === null);
    killWorker();
    pair.pauseAfterStop(0);
    await isRepairedOnce('pair', pair, 2);
    expect(await recorded('pair', 2)).toEqual([
      [1, 1, 'stop', true],
      [1, 2, 'start', true],
    ]);
  });

  it('between the stop and the start: the start follows', async () => {
    const from = pair.log().length;
    await pair.fallIll();
    await logs(pair, 'stop done', from);
    killWorker();
    await isRepairedOnce('pair', pair, 3);
    expect(await recorded('pair', 3)).toEqual([
      [1, 1, 'stop', true],
      [1, 2, 'start', true],
    ]);
    expect(pair.log().at(-1)).toBe('start done');
  });

  it('is not the only one: PostgreSQL may die after the stop, and the start follows', async () => {
    const from = pair.log().length;
    pair.pauseAfterStop(1);
    await pair.fallIll();
    await logs(pair, 'stop begun', from);
    process.kill(stack.pidOf('postgres'), 'SIGKILL');
    await logs(pair, 'start done', from);
    pair.pauseAfterStop(0);
    await isRepairedOnce('pair', pair, 4);
    expect(pair.log().slice(from)).toEqual(['stop begun', 'stop done', 'start begun', 'start done']);
    await eventually(
      'the record',
      async () => (await stepsOf('pair'))[0]?.after?.verdict === 'healthy',
      longMs,
    );
    expect(await recorded('pair', 4)).toEqual([
      [1, 1, 'stop', true],
      [1, 2, 'start', true],
    ]);
  });

  it('and all of it is told by the API and the CLI', async () => {
    const { api } = stack.endpoints();
    const rows = (await (
      await fetch(`${api.url}/api/v1/remediations?service=pair&limit=2`)
    ).json()) as RemediationDocument[];
    expect(rows).toEqual((await stepsOf('pair')).slice(0, 2));
    expect(rows[0]).toMatchObject({
      agent: 'remedy',
      action: 'start',
      target: 'pair',
      method: 'exec',
      endpoint: pair.command('start').join(' '),
      before: { verdict: 'unhealthy' },
      after: { verdict: 'healthy', status: { state: 'running' } },
      error: null,
    });
    expect((await fetch(`${api.url}/api/v1/remediations?limit=none`)).status).toBe(400);
    expect((await fetch(`${api.url}/api/v1/remediations?service=pairs`)).status).toBe(404);
    expect((await stack.cli('services', 'remedies', 'pair', '--limit', '1')).stdout).toMatch(
      /pair +4 +1 +start +done +then healthy/,
    );
    const unknown = await stack.cli('services', 'remedies', 'pairs');
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('Did you mean "pair"?')]);
  });
});
