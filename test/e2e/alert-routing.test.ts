/** Who is told what, when, and what is held back and why: routes, groups, silences, quiet hours, inhibition, causes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AlertDocument, IncidentDocument } from '../../src/domain/documents.js';
import { eventually } from '../support/eventually.js';
import { fire, settle, type OutsideAlert } from '../support/outside-alerts.js';
import { startStack, type AlertLine, type Stack } from '../support/stack.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';

let database: TargetServer;
let wobbly: TargetServer;
let stack: Stack;

/** Two hours around now, by the clock of UTC. */
function aroundNow(): string {
  const hour = (shiftHours: number): string =>
    new Date(Date.now() + shiftHours * 3_600_000).toISOString().slice(11, 16);
  return `${hour(-1)}-${hour(1)}`;
}

beforeAll(async () => {
  database = await startTargetServer();
  wobbly = await startTargetServer();
  const onDatabase = (name: string) => ({
    name,
    dependsOn: ['db'],
    checks: [{ http: `${database.url}/${name}` }],
  });
  stack = await startStack({
    configuration: {
      environment: 'shop',
      heartbeat: { every: '5s', timeout: '2s' },
      services: [
        { name: 'db', severity: 'critical', checks: [{ tcp: new URL(database.url).host }] },
        ...Array.from({ length: 40 }, (_, index) => onDatabase(`app-${index}`)),
        {
          name: 'two-of-three',
          every: '1h',
          openAfter: { failures: 2, of: 3 },
          checks: [{ http: wobbly.url }],
        },
        { name: 'flip', every: '1h', openAfter: 1, closeAfter: 1, checks: [{ http: `${wobbly.url}/flip` }] },
      ],
      channels: { file: { type: 'file' }, second: { type: 'file', path: 'logs/second.jsonl' } },
      alerts: {
        channels: ['file'],
        groupWait: '0s',
        groupInterval: '0s',
        resolveTimeout: '1h',
        routes: [
          { match: { target: 'flip' }, groupWait: '10s', groupInterval: '1m' },
          { match: { type: 'Both' }, channels: ['second'], continue: true },
          { match: { type: 'Both' } },
          { match: { type: 'Throttled' }, throttle: '1h' },
          { match: { type: 'Grouped' }, groupBy: ['type'], groupWait: '3s' },
        ],
        mute: [{ match: { type: 'Quiet' }, between: aroundNow(), below: 'critical' }],
        inhibit: [{ source: { type: 'HostDown' }, target: { type: 'Slow' } }],
      },
      maintenanceWindows: [{ match: { type: 'Planned' }, between: aroundNow(), timeZone: 'UTC' }],
    },
  });
});
afterAll(async () => {
  await stack.close();
  await Promise.all([database.stop(), wobbly.stop()]);
});

const told = (type: string): string[] =>
  stack.alerts().flatMap((line) => (line.type === type ? [`${line.event} ${line.target}`] : []));
const rowsOf = async (target: string): Promise<AlertDocument[]> =>
  (await stack.ask<AlertDocument[]>('alerts', 'history')).filter((row) => row.target === target);
const alert = (type: string, target: string, severity = 'high'): OutsideAlert => ({ type, target, severity });

/** The reason on record why something was held back. */
const heldBack = (target: string): Promise<string> =>
  eventually(`the reason for ${target}`, async () => {
    const row = (await rowsOf(target)).find(({ state }) => state === 'suppressed');
    return row?.reason ?? null;
  });

describe('an alert', () => {
  it('goes on to the next route when the first one says so, and to each channel once', async () => {
    await fire(stack, alert('Both', 'both'));
    await eventually('both channels', async () => {
      const channels = (await rowsOf('both'))
        .filter(({ state }) => state === 'sent')
        .map(({ channel }) => channel);
      return channels.sort().join() === 'file,second';
    });
    expect(told('Both')).toEqual(['opened both']);
  });

  it('is told once within its throttle, and the record says until when', async () => {
    await fire(stack, alert('Throttled', 'noisy'));
    await eventually('the first', () => told('Throttled').length === 1);
    await settle(stack, alert('Throttled', 'noisy'));
    await eventually('its end', () => told('Throttled').includes('recovered noisy'));
    await fire(stack, alert('Throttled', 'noisy'));
    expect(await heldBack('noisy')).toMatch(/^throttled until /);
    expect(told('Throttled')).toEqual(['opened noisy', 'recovered noisy']);
  });

  it('waits for its group, and all of it becomes one message', async () => {
    await fire(stack, ...Array.from({ length: 5 }, (_, index) => alert('Grouped', `node-${index}`)));
    const lines = (): AlertLine[] => stack.alerts().filter(({ type }) => type === 'Grouped');
    await eventually('the message', () => lines().length > 0);
    expect(lines()).toMatchObject([
      { event: 'opened', targets: expect.arrayContaining(['node-0', 'node-4']) },
    ]);
  });

  it('is held back in quiet hours and in a maintenance window, unless it is too severe', async () => {
    await fire(
      stack,
      alert('Quiet', 'calm'),
      alert('Quiet', 'loud', 'critical'),
      alert('Planned', 'planned', 'critical'),
    );
    expect(await heldBack('calm')).toMatch(/^quiet hours until /);
    expect(await heldBack('planned')).toMatch(/^maintenance window until /);
    await eventually('the critical one', () => told('Quiet').length > 0);
    expect([told('Quiet'), told('Planned')]).toEqual([['opened loud'], []]);
  });

  it('is held back by what explains it, and told when that is over and it is not', async () => {
    await fire(stack, alert('HostDown', 'host', 'critical'));
    await eventually('the host', () => told('HostDown').length === 1);
    await fire(stack, alert('Slow', 'page'));
    expect(await heldBack('page')).toContain('inhibited by host');
    await settle(stack, alert('HostDown', 'host', 'critical'));
    await eventually('the page', () => told('Slow').includes('opened page'));
  });

  it('that is silenced is told when the silence ends and it still fires', async () => {
    const silence = await fetch(`${stack.endpoints().api.url}/api/v1/silences`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ match: { target: ['muted'] }, for: '1h', by: 'alice', note: 'moving' }),
    });
    expect(silence.status).toBe(201);
    const { id } = (await silence.json()) as { id: string };
    await fire(stack, alert('Noise', 'muted'));
    expect(await heldBack('muted')).toMatch(/^silenced until .* by alice: moving$/);
    expect(await stack.ask('alerts', 'silences')).toMatchObject([{ id, state: 'active', by: 'alice' }]);
    expect(told('Noise')).toEqual([]);
    expect((await stack.cli('alerts', 'unsilence', id, '--by', 'bob')).code).toBe(0);
    await eventually('its message', () => told('Noise').includes('opened muted'));
    expect(await stack.ask('alerts', 'silences', '--all')).toMatchObject([
      { id, state: 'ended', endedBy: 'bob' },
    ]);
  });

  it('that nobody has sent yet is explained by `alerts rules`', async () => {
    const rules = await stack.ask<{ ways: { channels: string[] }[] }>(
      'alerts',
      'rules',
      '--type',
      'Both',
      '--target',
      'x',
    );
    expect(JSON.stringify(rules)).toContain('alerts.routes[1]');
    expect((await stack.cli('alerts', 'rules', '--severity', 'fatal')).code).toBe(2);
  });
});

describe('detection', () => {
  it('opens at 2 bad results of 3, also with a good one between them', async () => {
    for (const answer of [500, 200, 500]) {
      wobbly.answer(answer);
      await stack.cli('services', 'check', 'two-of-three');
    }
    const open = await stack.ask<IncidentDocument[]>('incidents', 'list');
    expect(open.map(({ target }) => target)).toContain('two-of-three');
    wobbly.answer(200);
  });

  it('makes one message of 40 services behind one database', async () => {
    await database.stop();
    const lines = (): AlertLine[] =>
      stack.alerts().filter(({ target }) => target === 'db' || target.startsWith('app-'));
    await eventually('the message', () => lines().length > 0, 40_000);
    await eventually(
      'all that is affected',
      async () =>
        (await stack.ask<IncidentDocument[]>('incidents', 'list')).find(({ target }) => target === 'db')
          ?.affected.length === 40,
      40_000,
    );
    await database.start();
    await eventually('its end', () => lines().some(({ event }) => event === 'recovered'), 40_000);
    expect(lines().map(({ event, target }) => `${event} ${target}`)).toEqual(['opened db', 'recovered db']);
  }, 150_000);

  it('makes two messages at most of 15 flips, with the waits that hold when nothing is configured', async () => {
    for (let flip = 0; flip < 15; flip += 1) {
      wobbly.answer(flip % 2 === 0 ? 500 : 200);
      await stack.cli('services', 'check', 'flip');
    }
    wobbly.answer(200);
    const events = (): string[] =>
      stack.alerts().flatMap(({ target, event }) => (target === 'flip' ? [event] : []));
    await eventually('that it flaps', () => events().includes('flapping'), 90_000);
    expect(events().length).toBeLessThanOrEqual(2);
  }, 150_000);
});
