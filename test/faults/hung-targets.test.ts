/** Targets that accept and never answer, among others: they cost their own time limit and nobody else's. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ServiceDocument, StatusDocument } from '../../src/domain/documents.js';
import { processesOf } from '../support/stack-processes.js';
import { startStack, type Stack } from '../support/stack.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';
import { startTcpServer, type TcpServer } from '../support/tcp-server.js';

const everyMs = 5_000;
let web: TargetServer;
let hung: TcpServer;
let stack: Stack;

beforeAll(async () => {
  web = await startTargetServer();
  hung = await startTcpServer();
  stack = await startStack({
    configuration: {
      environment: 'shop',
      heartbeat: { every: '5s', timeout: '5s' },
      services: [
        ...Array.from({ length: 10 }, (_, index) => ({
          name: `hung-${index}`,
          checks: [{ http: `http://${hung.address}/${index}` }],
        })),
        { name: 'web', checks: [{ http: web.url }] },
      ],
    },
  });
});

afterAll(async () => {
  await stack.close();
  await web.stop();
  await hung.close();
});

it('checks the others on time, and tells of each hung one by itself', async () => {
  const arrivals: number[] = [];
  await expect
    .poll(
      () => {
        if (web.lastHitAt() !== arrivals.at(-1) && web.hits() > 0) arrivals.push(web.lastHitAt());
        return arrivals.length;
      },
      { timeout: 40_000, interval: 20 },
    )
    .toBeGreaterThanOrEqual(5);
  const gaps = arrivals.slice(1).map((at, index) => at - (arrivals[index] ?? at));
  expect(Math.max(...gaps)).toBeLessThan(1.1 * everyMs + 500);
  await expect
    .poll(() => stack.alerts().filter(({ event }) => event === 'opened').length, {
      timeout: 30_000,
      interval: 100,
    })
    .toBe(10);
  const services = await stack.ask<ServiceDocument[]>('services', 'list');
  expect(services.find(({ name }) => name === 'web')).toMatchObject({ state: 'healthy' });
  expect(services.find(({ name }) => name === 'hung-3')).toMatchObject({
    state: 'unhealthy',
    reason: expect.stringMatching(/5s|5 s|5000/) as string,
  });
  expect((await stack.ask<StatusDocument>('status')).services).toEqual({
    healthy: 1,
    unhealthy: 10,
    unknown: 0,
  });
});

it('does not pile up connections to them', () => {
  expect(hung.open()).toBeLessThanOrEqual(10);
});

it('stops within 10 s although checks hang', async () => {
  const { code, durationMs } = await stack.stop();
  expect(code).toBe(0);
  expect(durationMs).toBeLessThan(10_000);
  expect(processesOf(stack.directory)).toEqual([]);
});
