/** An incident that people own: acknowledged, noted, silenced, resolved by command line, API and raw signal; its report. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { IncidentDetailDocument, IncidentDocument, StatusDocument } from '../../src/domain/documents.js';
import { startStack, type Stack } from '../support/stack.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';

const id = 'incident:shop:heartbeat:unhealthy:api';
let api: TargetServer;
let stack: Stack;

beforeAll(async () => {
  api = await startTargetServer();
  stack = await startStack({
    configuration: {
      environment: 'shop',
      heartbeat: { every: '5s', timeout: '2s' },
      services: [{ name: 'api', severity: 'critical', checks: [{ http: api.url }] }],
      channels: { file: { type: 'file' } },
      alerts: { groupWait: '0s', groupInterval: '1s' },
    },
  });
});
afterAll(async () => {
  await stack.close();
  await api.stop();
});

const show = (): Promise<IncidentDetailDocument> => stack.ask('incidents', 'show', 'api');
const list = (...words: string[]): Promise<IncidentDocument[]> => stack.ask('incidents', 'list', ...words);
const waitForState = (state: string): Promise<void> =>
  expect.poll(async () => (await list('--all'))[0]?.state, { timeout: 40_000, interval: 300 }).toBe(state);

const request = (path: string, body?: unknown): Promise<Response> =>
  fetch(`${stack.endpoints().api.url}/api/v1/incidents/${encodeURIComponent(id)}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });

async function signal(name: string, input: unknown): Promise<void> {
  const connection = await Connection.connect({ address: stack.endpoints().temporal.address });
  try {
    await new Client({ connection }).workflow.getHandle(id).signal(name, input);
  } finally {
    await connection.close();
  }
}

describe('an open incident', () => {
  it('is acknowledged on the command line, by somebody, and the status stays CRITICAL', async () => {
    await api.stop();
    await waitForState('open');
    const acknowledged = await stack.ask<IncidentDocument>(
      'incidents',
      'ack',
      'api',
      '--by',
      'alice',
      '--note',
      'on it',
    );
    expect(acknowledged).toMatchObject({ id, state: 'acknowledged', acknowledgedBy: 'alice' });
    expect((await stack.ask<StatusDocument>('status')).status).toBe('CRITICAL');
    expect((await stack.cli('incidents', 'ack', id, '--by', 'bob')).code).toBe(0);
    expect(await show()).toMatchObject({ acknowledgedBy: 'alice' });
  });

  it('takes notes and silences by the API, and refuses a wrong one by the name of its field', async () => {
    expect((await request('/note', { by: 'bob', text: 'the disk is <b>full</b>' })).status).toBe(200);
    expect((await request('/note', { by: 'bob', text: 'the disk is <b>full</b>' })).status).toBe(200);
    const wrong = await request('/silence', { for: 'soon', by: 'bob' });
    expect([wrong.status, await wrong.json()]).toMatchObject([
      400,
      { error: { reason: 'invalidInput', field: 'for' } },
    ]);
    expect((await request('/note', '[1]')).status).toBe(400);
    const notes = (await show()).events.filter(({ event }) => event === 'note');
    expect(notes).toMatchObject([{ by: 'bob', text: 'the disk is <b>full</b>' }]);
  });

  it('goes on after raw signals of garbage, and takes good ones', async () => {
    await signal('note', 'text');
    await signal('silence', { for: 7 });
    await signal('explode', {});
    await signal('note', { by: 'carol', text: 'rebooting' });
    await expect
      .poll(async () => (await show()).events.map(({ by, event }) => `${event} ${by}`), { timeout: 10_000 })
      .toContain('note carol');
  });

  it('is resolved by a person, told once, and an acknowledgement that comes late is refused', async () => {
    const resolved = await stack.ask<IncidentDocument>('incidents', 'resolve', 'api', '--by', 'alice');
    expect(resolved).toMatchObject({ state: 'resolved', resolvedBy: 'alice' });
    const late = await stack.cli('incidents', 'ack', 'api', '--by', 'bob');
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('resolved already, by alice')]);
    expect((await request('/acknowledge', { by: 'bob' })).status).toBe(409);
    expect((await list('--all'))[0]).toMatchObject({ state: 'resolved', acknowledgedBy: 'alice' });
    await expect
      .poll(() => stack.alerts().map(({ event }) => event), { timeout: 20_000 })
      .toEqual(['opened', 'recovered']);
  });
});

describe('the report of an incident', () => {
  const folder = (): string => join(stack.stateDir, 'reports', 'incidents');

  it('is written when it is resolved, as JSON and as Markdown', async () => {
    await expect
      .poll(
        async () => (await readdir(folder()).catch(() => [])).filter((name) => !name.startsWith('.')).sort(),
        {
          timeout: 20_000,
        },
      )
      .toEqual(['shop_heartbeat_unhealthy_api-1.json', 'shop_heartbeat_unhealthy_api-1.md']);
    const markdown = await readFile(join(folder(), 'shop_heartbeat_unhealthy_api-1.md'), 'utf8');
    expect(markdown).toContain('alice resolved it');
    expect(markdown).toContain('the disk is \\<b\\>full\\</b\\>');
  });

  it('takes what people know of the cause, also afterwards', async () => {
    const report = await stack.ask<{ rootCause: string; resolution: string }>(
      ...['incidents', 'report', 'api', '--root-cause', 'the disk was full', '--by', 'alice'],
    );
    expect(report).toMatchObject({
      rootCause: 'the disk was full',
      resolution: expect.stringContaining('alice'),
    });
    const text = await readFile(join(folder(), 'shop_heartbeat_unhealthy_api-1.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ rootCause: 'the disk was full', written: { by: 'alice' } });
    expect((await stack.cli('incidents', 'report', 'api', '--episode', '9')).code).toBe(1);
  });

  it('is the page that messages link to, with what came from outside as text', async () => {
    const [line] = stack.alerts() as { links?: { dashboard?: string } }[];
    expect(line?.links?.dashboard).toBe(`${stack.endpoints().api.url}/incidents/${encodeURIComponent(id)}`);
    const page = await fetch(line?.links?.dashboard ?? '');
    const text = await page.text();
    expect([page.status, page.headers.get('content-security-policy')]).toEqual([
      200,
      "default-src 'none'; style-src 'unsafe-inline'",
    ]);
    expect(text).toContain('the disk is &lt;b&gt;full&lt;/b&gt;');
    expect(text).not.toContain('<b>full');
  });

  it('explains why each thing was done', async () => {
    const { steps } = await stack.ask<{ steps: { what: string; why: string }[] }>('incidents', 'explain', id);
    const why = Object.fromEntries(steps.map((step) => [step.what, step.why]));
    expect(why['opened']).toBe('2 of its last 2 results were bad (openAfter)');
    expect(why['acknowledged']).toMatch(/alice took it over/);
    expect(steps.every((step) => step.why !== '')).toBe(true);
  });
});
