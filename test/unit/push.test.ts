/** Push checks: what pings say, and when silence is a failure. */
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import {
  firstLine,
  judgePush,
  takePing,
  type Ping,
  type PushPolicy,
  type PushStanding,
} from '../../src/domain/push.js';

const begin = Date.UTC(2026, 0, 1);
const policy: PushPolicy = { everyMs: 3_600_000, graceMs: 600_000 };
const never: PushStanding = {
  firstAppliedAt: begin,
  lastSuccessAt: null,
  lastFailAt: null,
  lastStartAt: null,
  reason: '',
};
const ping = (kind: Ping['kind'], at: number, more: Partial<Ping> = {}): Ping => ({
  kind,
  at,
  exitCode: null,
  rid: null,
  body: '',
  ...more,
});
const after = (...pings: Ping[]): PushStanding => pings.reduce(takePing, never);

describe('judgePush', () => {
  it('knows nothing of a check that was never pinged until every and grace are over, then calls it unhealthy', () => {
    const deadlineAt = begin + 4_200_000;
    expect(judgePush(policy, never, deadlineAt - 1)).toEqual({
      verdict: 'unknown',
      reason: 'no ping has come yet',
      deadlineAt,
    });
    expect(judgePush(policy, never, deadlineAt)).toEqual({
      verdict: 'unhealthy',
      reason: 'no ping has ever come; one is expected every 1h with 10m of grace',
      deadlineAt: null,
    });
  });

  it('is healthy after a success until every and grace are over again', () => {
    const standing = after(ping('success', begin + 1000));
    expect(judgePush(policy, standing, begin + 1000)).toMatchObject({ verdict: 'healthy', reason: '' });
    expect(judgePush(policy, standing, begin + 4_200_999).verdict).toBe('healthy');
    expect(judgePush(policy, standing, begin + 4_201_000)).toMatchObject({
      verdict: 'unhealthy',
      reason: 'no ping since 2026-01-01T00:00:01.000Z; one is expected every 1h with 10m of grace',
    });
  });

  it('is unhealthy at once after a failure, with what the job said first, until it succeeds', () => {
    const failed = after(
      ping('success', begin),
      ping('fail', begin + 1, { exitCode: 7, body: '\n\ndisk \u001b[31mfull\nmore' }),
    );
    expect(judgePush(policy, failed, begin + 2)).toEqual({
      verdict: 'unhealthy',
      reason: 'exit code 7: disk [31mfull',
      deadlineAt: null,
    });
    expect(judgePush(policy, takePing(failed, ping('success', begin + 3)), begin + 4).verdict).toBe(
      'healthy',
    );
  });

  it('says that the job said it failed when it said nothing else', () => {
    expect(after(ping('fail', begin)).reason).toBe('the job said that it failed');
  });

  it('gives a job that started its grace to finish, and only its silence counts without any', () => {
    const started = after(ping('success', begin), ping('start', begin + 1000));
    expect(judgePush(policy, started, begin + 600_999)).toMatchObject({
      verdict: 'healthy',
      deadlineAt: begin + 601_000,
    });
    expect(judgePush(policy, started, begin + 601_000)).toMatchObject({
      verdict: 'unhealthy',
      reason: 'started 2026-01-01T00:00:01.000Z and did not finish within its grace of 10m',
    });
    expect(judgePush({ ...policy, graceMs: 0 }, started, begin + 601_000).verdict).toBe('healthy');
    const finished = takePing(started, ping('success', begin + 5000));
    expect(judgePush(policy, finished, begin + 5001).deadlineAt).toBe(begin + 4_205_000);
  });

  it('takes a log for no sign of life', () => {
    expect(after(ping('log', begin + 1, { body: 'halfway' }))).toEqual(never);
  });
});

describe('takePing', () => {
  const pings = fc.array(
    fc.record({
      kind: fc.constantFrom('success', 'fail', 'start', 'log'),
      at: fc.integer({ min: begin, max: begin + 50 }),
      exitCode: fc.option(fc.integer({ min: 0, max: 255 })),
      rid: fc.constant(null),
      body: fc.string(),
    }) satisfies fc.Arbitrary<Ping>,
    { maxLength: 12 },
  );
  const newest = (list: Ping[], kind: Ping['kind']): number | null =>
    list.reduce<number | null>(
      (known, each) => (each.kind === kind ? Math.max(known ?? 0, each.at) : known),
      null,
    );

  it('ends at the newest ping of each kind in whatever order they come', () => {
    fc.assert(
      fc.property(pings, (list) => {
        expect(after(...list)).toMatchObject({
          lastSuccessAt: newest(list, 'success'),
          lastFailAt: newest(list, 'fail'),
          lastStartAt: newest(list, 'start'),
        });
      }),
    );
  });

  it('never lets an older ping take back the verdict of what is newer', () => {
    fc.assert(
      fc.property(pings, fc.constantFrom('success', 'fail'), (list, kind) => {
        const last = ping(kind, begin + 1000, { body: 'newest' });
        const standing = [...list].reduce(takePing, takePing(never, last));
        const { verdict, reason } = judgePush(policy, standing, begin + 1000);
        expect(verdict).toBe(kind === 'fail' ? 'unhealthy' : 'healthy');
        expect(reason).toBe(kind === 'fail' ? 'the job said that it failed: newest' : '');
      }),
    );
  });

  it('moves the deadline only forward with each success', () => {
    fc.assert(
      fc.property(pings, (list) => {
        let standing = never;
        let deadlineAt = begin + policy.everyMs + policy.graceMs;
        for (const each of list.filter(({ kind }) => kind === 'success')) {
          standing = takePing(standing, each);
          const next = judgePush(policy, standing, begin).deadlineAt ?? -Infinity;
          expect(next).toBeGreaterThanOrEqual(deadlineAt);
          deadlineAt = next;
        }
      }),
    );
  });

  it('judges the same until the deadline, and unhealthy from it on', () => {
    fc.assert(
      fc.property(pings, (list) => {
        const standing = after(...list);
        const { verdict, deadlineAt } = judgePush(policy, standing, begin + 50);
        if (deadlineAt === null) return;
        expect(judgePush(policy, standing, deadlineAt - 1).verdict).toBe(verdict);
        expect(judgePush(policy, standing, deadlineAt).verdict).toBe('unhealthy');
      }),
    );
  });
});

const isWhole = (text: string): boolean => !/\p{Cs}/u.test(text);

describe('firstLine', () => {
  it('is the first line with something in it, without control characters, and bounded', () => {
    expect(firstLine('  \r\n\t\nbackup\u0000 failed \r\nmore')).toBe('backup failed');
    expect(firstLine('')).toBe('');
    expect(firstLine('x'.repeat(5000))).toHaveLength(200);
  });

  it('never holds half a character', () => {
    expect(isWhole(firstLine(`${'x'.repeat(199)}😀`))).toBe(true);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 150, maxLength: 300 }), (text) =>
        isWhole(firstLine(text)),
      ),
    );
  });
});
