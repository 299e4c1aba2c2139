/** When a shard looks at its push checks, and what the observer says of them. */
import { describe, expect, it } from 'vitest';
import { nextDeadlineAt, pushesDue } from '../../src/activities/push-deadlines.js';
import type { PushStanding } from '../../src/domain/push.js';
import type { PushCheck } from '../../src/domain/service.js';
import { createPushObserver } from '../../src/workers/push-observer.js';
import { service } from '../support/configurations.js';

const push: PushCheck = { kind: 'push', everyMs: 3000, graceMs: 2000, conditions: ['[CONNECTED] == true'] };
const applied = (firstAppliedAt: number, more: Partial<PushStanding> = {}): PushStanding => ({
  firstAppliedAt,
  lastSuccessAt: null,
  lastFailAt: null,
  lastStartAt: null,
  reason: '',
  ...more,
});
const services = ['a', 'b', 'c'].map((name) => service(name, { checks: [push] }));
const standings = new Map([
  ['a', applied(0)],
  ['b', applied(1000)],
  ['c', applied(0, { lastFailAt: 10, reason: 'it failed' })],
]);
const at = (now: number) => ({ readPushChecks: async () => standings, now: () => now });

describe('deadlines of a shard', () => {
  it('are due from their moment on, a little early at most; what failed already has none', async () => {
    expect(await pushesDue(at(4900), 'shop', services)).toEqual([]);
    expect(await pushesDue(at(4960), 'shop', services)).toEqual(['a']);
    expect(await pushesDue(at(6000), 'shop', services)).toEqual(['a', 'b']);
  });

  it('come one after the other; one that passes during a tick is not forgotten', async () => {
    expect(await nextDeadlineAt(at(0), 'shop', { services, since: 0 })).toBe(5000);
    // The tick began before the deadline of `a` and ends after it.
    expect(await nextDeadlineAt(at(5500), 'shop', { services, since: 4999 })).toBe(5000);
    expect(await nextDeadlineAt(at(5500), 'shop', { services, since: 5000 })).toBe(6000);
    expect(await nextDeadlineAt(at(5500), 'shop', { services, since: 6000 })).toBeNull();
  });

  it('ask no database for a shard without push checks', async () => {
    const never = { readPushChecks: () => Promise.reject(new Error('asked')), now: () => 0 };
    expect(await nextDeadlineAt(never, 'shop', { services: [service('web')], since: 0 })).toBeNull();
    expect(await pushesDue(never, 'shop', [service('web')])).toEqual([]);
  });
});

describe('the observer', () => {
  it('reads the checks of a tick with one query', async () => {
    const asked: string[][] = [];
    const observe = createPushObserver(
      async (names) => {
        asked.push([...names]);
        return standings;
      },
      () => 5500,
    );
    const seen = await Promise.all(['a', 'b', 'c', 'd'].map((name) => observe(name, push)));
    expect(asked).toEqual([['a', 'b', 'c', 'd']]);
    expect(seen).toMatchObject([
      { connected: false, error: 'no ping has ever come; one is expected every 3s with 2s of grace' },
      { connected: false, unknown: true, error: 'no ping has come yet' },
      { connected: false, error: 'it failed' },
      { connected: false, unknown: true, error: 'its pings are not known yet' },
    ]);
    await observe('a', push);
    expect(asked).toHaveLength(2);
  });

  it('says nothing about jobs while the database does not answer', async () => {
    const observe = createPushObserver(
      () => Promise.reject(new Error('down')),
      () => 0,
    );
    expect(await observe('a', push)).toMatchObject({ unknown: true, connected: false });
  });
});
