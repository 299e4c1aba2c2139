/** A service that stops, comes back, stops again and flaps: what is opened, told, and shown. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IncidentDetailDocument, IncidentDocument, StatusDocument } from '../../src/domain/documents.js';
import { anIncident, anInstant, aSentAlert, aText } from '../support/document-shapes.js';
import { startStack, type AlertLine, type Stack } from '../support/stack.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';

let web: TargetServer;
let wobbly: TargetServer;
let stack: Stack;

beforeAll(async () => {
  web = await startTargetServer();
  wobbly = await startTargetServer();
  stack = await startStack({
    configuration: {
      environment: 'shop',
      heartbeat: { every: '5s', timeout: '2s', flapping: { changes: 10 } },
      // Each change is told at once.
      alerts: { groupWait: '0s', groupInterval: '0s' },
      services: [
        {
          name: 'web',
          severity: 'critical',
          tags: ['revenue'],
          checks: [{ http: web.url }],
        },
        { name: 'front', dependsOn: ['web'], checks: [{ http: `${web.url}/front` }] },
        {
          name: 'wobbly',
          severity: 'low',
          every: '1h',
          openAfter: 1,
          closeAfter: 1,
          flapping: { changes: 3, within: '10m', settleAfter: '1h' },
          checks: [{ http: wobbly.url }],
        },
      ],
    },
  });
});

afterAll(async () => {
  await stack.close();
  await web.stop();
  await wobbly.stop();
});

const told = (target: string): AlertLine[] => stack.alerts().filter((line) => line.target === target);
const events = (target: string): string[] => told(target).map(({ event, episode }) => `${event} ${episode}`);

/** By its own clock, as an outage is found in life. */
const waitForEvents = (target: string, expected: string[]): Promise<void> =>
  expect.poll(() => events(target), { timeout: 30_000, interval: 100 }).toEqual(expected);

const incidents = (...words: string[]): Promise<IncidentDocument[]> =>
  stack.ask('incidents', 'list', ...words);

describe('a service that stops', () => {
  it('opens one incident, told once to each channel', async () => {
    await web.stop();
    await waitForEvents('web', ['opened 1']);
    const [line] = told('web');
    expect(line).toEqual({
      at: anInstant,
      key: aText,
      event: 'opened',
      status: 'firing',
      severity: 'critical',
      channel: 'file',
      loop: 'heartbeat',
      type: 'unhealthy',
      target: 'web',
      affected: ['front'],
      incident: 'incident:shop:heartbeat:unhealthy:web',
      episode: 1,
      text: expect.stringContaining('connection refused') as string,
      links: {
        dashboard: expect.stringContaining(stack.endpoints().api.url) as string,
        workflow: expect.stringContaining(stack.endpoints().temporal.webUi ?? 'no Web UI') as string,
      },
      environment: 'shop',
    });
    const lines = stack
      .output()
      .split(/^opsloop is ready\n/m)[1]
      ?.trim()
      .split('\n');
    expect(lines).toEqual([expect.stringMatching(/critical web is unhealthy: .*connection refused.*front/)]);
  });

  it('shows in the incidents, with what depends on it as affected and not as an incident of its own', async () => {
    const open = anIncident('shop', 'web', { severity: 'critical', affected: ['front'] });
    expect(await incidents()).toEqual([open]);
    const status = await stack.ask<StatusDocument>('status');
    expect(status).toMatchObject({
      status: 'CRITICAL',
      services: { healthy: 1, unhealthy: 2, unknown: 0 },
      incidents: { critical: 1, high: 0, medium: 0, low: 0 },
    });
    expect(told('front')).toEqual([]);
    const front = await stack.cli('services', 'check', 'front');
    expect(front.code).toBe(1);
  });

  it('is in the history of alerts, one row for each channel', async () => {
    const rows = await stack.ask<{ channel: string }[]>('alerts', 'history');
    expect(rows.toSorted((a, b) => a.channel.localeCompare(b.channel))).toEqual([
      aSentAlert('opened', 'web', 'console', { severity: 'critical' }),
      aSentAlert('opened', 'web', 'file', { severity: 'critical' }),
    ]);
  });

  it('is told to have recovered once, and the incident is resolved by recovery', async () => {
    await web.start();
    await waitForEvents('web', ['opened 1', 'recovered 1']);
    expect(told('web')[1]).toMatchObject({ status: 'resolved', severity: 'critical' });
    expect(await incidents()).toEqual([]);
    expect(await incidents('--all')).toEqual([
      anIncident('shop', 'web', {
        severity: 'critical',
        state: 'resolved',
        resolvedAt: anInstant,
        resolvedBy: 'recovery',
        affected: ['front'],
      }),
    ]);
    expect((await stack.ask<StatusDocument>('status')).status).toBe('HEALTHY');
  });

  it('opens a second episode of the same incident when it stops again', async () => {
    await web.stop();
    await waitForEvents('web', ['opened 1', 'recovered 1', 'opened 2']);
    await web.start();
    await waitForEvents('web', ['opened 1', 'recovered 1', 'opened 2', 'recovered 2']);
    expect((await incidents('--all')).map(({ episode, state }) => [episode, state])).toEqual([
      [2, 'resolved'],
      [1, 'resolved'],
    ]);
    const detail = await stack.ask<IncidentDetailDocument>(
      ...['incidents', 'show', 'incident:shop:heartbeat:unhealthy:web'],
    );
    const story = detail.events.filter(({ event }) => ['opened', 'recovered'].includes(event));
    expect(story.map(({ event, episode }) => `${event} ${episode}`)).toEqual(events('web'));
    expect(told('front')).toEqual([]);
    expect(new Set(stack.alerts().map(({ key }) => key)).size).toBe(stack.alerts().length);
  });
});

describe('a service that flaps', () => {
  const check = async (answer: number): Promise<void> => {
    wobbly.answer(answer);
    await stack.cli('services', 'check', 'wobbly');
  };

  it('is told to be flapping instead of each change', async () => {
    for (const answer of [500, 200, 500, 200, 500, 200, 500]) await check(answer);
    const known = events('wobbly');
    expect(known.filter((event) => event.startsWith('flapping'))).toHaveLength(1);
    expect(known.length).toBeLessThanOrEqual(4);
    for (const answer of [200, 500, 200]) await check(answer);
    expect(events('wobbly')).toEqual(known);
    const open = await incidents();
    expect(open.map(({ target, type }) => [target, type])).toEqual([['wobbly', 'unhealthy']]);
    expect(await stack.ask('services', 'show', 'wobbly')).toMatchObject({ state: 'flapping' });
    expect((await stack.ask<StatusDocument>('status')).status).toBe('HEALTHY');
  });
});

it('writes a report of each tick', async () => {
  const folder = join(stack.stateDir, 'reports', 'heartbeat');
  const names = await readdir(folder);
  const json = names.filter((name) => name.endsWith('.json'));
  expect(json.length).toBeGreaterThan(5);
  expect(names.filter((name) => name.endsWith('.md'))).toHaveLength(json.length);
  expect(JSON.parse(await readFile(join(folder, json[0] ?? ''), 'utf8'))).toMatchObject({
    environment: 'shop',
  });
});
