/** Verdicts are those that a person would give, with a reason that a person can act on. */
import { describe, expect, it } from 'vitest';
import { judgeCheck, judgeService, nameOfCheck, type CheckJudgement } from '../../src/domain/judgement.js';
import type { Observation } from '../../src/domain/observation.js';
import { defaultConditions, type Check } from '../../src/domain/service.js';

const httpCheck = (conditions = ['[STATUS] < 400'], url = 'http://127.0.0.1:8888/health'): Check => ({
  kind: 'http',
  url,
  method: 'GET',
  headers: {},
  body: null,
  auth: null,
  insecure: false,
  followRedirects: true,
  conditions,
});

const tcpCheck = (conditions = ['[CONNECTED] == true']): Check => ({
  kind: 'tcp',
  address: '127.0.0.1:5432',
  conditions,
});

const processCheck = (conditions: string[]): Check => ({ kind: 'process', conditions });

const commandCheck = (conditions = ['[EXIT_CODE] == 0']): Check => ({
  kind: 'command',
  command: ['/usr/bin/check', '--token', 'hunter2'],
  conditions,
});

const certificateCheck = (conditions = [...defaultConditions.certificate]): Check => ({
  kind: 'certificate',
  address: 'example.org:443',
  serverName: null,
  conditions,
});

const expiryCheck = (conditions = [...defaultConditions.expiry]): Check => ({
  kind: 'expiry',
  what: 'chat token',
  source: { kind: 'on', date: '2027-01-31' },
  conditions,
});

const seen = (facts: Partial<Observation>): Observation => ({ connected: true, responseTimeMs: 3, ...facts });

const hour = 3_600_000;
const plainlyHealthy: CheckJudgement = { verdict: 'healthy', reason: '', isExpiringOnly: false };

describe('judgeCheck', () => {
  it('has nothing to say about a check whose conditions hold', () => {
    expect(judgeCheck(httpCheck(), seen({ status: 200 }))).toEqual(plainlyHealthy);
  });

  it('names the check, then every condition that does not hold with what was found', () => {
    const check = httpCheck(['[STATUS] < 400', '[RESPONSE_TIME] < 500', '[BODY].status == UP']);
    expect(judgeCheck(check, seen({ status: 503, body: '{"status":"DOWN"}' }))).toEqual({
      verdict: 'unhealthy',
      reason: 'http http://127.0.0.1:8888/health: [STATUS] (503) < 400; [BODY].status (DOWN) == UP',
      isExpiringOnly: false,
    });
  });

  it('gives the reason why there was no answer, without conditions that repeat it', () => {
    const refused = seen({ connected: false, error: 'connection refused 127.0.0.1:8888' });
    expect(judgeCheck(httpCheck(), refused)).toMatchObject({
      verdict: 'unhealthy',
      reason: 'http http://127.0.0.1:8888/health: connection refused 127.0.0.1:8888',
    });
    expect(judgeCheck(tcpCheck(), refused).reason).toBe(
      'tcp 127.0.0.1:5432: connection refused 127.0.0.1:8888; [CONNECTED] (false) == true',
    );
  });

  it('calls a port healthy that should be closed and is', () => {
    const check = tcpCheck(['[CONNECTED] == false']);
    expect(judgeCheck(check, seen({ connected: false, error: 'connection refused' }))).toEqual(
      plainlyHealthy,
    );
    expect(judgeCheck(check, seen({})).reason).toBe('tcp 127.0.0.1:5432: [CONNECTED] (true) == false');
  });

  it('does not call a target healthy because it failed fast', () => {
    const refused = seen({ connected: false, responseTimeMs: 1, error: 'connection refused' });
    expect(judgeCheck(tcpCheck(['[RESPONSE_TIME] < 500']), refused)).toMatchObject({
      verdict: 'unhealthy',
      reason: 'tcp 127.0.0.1:5432: connection refused',
    });
    expect(judgeCheck(httpCheck(['has([BODY].errors) == false']), refused).verdict).toBe('unhealthy');
  });

  it('does not call an answer healthy that broke off', () => {
    const broken = seen({ status: 200, error: 'the connection was closed in the middle of the body' });
    expect(judgeCheck(httpCheck(), broken)).toMatchObject({ verdict: 'unhealthy' });
  });

  it('takes a bad outcome for healthy when the conditions ask for it', () => {
    const dnsCheck: Check = {
      kind: 'dns',
      name: 'gone.example.org',
      type: 'A',
      server: null,
      conditions: ['[DNS_RCODE] == NXDOMAIN'],
    };
    const answer = seen({ dnsRcode: 'NXDOMAIN', body: '', error: 'DNS answers NXDOMAIN' });
    expect(judgeCheck(dnsCheck, answer)).toEqual(plainlyHealthy);
    expect(
      judgeCheck(commandCheck(['[EXIT_CODE] == 3']), seen({ exitCode: 3, error: 'exit code 3' })),
    ).toEqual(plainlyHealthy);
    const stopped = seen({ connected: false, state: 'stopped', error: 'the container is exited' });
    expect(judgeCheck(processCheck(['[STATE] == stopped']), stopped)).toEqual(plainlyHealthy);
    expect(judgeCheck(processCheck(['[RESTARTS] < 5']), { ...stopped, restarts: 0 }).verdict).toBe(
      'unhealthy',
    );
  });

  it('is unknown when the check could not be made', () => {
    const noSecret = seen({ connected: false, unknown: true, error: 'the variable TOKEN is not set' });
    expect(judgeCheck(httpCheck(['[CONNECTED] == false']), noSecret)).toEqual({
      verdict: 'unknown',
      reason: 'http http://127.0.0.1:8888/health: the variable TOKEN is not set',
      isExpiringOnly: false,
    });
  });

  it('is unknown when only figures are missing that nobody tells, and says which', () => {
    const running = seen({ state: 'running', memoryBytes: 312_000_000 });
    expect(judgeCheck(processCheck(['[STATE] == running', '[MEMORY] < 85%']), running)).toMatchObject({
      verdict: 'unknown',
      reason: 'process: [MEMORY] (312MB, limit unknown) < 85%',
    });
    expect(judgeCheck(processCheck(['[RESTARTS] < 5', '[MEMORY] < 1MB']), running).verdict).toBe('unhealthy');
  });

  it('is unhealthy when a condition on a certificate finds none', () => {
    const check = httpCheck(['[CERTIFICATE_EXPIRATION] > 48h']);
    expect(judgeCheck(check, seen({ status: 200 }))).toMatchObject({
      verdict: 'unhealthy',
      reason: 'http http://127.0.0.1:8888/health: [CERTIFICATE_EXPIRATION] (unknown) > 48h',
    });
  });

  it('does not pass a condition that it cannot read', () => {
    expect(judgeCheck(httpCheck(['[STATSU] == 200']), seen({ status: 200 }))).toMatchObject({
      verdict: 'unknown',
      reason: expect.stringContaining('"[STATSU] == 200" cannot be read: unknown placeholder') as string,
    });
  });

  it('keeps reasons short enough to travel', () => {
    const check = httpCheck(Array.from({ length: 20 }, (_, index) => `[BODY] == ${index}${'y'.repeat(100)}`));
    expect(judgeCheck(check, seen({ body: 'x'.repeat(1_000) })).reason).toHaveLength(1_000);
  });
});

describe('isExpiringOnly', () => {
  it('is true while something serves and only its end is near', () => {
    expect(judgeCheck(certificateCheck(), seen({ certificateExpiresInMs: 24 * hour }))).toEqual({
      verdict: 'unhealthy',
      reason: 'certificate example.org:443: [CERTIFICATE_EXPIRATION] (24h) > 336h',
      isExpiringOnly: true,
    });
    expect(judgeCheck(expiryCheck(), seen({ expiresInMs: hour }))).toMatchObject({
      reason: 'expiry chat token: [EXPIRATION] (1h) > 336h',
      isExpiringOnly: true,
    });
  });

  it.each<[string, Check, Partial<Observation>]>([
    ['it has expired', certificateCheck(), { certificateExpiresInMs: -1 }],
    [
      'it has expired and the probe says so',
      expiryCheck(),
      { expiresInMs: -1, error: 'has expired on 2026-01-31' },
    ],
    ['nothing answered', certificateCheck(), { connected: false, error: 'connection refused' }],
    ['there is no certificate of use', certificateCheck(), { error: 'the certificate is for another name' }],
    [
      'it is slow as well',
      certificateCheck(['[CERTIFICATE_EXPIRATION] > 336h', '[RESPONSE_TIME] < 1']),
      { certificateExpiresInMs: hour },
    ],
    [
      'it is the condition of an http check',
      httpCheck(['[CERTIFICATE_EXPIRATION] > 336h']),
      { status: 200, certificateExpiresInMs: hour },
    ],
  ])('is false when %s', (_why, check, facts) => {
    expect(judgeCheck(check, seen(facts))).toMatchObject({ verdict: 'unhealthy', isExpiringOnly: false });
  });
});

describe('judgeService', () => {
  const judged = (check: Check, facts: Partial<Observation>) => ({
    check,
    judgement: judgeCheck(check, seen(facts)),
  });
  const good = judged(httpCheck(), { status: 200 });
  const bad = judged(httpCheck(), { status: 500 });
  const unsure = judged(tcpCheck(), { unknown: true, error: 'no secret' });
  const ending = judged(expiryCheck(), { expiresInMs: hour });

  it('takes the worst verdict and gives the reasons worst first', () => {
    expect(judgeService([good]).verdict).toBe('healthy');
    expect(judgeService([good, unsure])).toMatchObject({
      verdict: 'unknown',
      reason: 'tcp 127.0.0.1:5432: no secret',
    });
    expect(judgeService([unsure, good, ending, bad])).toEqual({
      verdict: 'unhealthy',
      reason: [bad, ending, unsure].map(({ judgement }) => judgement.reason).join('; '),
      isExpiringOnly: false,
      expiringReason: ending.judgement.reason,
    });
  });

  it('is expiring only when nothing worse is wrong', () => {
    expect(judgeService([good, ending])).toEqual({
      verdict: 'unhealthy',
      reason: ending.judgement.reason,
      isExpiringOnly: true,
      expiringReason: ending.judgement.reason,
    });
    expect(judgeService([good]).isExpiringOnly).toBe(false);
  });

  it('is unknown without checks', () => {
    expect(judgeService([])).toMatchObject({ verdict: 'unknown', reason: 'the service has no checks' });
  });

  it('judges a thousand services in far less than the second that a tick has', () => {
    const conditions = [
      '[STATUS] < 400',
      '[RESPONSE_TIME] < 500ms',
      '[BODY].status == UP',
      '[BODY] == pat(*UP*)',
    ];
    const body = JSON.stringify({ status: 'UP', parts: Array.from({ length: 20 }, (_, part) => ({ part })) });
    const startedAtMs = performance.now();
    for (let service = 0; service < 1_000; service += 1) {
      expect(judgeCheck(httpCheck(conditions), seen({ status: 200, body })).verdict).toBe('healthy');
    }
    expect(performance.now() - startedAtMs).toBeLessThan(500);
  });
});

describe('nameOfCheck', () => {
  it.each<[Check, string]>([
    [httpCheck([], 'https://user:hunter2@example.org/a?token=hunter2'), 'http https://***@example.org/a?…'],
    [httpCheck([], '${env:HEALTH_URL}'), 'http ${env:HEALTH_URL}'],
    [
      { kind: 'redis', url: 'redis://:hunt/er@2@127.0.0.1:6379', conditions: [] },
      'redis redis://***@127.0.0.1:6379',
    ],
    [
      { kind: 'postgres', url: 'postgres://ops:hunter2@db/x?sslmode=off', query: 'SELECT 1', conditions: [] },
      'postgres postgres://***@db/x?…',
    ],
    [commandCheck([]), 'command /usr/bin/check'],
    [{ kind: 'disk', path: '/', conditions: [] }, 'disk /'],
    [{ kind: 'host', conditions: [] }, 'host'],
  ])('shows no secrets: %#', (check, name) => {
    expect(nameOfCheck(check)).toBe(name);
  });
});
