/** Suggests what was meant, and nothing when nothing is near. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearMiss } from '../../src/domain/near-miss.js';

describe('nearMiss', () => {
  it.each([
    ['STATSU', ['STATUS', 'STATE'], 'STATUS'],
    ['sevices', ['services', 'severity'], 'services'],
    ['Channels', ['channels'], 'channels'],
    ['timeuot', ['every', 'timeout'], 'timeout'],
    ['lenn', ['len', 'has'], 'len'],
    ['conection', ['connected', 'connection'], 'connection'],
  ])('takes %s for one of %j', (word, candidates, expected) => {
    expect(nearMiss(word, candidates)).toBe(expected);
  });

  it.each([
    ['potato', ['status', 'state']],
    ['ab', ['cd']],
    ['', ['a']],
    ['x'.repeat(65), ['x'.repeat(64)]],
    ['status', []],
  ])('has no suggestion for %s among %j', (word, candidates) => {
    expect(nearMiss(word, candidates)).toBeNull();
  });

  it('prefers the first of equally near candidates', () => {
    expect(nearMiss('cat', ['bat', 'rat'])).toBe('bat');
  });

  it('finds every word of more than two letters in which two neighbours were swapped', () => {
    const word = fc.stringMatching(/^[a-z]{3,20}$/);
    fc.assert(
      fc.property(word, fc.nat(), (meant, seed) => {
        const at = seed % (meant.length - 1);
        const written = meant.slice(0, at) + meant.charAt(at + 1) + meant.charAt(at) + meant.slice(at + 2);
        expect(nearMiss(written, [meant])).toBe(meant);
      }),
    );
  });

  it('never throws, and suggests only candidates', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), (word, candidates) => {
        const suggestion = nearMiss(word, candidates);
        expect(suggestion === null || candidates.includes(suggestion)).toBe(true);
      }),
    );
  });
});
