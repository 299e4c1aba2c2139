/** The first minutes: `opsloop up` in an empty folder, what it says and answers, its end, and its next start. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoopDocument, ServiceDocument, StatusDocument } from '../../src/domain/documents.js';
import { runOpsloop } from '../support/cli-run.js';
import {
  aHeartbeatLoop,
  anAlertRouter,
  anExternalLoop,
  aRunWatch,
  anInstant,
  aService,
} from '../support/document-shapes.js';
import { prepareStack, startStack, type Stack } from '../support/stack.js';
import { processesOf } from '../support/stack-processes.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';

let target: TargetServer;
let stack: Stack;
let broken: TargetServer;

beforeAll(async () => {
  target = await startTargetServer();
  broken = await startTargetServer();
  await broken.stop();
  stack = await startStack({
    configuration: {
      environment: 'shop',
      heartbeat: { every: '5s', timeout: '2s' },
      services: [
        { name: 'web', checks: [{ http: target.url }] },
        // Checked once at the start and whenever somebody asks: it never gets as far as an incident.
        { name: 'broken', every: '1h', openAfter: 9, checks: [{ http: broken.url }] },
      ],
    },
  });
});

afterAll(async () => {
  await stack.close();
  await target.stop();
});

const heartbeatOf = async (): Promise<LoopDocument> => {
  const loops = await stack.ask<LoopDocument[]>('loops', 'list');
  const found = loops.find(({ loop }) => loop === 'heartbeat');
  if (found === undefined) throw new Error(`no heartbeat among ${JSON.stringify(loops)}`);
  return found;
};

describe('opsloop up in an empty folder', () => {
  it('prints its URLs, what to try, and then that it is ready', () => {
    const { temporal, api } = stack.endpoints();
    const [before = '', after] = stack.output().split(/^opsloop is ready\n/m);
    expect(before).toContain(temporal.webUi);
    expect(before).toContain(api.url);
    expect(before.match(/npx opsloop /g)?.length).toBeGreaterThanOrEqual(2);
    expect(after).toBeDefined();
  });

  it('writes where everything is into a file for its owner only', () => {
    const path = join(stack.stateDir, 'run', 'endpoints.json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
      pid: stack.pid(),
      startedAt: anInstant,
      temporal: {
        address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
        namespace: 'default',
        webUi: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
      },
      database: {
        url: expect.stringMatching(/^postgres:\/\/opsloop:\S+@127\.0\.0\.1:\d+\/opsloop$/) as string,
      },
      redis: { url: expect.stringMatching(/^redis:\/\/\S+@127\.0\.0\.1:\d+$/) as string },
      api: { url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string },
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('keeps the passwords of its servers out of what it prints', () => {
    const { database, redis } = stack.endpoints();
    for (const url of [database.url, redis?.url ?? 'redis://none:none@none'])
      expect(stack.output()).not.toContain(new URL(url).password);
  });

  it('answers status with the document of the contract', async () => {
    expect(await stack.ask<StatusDocument>('status')).toEqual({
      environment: 'shop',
      status: 'HEALTHY',
      since: anInstant,
      services: { healthy: 1, unhealthy: 0, unknown: 1 },
      incidents: { critical: 0, high: 0, medium: 0, low: 0 },
      loops: [anAlertRouter('shop'), anExternalLoop('shop'), aHeartbeatLoop('shop'), aRunWatch('shop')],
      cron: null,
      guard: null,
    });
  });

  it('answers the lists with the documents of the contract', async () => {
    expect(await stack.ask('loops', 'list')).toEqual([
      anAlertRouter('shop'),
      anExternalLoop('shop'),
      aHeartbeatLoop('shop'),
      aRunWatch('shop'),
    ]);
    const [web, second] = await stack.ask<ServiceDocument[]>('services', 'list');
    expect(web).toEqual(aService('web'));
    expect(second?.name).toBe('broken');
    expect(await stack.ask('incidents', 'list')).toEqual([]);
    expect(await stack.ask('incidents', 'list', '--all')).toEqual([]);
    expect(await stack.ask('alerts', 'history')).toEqual([]);
  });

  it('checks a service on request: exit code 0 when it is healthy, 1 when it is not', async () => {
    const good = await stack.cli('services', 'check', 'web', '--json');
    expect(JSON.parse(good.stdout)).toEqual(aService('web'));
    expect(good.code).toBe(0);
    const bad = await stack.cli('services', 'check', 'broken', '--json');
    expect(JSON.parse(bad.stdout)).toEqual(
      aService('broken', {
        state: 'unhealthy',
        reason: expect.stringContaining('connection refused') as string,
        // What was asked for just now decides the state shown, not when the loop's own state changed.
        since: expect.anything() as string,
      }),
    );
    expect(bad.code).toBe(1);
  });

  it('says with exit code 2 what is wrong with a command, and 1 what is not there', async () => {
    const wrong = await stack.cli('loops', 'pauze', 'heartbeat');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('pause');
    const missing = await stack.cli('services', 'show', 'wep', '--json');
    expect(missing.code).toBe(1);
    expect(JSON.parse(missing.stdout)).toEqual({
      error: {
        reason: 'notFound',
        message: expect.stringContaining('Did you mean "web"') as string,
        field: 'service',
      },
    });
  });

  it('serves its health, its readiness and its metrics', async () => {
    const { api } = stack.endpoints();
    const health = await fetch(`${api.url}/healthz`);
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
    const readiness = await fetch(`${api.url}/readyz`);
    expect([readiness.status, await readiness.json()]).toEqual([
      200,
      expect.objectContaining({ status: 'ready' }),
    ]);
    const metrics = await (await fetch(`${api.url}/metrics`)).text();
    const lines = metrics.split('\n');
    expect(lines.filter((line) => /^opsloop_service_up\{.*service="web".*\} 1$/.test(line))).toHaveLength(1);
    // Those of the worker, by Temporal's SDK, come along.
    expect(lines.some((line) => /^temporal_\w+\{.*\} \d/.test(line))).toBe(true);
  });

  it('is the only one on its state directory: a second one says who has it, with exit code 2', async () => {
    const second = await stack.cli('up');
    expect(second.code).toBe(2);
    expect(second.stderr).toContain(`process ${stack.pid()}`);
    expect(second.stdout).not.toContain('ready');
    expect((await fetch(`${stack.endpoints().api.url}/readyz`)).status).toBe(200);
  });

  it('stops all it started within 10 s of a SIGTERM, and goes on at the next start where it stopped', async () => {
    const before = await heartbeatOf();
    const { code, durationMs } = await stack.stop();
    expect(code).toBe(0);
    expect(durationMs).toBeLessThan(10_000);
    expect(processesOf(stack.directory)).toEqual([]);
    expect(() => stack.endpoints()).toThrow(/ENOENT/);

    const unreachable = await stack.cli('status', '--json');
    expect(unreachable.code).toBe(3);
    expect(JSON.parse(unreachable.stdout)).toMatchObject({ error: { reason: 'unavailable' } });
    expect(unreachable.stderr).toContain('opsloop up');

    await stack.start();
    expect(stack.endpoints().temporal.address).toMatch(/^127/);
    await expect
      .poll(async () => (await heartbeatOf()).count, { timeout: 15_000, interval: 500 })
      .toBeGreaterThan(before.count);
    const [web] = await stack.ask<ServiceDocument[]>('services', 'list');
    expect(Date.parse(web?.since ?? '')).toBeLessThan(Date.parse(before.lastAt ?? ''));
  });

  it('ends with exit code 0 on Ctrl-C, too', async () => {
    process.kill(stack.pid(), 'SIGINT');
    expect(await stack.exited()).toBe(0);
    expect(processesOf(stack.directory)).toEqual([]);
  });
});

describe('opsloop without a stack', () => {
  it('says with exit code 3 that nothing runs and what to do', async () => {
    const elsewhere = prepareStack({ configuration: { environment: 'shop', services: [] } });
    for (const words of [
      ['status'],
      ['loops', 'list'],
      ['services', 'list'],
      ['apply'],
      ['worker'],
      ['api'],
    ]) {
      const { code, stderr } = await runOpsloop(words, { directory: elsewhere.directory });
      expect([words, code]).toEqual([words, 3]);
      expect(stderr).toMatch(/opsloop up/);
    }
    await elsewhere.close();
  });

  it('names the address that it could not reach', async () => {
    const elsewhere = prepareStack({
      configuration: { environment: 'shop', services: [] },
      env: { TEMPORAL_ADDRESS: '127.0.0.1:1', DATABASE_URL: 'postgres://u:secret@127.0.0.1:2/x' },
    });
    for (const words of [['status'], ['apply'], ['worker'], ['up']]) {
      const { code, stderr } = await elsewhere.cli(...words);
      expect([words, code]).toEqual([words, 3]);
      expect(stderr).toMatch(/127\.0\.0\.1:[12]\b/);
      expect(stderr).not.toContain('secret');
    }
    await elsewhere.close();
  });
});
