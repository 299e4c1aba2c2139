// When a silent Temporal or database is told, and how.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decideWatchdog,
  newWatch,
  watchdogLimits,
  watchdogMessage,
  watchdogRetryMs,
  type WatchdogDecision,
} from '../../src/domain/watchdog.js';

const start = Date.UTC(2026, 10, 25, 18);
const lookMs = 5_000;

/** Looks every 5 s: `x` without an answer, `o` with one; what was told after which look. */
function look(letters: string): { index: number; tell: NonNullable<WatchdogDecision['tell']> }[] {
  let watch = newWatch();
  return Array.from(letters).flatMap((letter, index) => {
    const at = { at: start + index * lookMs, atMs: 100 + index * lookMs };
    const decision = decideWatchdog(
      watch,
      { problem: letter === 'x' ? 'refused' : null, ...at },
      watchdogLimits,
    );
    watch = decision.watch;
    return decision.tell === null ? [] : [{ index, tell: decision.tell }];
  });
}

describe('decideWatchdog', () => {
  it('tells an outage once, 30 s after the first look without an answer, and its end once', () => {
    expect(look('ooxxxxxxxxxxxxoo')).toEqual([
      { index: 8, tell: { status: 'firing', since: start + 2 * lookMs, lastedMs: 30_000 } },
      { index: 14, tell: { status: 'resolved', since: start + 2 * lookMs, lastedMs: 60_000 } },
    ]);
  });

  it('says nothing of a server that restarts, however often', () => {
    expect(look('xxxxxxoxxxxxxoxxxxxxo')).toEqual([]);
  });

  it('tells of an outage that was there from the start', () => {
    expect(look('xxxxxxx').map(({ index }) => index)).toEqual([6]);
  });

  it('tells in turns, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('x', 'o', 'xxxxxxxx')), (parts) => {
        const told = look(parts.join('')).map(({ tell }) => tell.status);
        told.forEach((status, index) => expect(status).toBe(index % 2 === 0 ? 'firing' : 'resolved'));
      }),
    );
  });
});

describe('watchdogMessage', () => {
  const facts = {
    environment: 'shop',
    host: 'host-1',
    part: 'temporal',
    status: 'firing',
    since: start,
    lastedMs: 30_400,
    problem: 'connection refused',
    at: start + 30_400,
  } as const;

  it('is a critical message with a key that is the same for the same outage', () => {
    const message = watchdogMessage(facts);
    expect(message).toMatchObject({
      event: 'watchdog',
      status: 'firing',
      severity: 'critical',
      environment: 'shop',
    });
    expect(message.key).toBe(`watchdog:shop:host-1:temporal:${start}:firing`);
    expect(message.alerts).toEqual([
      expect.objectContaining({
        key: message.key,
        event: 'watchdog',
        target: 'temporal',
        severity: 'critical',
      }),
    ]);
    expect(message.alerts[0]?.text).toContain(
      'has not answered the worker on host-1 for 30 s (connection refused)',
    );
    expect(watchdogMessage({ ...facts, at: facts.at + 5 }).key).toBe(message.key);
  });

  it('says when it is over, under a key of its own', () => {
    const message = watchdogMessage({ ...facts, part: 'database', status: 'resolved', problem: '' });
    expect(message.key).toBe(`watchdog:shop:host-1:database:${start}:resolved`);
    expect(message.alerts[0]?.text).toBe('PostgreSQL answers the worker on host-1 again, after 30 s');
  });
});

describe('watchdogRetryMs', () => {
  it('waits longer each time, up to a minute, as long as it is asked to, and ends after 5 attempts', () => {
    expect([1, 2, 3, 4, 5].map((attempt) => watchdogRetryMs(attempt, null))).toEqual([
      1_000,
      4_000,
      16_000,
      60_000,
      null,
    ]);
    expect(watchdogRetryMs(1, 30_000)).toBe(30_000);
    expect(watchdogRetryMs(1, 3_600_000)).toBe(60_000);
  });
});
