/** Push checks in the real stack: silence, failures that are told, and jobs that never end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  IncidentDetailDocument,
  IncidentDocument,
  PingDocument,
  PushDocument,
  ServiceDocument,
} from '../../src/domain/documents.js';
import { eventually } from '../support/eventually.js';
import { startStack, type Stack } from '../support/stack.js';

const key = 'a-ping-key-of-some-length';
let stack: Stack;

const push = (name: string, every: string, grace: string) => ({
  name,
  // The heartbeat's own round is far too slow to notice anything in time.
  every: '10m',
  closeAfter: 1,
  checks: [{ push: { every, grace } }],
});

beforeAll(async () => {
  stack = await startStack({
    configuration: {
      environment: 'shop',
      api: { pingKey: '${env:PING_KEY}' },
      services: [
        push('silent', '3s', '2s'),
        push('failing', '1h', '1m'),
        push('endless', '1h', '2s'),
        push('fine', '1h', '1m'),
        { name: 'disk', checks: [{ disk: '/' }] },
      ],
    },
    env: { PING_KEY: key },
  });
});
afterAll(() => stack?.close());

async function call(path: string, body?: string): Promise<void> {
  const init = body === undefined ? {} : { method: 'POST', body };
  const response = await fetch(`${stack.endpoints().api.url}/ping/${key}/${path}`, init);
  expect(await response.text()).toBe('OK');
}

type Shown = ServiceDocument & { push?: PushDocument };
const show = (name: string): Promise<Shown> => stack.ask<Shown>('services', 'show', name);

const incidentOf = (target: string, state: 'open' | 'resolved'): Promise<IncidentDocument> =>
  eventually(`an incident of ${target} that is ${state}`, async () => {
    const rows = await stack.ask<IncidentDocument[]>('incidents', 'list', '--all');
    return rows.find((row) => row.target === target && row.state === state);
  });

describe('a push check', () => {
  it('that was never called opens an incident when every and grace are over, and recovers with a call', async () => {
    const open = await incidentOf('silent', 'open');
    const { push: check } = await show('silent');
    expect(check).toMatchObject({ lastPingAt: null, nextExpectedAt: null });
    const detail = await stack.ask<IncidentDetailDocument>('incidents', 'show', open.id);
    expect(detail.reason).toContain('no ping has ever come; one is expected every 3s with 2s of grace');
    await call('silent');
    const recovered = await incidentOf('silent', 'resolved');
    expect(recovered.resolvedBy).toBe('recovery');
    // And the next silence is noticed in its moment.
    const lastPingAt = Date.parse((await show('silent')).push?.lastPingAt ?? '');
    const again = await incidentOf('silent', 'open');
    const lateMs = Date.parse(again.openedAt) - (lastPingAt + 5_000);
    expect(lateMs).toBeGreaterThanOrEqual(0);
    expect(lateMs).toBeLessThan(1_500);
  });

  it('is unknown before its first call, and no incident', async () => {
    expect(await show('fine')).toMatchObject({ state: 'unknown' });
    await call('fine');
    await eventually('the service is healthy', async () => (await show('fine')).state === 'healthy');
    const { push: check } = await show('fine');
    const dueMs = Date.parse(check?.nextExpectedAt ?? '') - Date.parse(check?.lastPingAt ?? '');
    expect(dueMs).toBe(3_660_000);
    expect(check?.url).toBe(`${stack.endpoints().api.url}/ping/***/fine`);
    const response = await fetch(`${stack.endpoints().api.url}/ping/${check?.uuid}/log`);
    expect(response.status).toBe(200);
    expect(JSON.stringify(await stack.ask('incidents', 'list', '--all'))).not.toContain('"fine"');
  });

  it('whose job says that it failed opens an incident at once, with what it said', async () => {
    await call('failing');
    const toldAt = Date.now();
    await call('failing/7', 'tar: disk full\nmore');
    const open = await incidentOf('failing', 'open');
    expect(Date.parse(open.openedAt) - toldAt).toBeLessThan(2_000);
    expect(open.reason).toContain('exit code 7: tar: disk full');
    await call('failing/0');
    await incidentOf('failing', 'resolved');
    const pings = await stack.ask<PingDocument[]>('services', 'pings', 'failing', '--limit', '2');
    expect(pings).toMatchObject([
      { kind: 'success', exitCode: 0 },
      { kind: 'fail', exitCode: 7, firstLine: 'tar: disk full' },
    ]);
    const listed = await fetch(`${stack.endpoints().api.url}/api/v1/services/failing/pings?limit=2`);
    expect(await listed.json()).toEqual(pings);
  });

  it('whose job starts and does not end is unhealthy after its grace', async () => {
    await call('endless');
    await call('endless/start');
    const open = await incidentOf('endless', 'open');
    expect(open.reason).toMatch(/started \S+ and did not finish within its grace of 2s/);
  });

  it('is what services pings and show speak of, and of no other service', async () => {
    expect(await show('disk')).not.toHaveProperty('push');
    const none = await stack.cli('services', 'pings', 'disk');
    expect(none).toMatchObject({ code: 1 });
    expect(none.stderr).toContain('"disk" has no push check');
    const shown = await stack.cli('services', 'show', 'fine');
    expect(shown.stdout).toContain('/ping/***/fine');
    expect(shown.stdout).not.toContain(key);
  });
});
