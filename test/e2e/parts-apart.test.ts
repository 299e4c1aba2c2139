/** Worker, API and `apply` by themselves, against servers that exist already. */
import { spawn, type ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServiceDocument } from '../../src/domain/documents.js';
import { cleanEnvironment, opsloopProgram } from '../support/cli-run.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';
import { prepareStack, type Stack } from '../support/stack.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';
import { freePort } from '../support/tcp-server.js';
import { runTemporal } from '../support/temporal-cli-run.js';

const temporalAddress = process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'] ?? '';
const namespace = `apart-${process.pid}`;
const token = 'a-token-of-32-characters-or-more';

let database: ScratchDatabase;
let target: TargetServer;
let folder: Stack;
let apiPort = 0;
const children: Part[] = [];

interface Part {
  child: ChildProcess;
  output(): string;
  exited: Promise<number | null>;
}

function run(name: 'worker' | 'api'): Part {
  const child = spawn(process.execPath, [opsloopProgram, name], {
    cwd: folder.directory,
    env: cleanEnvironment(folder.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const part: Part = {
    child,
    output: () => output,
    exited: new Promise((resolve) => child.once('close', (code) => resolve(code))),
  };
  children.push(part);
  return part;
}

async function stop({ child, exited }: Part): Promise<{ code: number | null; durationMs: number }> {
  const startedAtMs = performance.now();
  child.kill('SIGTERM');
  return { code: await exited, durationMs: performance.now() - startedAtMs };
}

beforeAll(async () => {
  database = await createScratchDatabase();
  target = await startTargetServer();
  apiPort = await freePort();
  folder = prepareStack({
    configuration: {
      environment: 'apart',
      heartbeat: { every: '30s', timeout: '20s' },
      api: { listen: `0.0.0.0:${apiPort}`, token: '${env:OPSLOOP_TOKEN}' },
      services: [{ name: 'web', checks: [{ http: target.url }] }],
    },
    env: { TEMPORAL_ADDRESS: temporalAddress, TEMPORAL_NAMESPACE: namespace, DATABASE_URL: database.url },
  });
});

afterAll(async () => {
  await Promise.all(children.map(stop));
  await folder.close();
  await target.stop();
  await database.drop();
});

describe('the parts apart', () => {
  it('a worker says what to do about a database without our tables', async () => {
    const { code, stderr } = await folder.cli('worker');
    expect(code).toBe(1);
    expect(stderr).toContain('opsloop apply');
  });

  it('apply says how to make a namespace that is not there', async () => {
    const { code, stderr } = await folder.cli('apply');
    expect(code).toBe(3);
    expect(stderr).toContain(`temporal operator namespace create --namespace ${namespace}`);
    const made = await runTemporal(
      temporalAddress,
      'operator',
      'namespace',
      'create',
      '--namespace',
      namespace,
    );
    expect(made.code).toBe(0);
  });

  it('apply makes tables and loops, a worker runs them, and status shows them', async () => {
    await expect
      .poll(async () => (await folder.cli('apply')).code, { timeout: 30_000, interval: 500 })
      .toBe(0);
    run('worker');
    await expect
      .poll(async () => (await folder.ask<ServiceDocument[]>('services', 'list'))[0]?.state, {
        timeout: 30_000,
        interval: 300,
      })
      .toBe('healthy');
    expect(await folder.ask('status')).toMatchObject({ environment: 'apart', status: 'HEALTHY' });
  });

  it('a worker that is told to end hands its work back and exits with 0 within its grace time', async () => {
    const worker = children[0] ?? expect.fail('no worker');
    // In the middle of a check that takes 20 s.
    target.answer('nothing');
    const hits = target.hits();
    const asked = folder.cli('services', 'check', 'web');
    await expect.poll(() => target.hits(), { timeout: 15_000, interval: 50 }).toBeGreaterThan(hits);
    const { code, durationMs } = await stop(worker);
    expect(code).toBe(0);
    expect(durationMs).toBeLessThan(8_000);
    target.answer(200);
    run('worker');
    // The next worker makes the check that was asked for.
    expect((await asked).code).toBe(0);
  });

  it('the API refuses to listen beyond this machine without a token', async () => {
    const api = run('api');
    expect(await api.exited).toBe(2);
    expect(api.output()).toContain('api.token');
  });

  it('with a token it answers those who have it, and its health to everybody', async () => {
    Object.assign(folder.env, { OPSLOOP_TOKEN: token });
    const api = run('api');
    const url = `http://127.0.0.1:${apiPort}`;
    const statusOf = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
      fetch(`${url}${path}`, { headers }).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(() => statusOf('/readyz'), { timeout: 20_000, interval: 100 }).toBe(200);
    expect(await statusOf('/healthz')).toBe(200);
    for (const path of ['/metrics', '/api/v1/status']) {
      expect(await statusOf(path)).toBe(401);
      expect(await statusOf(path, { authorization: 'Bearer wrong' })).toBe(401);
      expect(await statusOf(path, { authorization: `Bearer ${token}` })).toBe(200);
    }
    expect(api.output()).not.toContain(token);
    expect((await stop(api)).code).toBe(0);
  });
});
