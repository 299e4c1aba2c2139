/** Services while a deployment is watched: k of n, flapping, and what is not settled at the end. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  doubtOf,
  failureOf,
  newWatchedService,
  takeLook,
  type WatchedService,
} from '../../src/domain/deployment-watch.js';
import type { Verdict } from '../../src/domain/observation.js';
import { policyOf } from '../support/heartbeat-facts.js';

const verdicts: Record<string, Verdict> = { g: 'healthy', b: 'unhealthy', u: 'unknown' };
const calm = { flapping: { changes: 1_000, withinMs: 60_000, settleAfterMs: 1 } };

interface Watch {
  openAfter?: { failures: number; of: number };
  flapping?: { changes: number; withinMs: number; settleAfterMs: number };
  everyMs?: number;
}

/** Looks at it, one letter each: g good, b bad, u unknown. Gives it and why it has failed after each look. */
function watch(
  letters: string,
  { everyMs = 5_000, ...more }: Watch = {},
): { service: WatchedService; failures: (string | null)[] } {
  const policy = policyOf(more);
  let service = newWatchedService('api');
  const failures = letters.split('').map((letter, index) => {
    const verdict = verdicts[letter] ?? 'unknown';
    const reason = verdict === 'healthy' ? '' : `look ${index + 1}`;
    service = takeLook(service, { verdict, reason, at: index * everyMs }, policy);
    return failureOf(service, policy);
  });
  return { service, failures };
}

const failsAt = (letters: string, more?: Watch): number =>
  watch(letters, more).failures.findIndex((failure) => failure !== null) + 1;

describe('a watched service', () => {
  it.each([
    // looks, failures of n, fails at look (0: never)
    ['gggg', 1, 1, 0],
    ['gb', 1, 1, 2],
    ['gbgbgb', 2, 2, 0],
    ['gbb', 2, 2, 3],
    ['bgb', 2, 3, 3],
    ['bggb', 2, 3, 0],
    ['bggbgb', 2, 3, 6],
    ['ggbbb', 3, 5, 5],
    // What is unknown moves nothing: neither bad, nor good between.
    ['buuuub', 2, 2, 6],
    ['uuuuuu', 1, 1, 0],
    ['bub', 2, 2, 3],
  ])('seen as %s with %i failures of %i fails at look %i', (letters, failures, of, look) => {
    expect(failsAt(letters, { ...calm, openAfter: { failures, of } })).toBe(look);
  });

  it('says how many of how many looks were bad, and the reason of the newest', () => {
    const openAfter = { failures: 2, of: 3 };
    expect(watch('bgb', { openAfter }).failures.at(-1)).toBe('api is unhealthy (2 of the last 3): look 3');
    expect(watch('b', { openAfter: { failures: 1, of: 1 } }).failures).toEqual(['api is unhealthy: look 1']);
  });

  it('flaps when it changes too often within the window, although no look is bad enough', () => {
    const flapping = { changes: 4, withinMs: 60_000, settleAfterMs: 1 };
    const { failures } = watch('gbgbg', { flapping });
    expect(failures.slice(0, 4)).toEqual([null, null, null, null]);
    expect(failures[4]).toBe('api flaps: it changed 4 times within 1m, last: healthy');
  });

  it('does not flap by changes that lie further apart than the window', () => {
    const flapping = { changes: 3, withinMs: 60_000, settleAfterMs: 1 };
    expect(failsAt('gbgbgbgb', { flapping, everyMs: 30_000 })).toBe(0);
    expect(failsAt('gbgb', { flapping, everyMs: 29_000 })).toBe(4);
  });

  it('does not flap by what is unknown', () => {
    const flapping = { changes: 2, withinMs: 60_000, settleAfterMs: 1 };
    expect(failsAt('gugugugu', { flapping })).toBe(0);
  });

  it('leaves a doubt at the end unless its newest look was good', () => {
    expect(doubtOf(newWatchedService('api'))).toBe('api is unknown: not checked yet');
    expect(doubtOf(watch('ggb').service)).toBe('api is unhealthy: look 3');
    expect(doubtOf(watch('gu').service)).toBe('api is unknown: look 2');
    expect(doubtOf(watch('bug').service)).toBeNull();
  });
});

describe('whatever is seen', () => {
  const looks = fc.string({ unit: fc.constantFrom('g', 'b', 'u'), maxLength: 60 });
  const rule = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.nat({ max: 4 }))
    .map(([failures, more]) => ({ failures, of: failures + more }));

  it('it fails exactly when k of the newest n looks that tell something were bad', () => {
    fc.assert(
      fc.property(looks, rule, (letters, openAfter) => {
        const newest = letters
          .split('')
          .filter((letter) => letter !== 'u')
          .slice(-openAfter.of);
        const isBad = newest.filter((letter) => letter === 'b').length >= openAfter.failures;
        const last = watch(letters, { ...calm, openAfter }).failures.at(-1) ?? null;
        expect(last !== null).toBe(isBad);
      }),
    );
  });

  it('what is remembered stays small and is plain JSON', () => {
    fc.assert(
      fc.property(looks, rule, (letters, openAfter) => {
        const { service } = watch(letters, {
          openAfter,
          flapping: { changes: 4, withinMs: 20_000, settleAfterMs: 1 },
        });
        expect(service.results.length).toBeLessThanOrEqual(openAfter.of);
        expect(service.changes.length).toBeLessThanOrEqual(4);
        expect(JSON.parse(JSON.stringify(service))).toEqual(service);
      }),
    );
  });

  it('unknown looks between change nothing but the doubt', () => {
    fc.assert(
      fc.property(looks, rule, (letters, openAfter) => {
        const told = letters.replaceAll('u', '');
        const { results } = watch(letters, { ...calm, openAfter }).service;
        expect(results).toEqual(watch(told, { ...calm, openAfter }).service.results);
      }),
    );
  });
});
