/** The checks of a tick run side by side: who hangs holds up nobody, is not asked twice, and is heard later. */
import { afterEach, describe, expect, it } from 'vitest';
import { probe, type ProbedCheck } from '../../src/adapters/probe.js';
import { createShardProber, type ProbeCheck } from '../../src/activities/shard-probing.js';
import type { Observation } from '../../src/domain/observation.js';
import type { Service } from '../../src/domain/service.js';
import { httpCheck, tcpCheck } from '../support/checks.js';
import { service } from '../support/configurations.js';
import { eventually } from '../support/eventually.js';
import { startTcpServer, type TcpServer } from '../support/tcp-server.js';

const now = (): number => Date.now();
const realProbe: ProbeCheck = (of, check) =>
  probe(check as ProbedCheck, { timeoutMs: of.timeoutMs, supervisor: null });

const servers: TcpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A service whose HTTP server takes connections and never says a word. */
async function hangingService(name: string, timeoutMs: number): Promise<Service & { server: TcpServer }> {
  const server = await startTcpServer();
  servers.push(server);
  return { ...service(name, { timeoutMs, checks: [httpCheck(`http://${server.address}/`)] }), server };
}

async function answeringService(name: string): Promise<Service> {
  const server = await startTcpServer();
  servers.push(server);
  return service(name, { checks: [tcpCheck(server.address)] });
}

/** Checks that end when the test says so. */
function checksOnDemand() {
  const waiting = new Map<string, (observation: Observation) => void>();
  const started: string[] = [];
  const probeCheck: ProbeCheck = ({ name }) => {
    started.push(name);
    return new Promise((resolve) => waiting.set(name, resolve));
  };
  const end = (name: string, more: Partial<Observation> = {}): void =>
    waiting.get(name)?.({ connected: true, responseTimeMs: 1, ...more });
  return { probeCheck, started, end };
}

describe('a hung service', () => {
  it('delays nobody beyond the budget, is heard in a later tick, and is not started twice meanwhile', async () => {
    const prober = createShardProber({ probeCheck: realProbe, now });
    const hung = await hangingService('hung', 1_500);
    const fine = await Promise.all(['a', 'b', 'c'].map(answeringService));
    const startedAt = now();
    const first = await prober.probe('shop:0', [...fine, hung], 300);
    expect(now() - startedAt).toBeLessThan(1_000);
    expect(first.probed.map((probed) => `${probed.service.name} ${probed.verdict}`).sort()).toEqual([
      'a healthy',
      'b healthy',
      'c healthy',
    ]);
    expect(first.pending).toBe(1);
    expect(first.pendingUntil).toBeGreaterThan(startedAt);
    expect(first.pendingUntil).toBeLessThanOrEqual(now() + 1_500);
    const second = await prober.probe('shop:0', [hung], 50);
    expect(second).toMatchObject({ probed: [], pending: 1 });
    expect(hung.server.accepted()).toBe(1);
    const late = await eventually('the late result', async () => {
      const { probed } = await prober.probe('shop:0', [], 50);
      return probed[0];
    });
    expect(late).toMatchObject({ verdict: 'unhealthy', isAnswering: false, service: { name: 'hung' } });
    expect(late.at - startedAt).toBeGreaterThanOrEqual(1_400);
    expect(await prober.probe('shop:0', [], 50)).toEqual({ probed: [], pending: 0, pendingUntil: null });
  });

  it('costs one time limit and not thirty when there are thirty of them', async () => {
    const prober = createShardProber({ probeCheck: realProbe, now });
    const hung = await Promise.all(
      Array.from({ length: 30 }, (_, index) => hangingService(`hung-${index}`, 400)),
    );
    const startedAt = now();
    const { probed, pending } = await prober.probe('shop:0', hung, 5_000);
    expect([probed.length, pending]).toEqual([30, 0]);
    expect(now() - startedAt).toBeLessThan(2_500);
  });
});

describe('a slow check', () => {
  it('that ended before the next tick is heard beside the next one, both', async () => {
    const { probeCheck, started, end } = checksOnDemand();
    const prober = createShardProber({ probeCheck, now });
    const slow = service('slow');
    await prober.probe('shop:0', [slow], 10);
    await eventually('the first check', () => started.length === 1);
    end('slow', { connected: false, error: 'refused' });
    await new Promise(setImmediate);
    const next = prober.probe('shop:0', [slow], 10_000);
    await eventually('the second check', () => started.length === 2);
    end('slow');
    const { probed } = await next;
    expect(probed.map(({ verdict }) => verdict)).toEqual(['unhealthy', 'healthy']);
    expect(started).toEqual(['slow', 'slow']);
  });

  it('of one shard says nothing to another one', async () => {
    const { probeCheck, started, end } = checksOnDemand();
    const prober = createShardProber({ probeCheck, now });
    await prober.probe('shop:0', [service('slow')], 10);
    await eventually('the check', () => started.length === 1);
    end('slow');
    await new Promise(setImmediate);
    expect((await prober.probe('shop:1', [], 10)).probed).toEqual([]);
    expect((await prober.probe('shop:0', [], 10)).probed).toHaveLength(1);
  });
});

describe('a check that fails inside opsloop', () => {
  it('makes its service unknown, and stops neither this tick nor the next one', async () => {
    let isBroken = true;
    const probeCheck: ProbeCheck = async ({ name }) => {
      if (isBroken && name === 'broken') throw new Error('no such tool');
      return { connected: true, responseTimeMs: 1 };
    };
    const prober = createShardProber({ probeCheck, now });
    const services = [service('broken'), service('fine')];
    const verdictsOf = async (): Promise<string[]> =>
      (await prober.probe('shop:0', services, 1000)).probed
        .map((probed) => `${probed.service.name} ${probed.verdict}: ${probed.reason}`)
        .sort();
    const [broken, fine] = await verdictsOf();
    expect(broken).toContain('broken unknown');
    expect(broken).toContain('no such tool');
    expect(fine).toBe('fine healthy: ');
    isBroken = false;
    expect(await verdictsOf()).toEqual(['broken healthy: ', 'fine healthy: ']);
  });
});

describe('the reason', () => {
  it('is short and storable, whatever a service answers', async () => {
    const said = `${'x'.repeat(250)}\u0000\n${'🙂'.repeat(100)}`;
    const probeCheck: ProbeCheck = async () => ({ connected: false, responseTimeMs: 1, error: said });
    const prober = createShardProber({ probeCheck, now });
    for (const name of ['even', 'odd-length']) {
      const checks = [{ kind: 'disk' as const, path: `/${name}`, conditions: ['[CONNECTED] == true'] }];
      const { probed } = await prober.probe('shop:0', [service(name, { checks })], 1000);
      const reason = probed[0]?.reason ?? '';
      expect(reason.length).toBeLessThanOrEqual(300);
      expect(reason).toContain('🙂');
      expect(reason).not.toMatch(/[\p{Cc}\p{Cs}]/u);
    }
  });
});
