/** Conditions mean what they mean in Gatus, and what cannot be known never passes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateCondition, parseCondition, type Condition } from '../../src/domain/condition.js';
import type { Observation } from '../../src/domain/observation.js';

const seen = (facts: Partial<Observation>): Observation => ({
  connected: true,
  responseTimeMs: 12.7,
  ...facts,
});

const read = (text: string): Condition => {
  const parsed = parseCondition(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.problem}`);
  return parsed.condition;
};

const evaluate = (text: string, facts: Partial<Observation>) => evaluateCondition(read(text), seen(facts));

const day = 86_400_000;

const holding: [string, Partial<Observation>][] = [
  ['[STATUS] == 200', { status: 200 }],
  ['[STATUS] != 200', { status: 201 }],
  ['[STATUS] < 300', { status: 201 }],
  ['[STATUS] <= 200', { status: 200 }],
  ['[STATUS] >= 200', { status: 200 }],
  ['[STATUS] > 199', { status: 200 }],
  ['[status] == 200', { status: 200 }],
  ['200 == [STATUS]', { status: 200 }],
  ['400 > [STATUS]', { status: 200 }],
  ['[STATUS] == 0xC8', { status: 200 }],
  ['[STATUS] == pat(4*)', { status: 404 }],
  ['pat(4??) == [STATUS]', { status: 404 }],
  ['[STATUS] != pat(5*)', { status: 404 }],
  ['[STATUS] == any(200, 429)', { status: 429 }],
  ['any(200, 429) == [STATUS]', { status: 200 }],
  ['[STATUS] != any(200, 429)', { status: 404 }],
  ['[STATUS] == any(pat(2*), 404)', { status: 204 }],
  ['[STATUS] == any(pat(2*), 404)', { status: 404 }],
  ['[RESPONSE_TIME] < 500', { responseTimeMs: 50 }],
  ['[RESPONSE_TIME] < 1s', { responseTimeMs: 999.9 }],
  ['[RESPONSE_TIME] > 1s', { responseTimeMs: 2_000 }],
  ['[RESPONSE_TIME] >= 500', { responseTimeMs: 500 }],
  ['[RESPONSE_TIME] <= 10', { responseTimeMs: 10.4 }],
  ['[RESPONSE_TIME] == 2s', { responseTimeMs: 2_000 }],
  ['[IP] == 127.0.0.1', { ip: '127.0.0.1' }],
  ['[IP] == pat(10.*)', { ip: '10.1.2.3' }],
  ['[IP] == any(10.1.2.3, ::1)', { ip: '::1' }],
  ['[CONNECTED] == true', { connected: true }],
  ['[CONNECTED] == false', { connected: false }],
  ['[DNS_RCODE] == NOERROR', { dnsRcode: 'NOERROR' }],
  ['[DNS_RCODE] == any(NOERROR, NXDOMAIN)', { dnsRcode: 'NXDOMAIN' }],
  ['[CERTIFICATE_EXPIRATION] > 48h', { certificateExpiresInMs: 3 * day }],
  ['[CERTIFICATE_EXPIRATION] > 2419200000', { certificateExpiresInMs: 60 * day }],
  ['[CERTIFICATE_EXPIRATION] > 1h30m', { certificateExpiresInMs: 5_400_001 }],
  ['[CERTIFICATE_EXPIRATION] > -1h', { certificateExpiresInMs: -1 }],
  ['[EXPIRATION] > 2w', { expiresInMs: 15 * day }],
  ['[STATE] == running', { state: 'running' }],
  ['[MEMORY] < 512MB', { memoryBytes: 511_000_000 }],
  ['[MEMORY] < 1GiB', { memoryBytes: 1_073_741_823 }],
  ['[MEMORY] < 512000000', { memoryBytes: 511_000_000 }],
  ['[MEMORY] < 85%', { memoryBytes: 84, memoryLimitBytes: 100 }],
  ['[CPU] < 95', { cpuPercent: 94.9 }],
  ['[CPU] < 95%', { cpuPercent: 94.9 }],
  ['[CPU] <= 150', { cpuPercent: 120 }],
  ['[RAM] < 92', { ramPercent: 50 }],
  ['[RESTARTS] == 0', { restarts: 0 }],
  ['[DISK_FREE] > 10%', { diskFreeBytes: 11, diskTotalBytes: 100 }],
  ['[DISK_FREE] > 5GB', { diskFreeBytes: 6e9 }],
  ['10% < [DISK_FREE]', { diskFreeBytes: 11, diskTotalBytes: 100 }],
  ['[EXIT_CODE] == 0', { exitCode: 0 }],
];

const failing: [string, Partial<Observation>, string][] = [
  ['[STATUS] < 400', { status: 503 }, '[STATUS] (503) < 400'],
  ['[STATUS] == any(200, 429)', { status: 404 }, '[STATUS] (404) == any(200, 429)'],
  ['any(200, 429) == [STATUS]', { status: 404 }, 'any(200, 429) == [STATUS] (404)'],
  ['[STATUS] != 200', { status: 200 }, '[STATUS] (200) != 200'],
  ['[STATUS] < 400', {}, '[STATUS] (unknown) < 400'],
  ['[STATUS] != 200', {}, '[STATUS] (unknown) != 200'],
  ['[RESPONSE_TIME] >= 500', { responseTimeMs: 499.9 }, '[RESPONSE_TIME] (499) >= 500'],
  ['[RESPONSE_TIME] < 1s', { responseTimeMs: 1_500 }, '[RESPONSE_TIME] (1500) < 1s'],
  ['[IP] == pat(10.*)', { ip: '192.168.7.7' }, '[IP] (192.168.7.7) == pat(10.*)'],
  ['[CONNECTED] == true', { connected: false }, '[CONNECTED] (false) == true'],
  ['[CERTIFICATE_EXPIRATION] > 48h', { certificateExpiresInMs: day }, '[CERTIFICATE_EXPIRATION] (24h) > 48h'],
  [
    '[CERTIFICATE_EXPIRATION] > 2419200000',
    { certificateExpiresInMs: 14 * day },
    '[CERTIFICATE_EXPIRATION] (336h) > 2419200000',
  ],
  ['[CERTIFICATE_EXPIRATION] > 48h', {}, '[CERTIFICATE_EXPIRATION] (unknown) > 48h'],
  ['[EXPIRATION] > 336h', { expiresInMs: -5_430_500 }, '[EXPIRATION] (-1h30m30s) > 336h'],
  ['[STATE] == running', { state: 'stopped' }, '[STATE] (stopped) == running'],
  ['[MEMORY] < 512MB', { memoryBytes: 612_000_000 }, '[MEMORY] (612MB) < 512MB'],
  ['[MEMORY] < 85%', { memoryBytes: 91, memoryLimitBytes: 100 }, '[MEMORY] (91%) < 85%'],
  ['[MEMORY] < 85%', { memoryBytes: 312_000_000 }, '[MEMORY] (312MB, limit unknown) < 85%'],
  ['[MEMORY] < 85%', { memoryBytes: 1, memoryLimitBytes: 0 }, '[MEMORY] (1B, limit unknown) < 85%'],
  ['[CPU] < 95', { cpuPercent: 97.123 }, '[CPU] (97.12%) < 95'],
  ['[CPU] < 95', {}, '[CPU] (unknown) < 95'],
  ['[DISK_FREE] > 10%', { diskFreeBytes: 996, diskTotalBytes: 10_000 }, '[DISK_FREE] (9.96%) > 10%'],
  ['[DISK_FREE] > 10%', {}, '[DISK_FREE] (unknown) > 10%'],
  ['[EXIT_CODE] == 0', { exitCode: 2 }, '[EXIT_CODE] (2) == 0'],
];

describe('evaluateCondition', () => {
  it.each(holding)('%s holds for %j', (text, facts) => {
    expect(evaluate(text, facts)).toEqual({ holds: true, shown: text, isKnown: true, isFound: true });
  });

  it.each(failing)('%s does not hold for %j and shows %s', (text, facts, shown) => {
    expect(evaluate(text, facts)).toMatchObject({ holds: false, shown });
  });

  it('tells what it could not know from what is wrong', () => {
    expect(evaluate('[MEMORY] < 85%', { memoryBytes: 1 }).isKnown).toBe(false);
    expect(evaluate('[MEMORY] < 85%', { memoryBytes: 99, memoryLimitBytes: 100 }).isKnown).toBe(true);
  });
});

describe('what a condition asks for', () => {
  it.each([
    ['[BODY].errors < 5', '{"errors": 80}', true],
    ['[BODY].errors < 5', '{"errors": "80"}', true],
    ['[BODY].errors < 5', '{"errors": "none"}', false],
    ['[BODY].errors < 5', '{"errors": null}', false],
    ['[BODY].errors < 5', '{}', false],
    ['[BODY].errors < 5', 'no JSON', false],
    ['5 > [BODY].errors', '{}', false],
    ['[BODY].state == fine', '{"state": "bad"}', true],
    ['[BODY].state == fine', '{}', false],
    ['has([BODY].state) == true', '{}', true],
    ['[BODY].all[*].errors < 5', '{"all": [{"errors": 7}]}', true],
    ['[BODY].all[*].errors < 5', '{"all": []}', false],
    ['[STATUS] < 500', '{}', true],
  ])('of %s in %s is there: %s', (text, body, expected) => {
    expect(evaluate(text, { status: 503, body }).isFound).toBe(expected);
  });
});

describe('any condition', () => {
  it('never throws, whatever is written and whatever was seen', () => {
    const piece = fc.constantFrom(
      '[STATUS]',
      '[BODY]',
      '.a',
      '[0]',
      '[*]',
      'len(',
      'pat(',
      'any(',
      ')',
      ' == ',
      ' < ',
      '"',
      '*',
      '5m',
      '1%',
      ',',
      ' ',
      '\\',
      '[',
      ']',
      'x',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    );
    const body = fc.option(fc.oneof(fc.string(), fc.json()), { nil: undefined });
    fc.assert(
      fc.property(text, body, (written, said) => {
        const parsed = parseCondition(written);
        if (!parsed.ok) {
          expect(parsed.problem).not.toBe('');
          return;
        }
        const result = evaluateCondition(parsed.condition, seen(said === undefined ? {} : { body: said }));
        expect(result.holds && !result.isKnown).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('finds any number at any path, and orders it as numbers are ordered', () => {
    const key = fc.stringMatching(/^[a-z]{1,5}$/);
    fc.assert(
      fc.property(
        fc.array(key, { minLength: 1, maxLength: 4 }),
        fc.integer(),
        fc.integer(),
        (keys, value, limit) => {
          const body = keys.reduceRight((inner, name) => `{"${name}":${inner}}`, String(value));
          const path = `[BODY].${keys.join('.')}`;
          expect(evaluate(`${path} < ${limit}`, { body }).holds).toBe(value < limit);
          expect(evaluate(`${path} >= ${limit}`, { body }).holds).toBe(value >= limit);
          expect(evaluate(`${path} == ${limit}`, { body }).holds).toBe(value === limit);
          expect(evaluate(`${path} != ${limit}`, { body }).holds).toBe(value !== limit);
        },
      ),
    );
  });
});
