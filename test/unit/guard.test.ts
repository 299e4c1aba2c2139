/** Alerts about resources: how they are read, and what level several of them mean. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  guardLevels,
  judgeGuard,
  readGuardAlert,
  type GuardAlert,
  type GuardPush,
} from '../../src/domain/guard.js';

const now = Date.UTC(2026, 10, 25, 18);

const full = {
  service: 'db-1',
  status: 'CRITICAL',
  metric: 'ram',
  threshold: 85,
  current_value: 91.5,
  timestamp: '2026-11-25T18:00:00Z',
};

const alertOf = (input: unknown): GuardAlert => {
  const read = readGuardAlert(input);
  if (!read.ok) throw new Error(read.problem);
  return read.alert;
};

const levelOf = (metric: string, value: unknown) =>
  alertOf({ service: 'db-1', metric, current_value: value }).level;

describe('an alert', () => {
  it('is taken with all that it says', () => {
    expect(alertOf(full)).toEqual({
      service: 'db-1',
      metric: 'ram',
      level: 'CRITICAL',
      threshold: 85,
      currentValue: 91.5,
      at: now,
    });
  });

  it.each([...guardLevels, 'critical', ' Emergency '])('may have the status %s', (status) => {
    expect(alertOf({ ...full, status }).level).toBe(status.trim().toUpperCase());
  });

  it.each(['resolved', 'RESOLVED'])('ends with the status %s', (status) => {
    expect(alertOf({ ...full, status })).toMatchObject({ level: null, metric: 'ram' });
    expect(alertOf({ service: 'db-1', status })).toMatchObject({ level: null, metric: '' });
  });

  it('counts by its status, whatever its figure says', () => {
    expect(alertOf({ ...full, status: 'WARN', current_value: 99 }).level).toBe('WARN');
    expect(alertOf({ ...full, metric: 'disk', current_value: 8e9 })).toMatchObject({
      metric: 'disk',
      level: 'CRITICAL',
      currentValue: 8e9,
    });
  });

  it('may say little, and more than is known here', () => {
    expect(alertOf({ service: 'db-1', status: 'WARN', metric: 'Queue', host: 'a', threshold: null })).toEqual(
      {
        service: 'db-1',
        metric: 'queue',
        level: 'WARN',
        threshold: null,
        currentValue: null,
        at: null,
      },
    );
  });

  it('may write numbers as templates do, and instants as numbers', () => {
    const alert = alertOf({ ...full, threshold: '85 %', current_value: '91.5', timestamp: now / 1000 });
    expect(alert).toMatchObject({ threshold: 85, currentValue: 91.5, at: now });
  });

  it.each([
    ['cpu', 69.9, 'INFO'],
    ['cpu', 70, 'WARN'],
    ['cpu', 84.9, 'WARN'],
    ['cpu', 85, 'CRITICAL'],
    ['cpu', 95, 'CRITICAL'],
    ['cpu', 95.1, 'EMERGENCY'],
    ['ram', 74.9, 'INFO'],
    ['ram', 75, 'WARN'],
    ['ram', 85, 'CRITICAL'],
    ['ram', 92, 'CRITICAL'],
    ['ram', 92.1, 'EMERGENCY'],
    ['RAM', '100%', 'EMERGENCY'],
    ['cpu', 100.2, 'EMERGENCY'],
    ['cpu', 0, 'INFO'],
  ])('without a status is judged: %s %s is %s', (metric, value, level) => {
    expect(levelOf(metric, value)).toBe(level);
  });

  it('is judged by other levels where they are given', () => {
    const levels = {
      warn: { cpu: 10, ram: 10 },
      critical: { cpu: 20, ram: 20 },
      emergency: { cpu: 30, ram: 40 },
    };
    const read = readGuardAlert({ service: 'a', metric: 'ram', current_value: 35 }, levels);
    expect(read).toMatchObject({ ok: true, alert: { level: 'CRITICAL' } });
  });
});

describe('a wrong alert', () => {
  it.each([
    ['nothing', null, '', /^an alert is one JSON object, not nothing; for example \{"service": "db-1"/],
    ['a list', [full], '', /one JSON object, not a list/],
    [
      'no service',
      { ...full, service: undefined },
      'service',
      /^field "service" is missing; for example "db-1"$/,
    ],
    ['an empty service', { ...full, service: '' }, 'service', /"service" is the text ""; for example/],
    ['a service of blanks', { ...full, service: '  ' }, 'service', /"service" is the text "  "/],
    [
      'a service with a line end',
      { ...full, service: 'a\nb' },
      'service',
      /is the text "a\\nb"; for example/,
    ],
    [
      'a service without an end',
      { ...full, service: 'x'.repeat(201) },
      'service',
      /is 201 characters long; at most 200/,
    ],
    ['a number for a service', { ...full, service: 5 }, 'service', /is the number 5; for example "db-1"/],
    [
      'a status of another word',
      { ...full, status: 'firing' },
      'status',
      /is the text "firing"; one of INFO, WARN, CRITICAL, EMERGENCY, resolved; for example "CRITICAL"/,
    ],
    ['no metric', { ...full, metric: null }, 'metric', /"metric" is missing; for example "ram"/],
    [
      'no status of another metric',
      { ...full, status: null, metric: 'disk' },
      'status',
      /is missing: only the metrics cpu and ram are judged without it, and this one is "disk"/,
    ],
    [
      'no figure to judge',
      { service: 'a', metric: 'cpu' },
      'current_value',
      /"current_value" is missing; for example 91/,
    ],
    [
      'a figure by another name',
      { service: 'a', metric: 'cpu', currentvalue: 5 },
      'current_value',
      /is missing \("currentvalue" is not known\)/,
    ],
    [
      'bytes',
      { service: 'a', metric: 'ram', current_value: 8e9 },
      'current_value',
      /is 8000000000; without a status it is percent of the whole machine, 0 to 100/,
    ],
    [
      'less than nothing',
      { service: 'a', metric: 'cpu', current_value: -1 },
      'current_value',
      /percent of the whole machine/,
    ],
    [
      'a figure in words',
      { ...full, current_value: 'high' },
      'current_value',
      /is the text "high"; for example 91/,
    ],
    ['a threshold in a list', { ...full, threshold: [85] }, 'threshold', /is a list; for example 85/],
    [
      'no instant',
      { ...full, timestamp: 'yesterday' },
      'timestamp',
      /is the text "yesterday"; for example "2026-/,
    ],
  ])('is refused with its field and an example: %s', (_, input, field, problem) => {
    const read = readGuardAlert(input);
    expect(read).toMatchObject({ ok: false, field });
    expect(read.ok ? '' : read.problem).toMatch(problem);
  });

  it('is never thrown, and what is taken has a level or is resolved', () => {
    const word = fc.constantFrom('cpu', 'ram', 'disk', 'resolved', 'WARN', '', 85, '91%', null);
    const field = fc.oneof(word, fc.jsonValue());
    const record = fc.record(
      {
        service: field,
        status: field,
        metric: field,
        threshold: field,
        current_value: field,
        timestamp: field,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), record), (input) => {
        const read = readGuardAlert(input);
        if (!read.ok) {
          expect(read.problem).toMatch(/for example|one of|at most/);
          return;
        }
        expect([...guardLevels, null]).toContain(read.alert.level);
        expect(read.alert.service).not.toBe('');
        expect(read.alert.metric !== '' || read.alert.level === null).toBe(true);
      }),
    );
  });
});

describe('the level', () => {
  const push = (changes: Partial<GuardPush>): GuardPush => ({
    service: 'db-1',
    metric: 'ram',
    level: 'WARN',
    threshold: null,
    currentValue: null,
    receivedAt: now,
    expiresAt: now + 300_000,
    ...changes,
  });

  it('is INFO, and guarded by nothing, without a push that counts', () => {
    const none = { level: 'INFO', reason: 'nothing guards this machine', isGuarded: false };
    expect(judgeGuard([], now)).toEqual(none);
    expect(judgeGuard([push({ level: 'EMERGENCY', expiresAt: now })], now)).toEqual(none);
  });

  it('is guarded by a push that says that all is well', () => {
    expect(judgeGuard([push({ level: 'INFO' })], now)).toEqual({
      level: 'INFO',
      reason: 'db-1 says INFO: ram',
      isGuarded: true,
    });
  });

  it('is the highest of the pushes, with its reason', () => {
    const pushes = [
      push({ level: 'WARN' }),
      push({ service: 'web-1', metric: 'cpu', level: 'CRITICAL', currentValue: 90, threshold: 85 }),
      push({ service: 'old', level: 'EMERGENCY', expiresAt: now - 1 }),
      push({ service: 'web-2', level: 'CRITICAL', receivedAt: now - 1 }),
    ];
    expect(judgeGuard(pushes, now)).toEqual({
      level: 'CRITICAL',
      reason: 'web-1 says CRITICAL: cpu 90 (threshold 85), and 1 more',
      isGuarded: true,
    });
  });

  it('never falls by a further push, and is the same in any order', () => {
    const any = fc.record({
      service: fc.string({ minLength: 1 }),
      level: fc.constantFrom(...guardLevels),
      receivedAt: fc.integer({ min: now - 300_000, max: now }),
      expiresAt: fc.integer({ min: now - 1_000, max: now + 300_000 }),
    });
    const rank = (pushes: GuardPush[]) => guardLevels.indexOf(judgeGuard(pushes, now).level);
    fc.assert(
      fc.property(fc.array(any), any, (some, one) => {
        const pushes = some.map(push);
        expect(rank([...pushes, push(one)])).toBeGreaterThanOrEqual(rank(pushes));
        expect(rank(pushes.toReversed())).toBe(rank(pushes));
      }),
    );
  });
});
