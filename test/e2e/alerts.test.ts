/** Silences, tests of channels and the explanation of routes, as people use them: the built CLI and the API of a whole stack. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChannelTest } from '../../src/domain/alert-router.js';
import type { AlertDocument, SilenceDocument } from '../../src/domain/documents.js';
import { anInstant, aSentAlert } from '../support/document-shapes.js';
import { startStack, type Stack } from '../support/stack.js';
import { startTargetServer, type TargetServer } from '../support/target-server.js';

let web: TargetServer;
let stack: Stack;

beforeAll(async () => {
  web = await startTargetServer();
  stack = await startStack({
    configuration: {
      environment: 'shop',
      heartbeat: { every: '5s', timeout: '2s', openAfter: 1 },
      services: [{ name: 'web', severity: 'critical', tags: ['revenue'], checks: [{ http: web.url }] }],
    },
  });
});

afterAll(async () => {
  await stack.close();
  await web.stop();
});

const historyOf = async (target: string): Promise<AlertDocument[]> =>
  (await stack.ask<AlertDocument[]>('alerts', 'history')).filter((row) => row.target === target);

async function post(path: string, body: string, type = 'application/json'): Promise<[number, unknown]> {
  const response = await fetch(`${stack.endpoints().api.url}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
  });
  return [response.status, await response.json()];
}

describe('alerts test', () => {
  it('really sends on every channel, and it is on record', async () => {
    const results = await stack.ask<ChannelTest[]>('alerts', 'test', '--by', 'alice');
    expect(results).toMatchObject([
      { channel: 'console', kind: 'console', state: 'sent', reason: '' },
      { channel: 'file', kind: 'file', state: 'sent', reason: '' },
    ]);
    expect(stack.alerts()).toMatchObject([
      { event: 'watchdog', text: 'test of channel file asked by alice' },
    ]);
    expect(await historyOf('file')).toMatchObject([
      aSentAlert('watchdog', 'file', 'file', { severity: 'low' }),
    ]);
  });

  it('of a channel that does not exist says which there are', async () => {
    const { code, stderr } = await stack.cli('alerts', 'test', '--channel', 'pager');
    expect([code, stderr]).toEqual([1, 'there is no channel "pager"; there are console, file\n']);
  });
});

describe('a silence', () => {
  it('holds back what is said of a service, with the reason, until somebody ends it', async () => {
    const silence = await stack.ask<SilenceDocument>(
      ...['services', 'silence', 'web', '--for', '2h', '--note', 'moving', '--by', 'alice'],
    );
    expect(silence).toMatchObject({ id: 's1', state: 'active', match: { target: ['web'] }, by: 'alice' });
    await web.stop();
    const reason = expect.stringMatching(/^silenced until .* by alice: moving$/) as string;
    await expect
      .poll(() => historyOf('web'), { timeout: 40_000, interval: 500 })
      .toMatchObject([
        { channel: 'console', state: 'suppressed', attempts: 0, sentAt: null, reason },
        { channel: 'file', state: 'suppressed', attempts: 0, sentAt: null, reason },
      ]);
    expect(await stack.ask('alerts', 'silences')).toEqual([silence]);
    const ended = await stack.ask<SilenceDocument>('alerts', 'unsilence', 's1', '--by', 'bob');
    expect(ended).toMatchObject({ id: 's1', state: 'ended', endedBy: 'bob', endedAt: anInstant });
    await expect
      .poll(async () => (await historyOf('web')).map(({ state }) => state), {
        timeout: 20_000,
        interval: 200,
      })
      .toEqual(['sent', 'sent']);
    expect(stack.alerts().filter(({ target }) => target === 'web')).toHaveLength(1);
    expect(await stack.ask('alerts', 'silences')).toEqual([]);
    expect(await stack.ask('alerts', 'silences', '--all')).toMatchObject([{ id: 's1', endedBy: 'bob' }]);
  });

  it('is made by the API, too, which names what is wrong and changes nothing then', async () => {
    const good = JSON.stringify({ match: { tags: ['revenue'] }, for: '1h', by: 'carol' });
    expect(await post('/silences', good)).toMatchObject([201, { id: 's2', by: 'carol' }]);
    for (const [body, field] of [
      ['{"match": {"tags": ["x"]}, "for": "soon"}', 'for'],
      ['{"match": {}, "for": "1h"}', 'match'],
      ['{"match": {"severity": ["urgent"]}, "for": "1h"}', 'match.severity'],
      ['[]', 'body'],
    ] as const)
      expect(await post('/silences', body)).toMatchObject([
        400,
        { error: { reason: 'invalidInput', field } },
      ]);
    expect(await post('/silences', good, 'text/plain')).toMatchObject([
      400,
      { error: { field: 'content-type' } },
    ]);
    expect(await post('/services/nobody/silence', '{"for": "1h"}')).toMatchObject([404, {}]);
    expect(await stack.ask<SilenceDocument[]>('alerts', 'silences')).toHaveLength(1);
  });
});

describe('alerts rules', () => {
  it('tells by the file alone which way an alert would take', async () => {
    expect(await stack.ask('alerts', 'rules', '--target', 'web', '--event', 'escalated')).toMatchObject({
      alert: { event: 'escalated', severity: 'critical', target: 'web', tags: ['revenue'] },
      routes: [{ path: 'alerts', channels: ['console', 'file'], waitMs: 0, throttleMs: null }],
      muted: null,
    });
    const { code, stderr } = await stack.cli('alerts', 'rules', '--event', 'openend');
    expect([code, stderr]).toEqual([2, expect.stringContaining('did you mean "opened"?') as string]);
  });
});
