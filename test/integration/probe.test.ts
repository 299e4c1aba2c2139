/** What holds for every kind of check: its limit, its end, and that it never throws. */
import { afterEach, describe, expect, it } from 'vitest';
import { probe, type ProbedCheck } from '../../src/adapters/probe.js';
import {
  certificateCheck,
  dnsCheck,
  expiryCheck,
  httpCheck,
  observe,
  postgresCheck,
  redisCheck,
  tcpCheck,
} from '../support/checks.js';
import { openResources, waitUntilNoMoreThan } from '../support/open-resources.js';
import { startTcpServer, type TcpServer } from '../support/tcp-server.js';

const servers: TcpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Every check that can hang, on a server that accepts and is silent. */
const hangingChecks = async (): Promise<ProbedCheck[]> => {
  const server = await startTcpServer();
  servers.push(server);
  const { address } = server;
  // An address of a network for documentation: packets to it are lost, or refused at once.
  return [
    httpCheck(`http://${address}/`),
    httpCheck(`https://${address}/`),
    tcpCheck('192.0.2.1:80'),
    redisCheck(`redis://${address}`),
    redisCheck(`rediss://${address}`),
    postgresCheck(`postgres://ann:hush@${address}/shop`),
    certificateCheck(address),
    dnsCheck('example.org', 'A', '192.0.2.1'),
    expiryCheck({ kind: 'http', url: `http://${address}/` }),
    expiryCheck({ kind: 'command', command: ['sh', '-c', 'trap "" TERM; sleep 3'] }),
    { kind: 'command', command: ['sh', '-c', 'trap "" TERM; sleep 3'], conditions: ['[EXIT_CODE] == 0'] },
  ];
};

describe('a probe', () => {
  it('never outlives its limit by more than 250 ms, and says that nothing came', async () => {
    const checks = await hangingChecks();
    const seen = await Promise.all(
      checks.map(async (check) => {
        const startedAtMs = performance.now();
        const { connected, error } = await observe(check, 400);
        return { kind: check.kind, connected, error, wallMs: performance.now() - startedAtMs };
      }),
    );
    for (const each of seen) {
      expect(each, each.kind).toMatchObject({ connected: false, error: expect.any(String) as string });
      expect(each.wallMs, each.kind).toBeLessThan(400 + 250);
    }
  });

  it('ends at once and unknown when it is stopped, and lets go of everything', async () => {
    const before = openResources();
    const checks = (await hangingChecks()).filter(({ kind }) => kind !== 'command' && kind !== 'expiry');
    const stop = new AbortController();
    const seen = Promise.all(checks.map((check) => observe(check, 60_000, stop.signal)));
    await expect.poll(() => servers[0]?.open()).toBeGreaterThan(0);
    stop.abort();
    for (const each of await seen)
      expect(each).toMatchObject({ connected: false, error: expect.any(String) as string });
    await Promise.all(servers.splice(0).map((server) => server.close()));
    await waitUntilNoMoreThan(before);
  });

  it('of many that listen to one signal warns nobody about a leak', async () => {
    const warnings: string[] = [];
    const listen = (warning: Error): unknown => warnings.push(warning.message);
    process.on('warning', listen);
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 50 }, () => observe(tcpCheck('127.0.0.1:1'), 1000, signal)));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });

  it('turns a defect of its own into an unknown', async () => {
    const broken = { kind: 'http', url: 'http://127.0.0.1/' } as unknown as ProbedCheck;
    const seen = await probe(broken, { timeoutMs: 1000, supervisor: null });
    expect(seen).toMatchObject({ connected: false, unknown: true });
    expect(seen.error).toMatch(/^the http check failed inside opsloop: /);
  });
});
