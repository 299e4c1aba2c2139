/** When everything over the network fails at once, it is this host that is suspected, once. */
import { describe, expect, it } from 'vitest';
import { decideIsolation, remoteTargetOf, suspectsIsolation } from '../../src/domain/isolation.js';
import type { Check } from '../../src/domain/service.js';
import {
  certificateCheck,
  dnsCheck,
  httpCheck,
  postgresCheck,
  redisCheck,
  tcpCheck,
} from '../support/checks.js';
import { startAt } from '../support/heartbeat-facts.js';

describe('remoteTargetOf', () => {
  it('names where a check goes when it leaves this host', () => {
    expect(remoteTargetOf(httpCheck('https://example.org/health'))).toBe('https://example.org/health');
    expect(remoteTargetOf(tcpCheck('10.0.0.5:5432'))).toBe('10.0.0.5:5432');
    expect(remoteTargetOf(certificateCheck('example.org:443'))).toBe('example.org:443');
    expect(remoteTargetOf(dnsCheck('example.org', 'A', null))).toBe('example.org');
    expect(remoteTargetOf(dnsCheck('example.org', 'A', '9.9.9.9'))).toBe('9.9.9.9');
  });

  it.each<[string, Check]>([
    ['http', httpCheck('http://127.0.0.1:8888/health')],
    ['http with a user', httpCheck('http://me:secret@localhost:8888/health')],
    ['http by IPv6', httpCheck('http://[::1]:8888/')],
    ['tcp', tcpCheck('127.0.0.1:5432')],
    ['tcp by name', tcpCheck('localhost:5432')],
    ['tcp by IPv6', tcpCheck('[::1]:5432')],
    ['redis', redisCheck('redis://localhost:6379')],
    ['postgres', postgresCheck('postgres://me:secret@127.0.0.1:5432/shop')],
    ['dns', dnsCheck('example.org', 'A', '127.0.0.1:53')],
    ['disk', { kind: 'disk', path: '/', conditions: ['[DISK_FREE] > 10%'] }],
    ['command', { kind: 'command', command: ['/usr/bin/true'], conditions: ['[EXIT_CODE] == 0'] }],
    ['host', { kind: 'host', conditions: ['[CPU] < 95'] }],
  ])('is null for a check that stays here: %s', (_, check) => {
    expect(remoteTargetOf(check)).toBeNull();
  });

  it('is not misled by names that only look local', () => {
    expect(remoteTargetOf(httpCheck('https://localhost.example.org/'))).not.toBeNull();
    expect(remoteTargetOf(tcpCheck('my-localhost:80'))).not.toBeNull();
    expect(remoteTargetOf(tcpCheck('10.127.0.0.1.example.org:80'))).not.toBeNull();
  });
});

describe('suspectsIsolation', () => {
  const services = (...isAnswering: boolean[]) => isAnswering.map((answers) => ({ isAnswering: answers }));

  it('takes at least three services, all of them without an answer', () => {
    expect(suspectsIsolation(services(false, false, false))).toBe(true);
    expect(suspectsIsolation(services(false, false))).toBe(false);
    expect(suspectsIsolation(services(false, false, false, true))).toBe(false);
    expect(suspectsIsolation([])).toBe(false);
  });
});

describe('decideIsolation', () => {
  const decide = (isolated: boolean, more: Partial<Parameters<typeof decideIsolation>[0]> = {}) =>
    decideIsolation({
      environment: 'shop',
      reporter: 'heartbeat:shop:2',
      shard: 2,
      report: { isolated, isolatedReason: isolated ? 'nothing answers' : '', checked: 5 },
      since: null,
      episode: 0,
      sequence: 7,
      now: startAt,
      ...more,
    });

  it('opens one incident of the prober, and says why', () => {
    const decision = decide(true);
    expect(decision).toMatchObject({ since: startAt, sequence: startAt });
    expect(decision.reports).toMatchObject([
      {
        kind: 'open',
        type: 'isolated',
        target: 'prober-2',
        reporter: 'heartbeat:shop:2',
        severity: 'high',
        reason: 'nothing answers',
        resolvedBy: null,
      },
    ]);
  });

  it('tells nothing while it lasts, and once when it is over', () => {
    expect(decide(true, { since: startAt - 60_000 }).reports).toEqual([]);
    const over = decide(false, { since: startAt - 60_000 });
    expect(over).toMatchObject({ since: null });
    expect(over.reports).toMatchObject([{ kind: 'recover', resolvedBy: 'recovery' }]);
    expect(decide(false).reports).toEqual([]);
  });

  it('takes a tick that checked nothing for no news', () => {
    const report = { isolated: false, isolatedReason: '', checked: 0 };
    expect(decide(false, { report, since: startAt - 60_000 })).toMatchObject({
      since: startAt - 60_000,
      reports: [],
    });
    expect(decide(false, { report })).toMatchObject({ since: null, reports: [] });
  });

  it('counts on in the sequence of its reporter, also when the clock is behind', () => {
    const decision = decide(true, { sequence: startAt + 5_000 });
    expect(decision.sequence).toBe(startAt + 5_001);
    expect(decision.reports[0]?.sequence).toBe(startAt + 5_001);
  });

  it('is another episode each time', () => {
    const first = decide(true, { episode: 0 });
    const over = decide(false, { since: startAt, episode: first.episode });
    const second = decide(true, { episode: over.episode });
    expect([first, over, second].map(({ reports }) => reports[0]?.episode)).toEqual([1, 1, 2]);
  });
});
