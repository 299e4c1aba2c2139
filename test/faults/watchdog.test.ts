/** Temporal and PostgreSQL hang at once: the worker says so where neither is needed, and says when they are back. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startHttpServer, type HttpServer } from '../support/http-server.js';
import { processesOf } from '../support/stack-processes.js';
import { startStack, type AlertLine, type Stack } from '../support/stack.js';

let target: HttpServer;
let stack: Stack;
const frozen: number[] = [];

beforeAll(async () => {
  target = await startHttpServer((_request, response) => response.end());
  stack = await startStack({
    configuration: {
      environment: 'shop',
      services: [{ name: 'web', every: '10s', checks: [{ http: target.url }] }],
    },
  });
});

afterAll(async () => {
  thaw();
  await stack.close();
  await target.close();
});

function freeze(): void {
  const servers = processesOf(stack.directory).filter(({ command }) => command.includes('postgres:'));
  for (const pid of [stack.pidOf('temporal'), stack.pidOf('postgres'), ...servers.map(({ pid }) => pid)]) {
    process.kill(pid, 'SIGSTOP');
    frozen.push(pid);
  }
}

function thaw(): void {
  for (const pid of frozen.splice(0).toReversed()) process.kill(pid, 'SIGCONT');
}

const lines = (status: string): AlertLine[] =>
  stack.alerts().filter((line) => line.event === 'watchdog' && line.status === status);
const targets = (status: string): string[] =>
  lines(status)
    .map(({ target: part }) => part)
    .toSorted();

it('is told once for each of them, on every channel, and recorded when the database is back', async () => {
  freeze();
  await eventually('the outage', () => targets('firing').length >= 2, 60_000);
  expect(targets('firing')).toEqual(['database', 'temporal']);
  expect(lines('firing')[0]).toMatchObject({ severity: 'critical', loop: 'watchdog', channel: 'file' });
  thaw();
  await eventually('its end', () => targets('resolved').length >= 2, 60_000);
  expect(targets('resolved')).toEqual(['database', 'temporal']);
  expect(stack.output()).toContain('has not answered the worker');
  const history = await eventually(
    'all of it on record',
    async () => {
      const rows = await stack.ask<{ event: string; channel: string; state: string }[]>('alerts', 'history');
      const own = rows.filter(({ event, state }) => event === 'watchdog' && state === 'sent');
      return own.length === 8 ? own : null;
    },
    60_000,
  );
  expect(new Set(history.map(({ channel }) => channel))).toEqual(new Set(['console', 'file']));
  expect(targets('firing')).toEqual(['database', 'temporal']);
});
