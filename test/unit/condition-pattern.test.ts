/** Glob patterns match whole texts, and no text makes them slow. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPattern, parsePattern } from '../../src/domain/condition-pattern.js';

const matches = (pattern: string, text: string): boolean => {
  const parsed = parsePattern(pattern);
  if (parsed === null) throw new Error(`malformed: ${pattern}`);
  return matchesPattern(parsed, text);
};

describe('matchesPattern', () => {
  it.each([
    ['*', ''],
    ['*', 'queue ready: 7'],
    ['***', 'queue ready: 7'],
    ['queue*', 'queue ready: 7'],
    ['*ready*', 'queue ready: 7'],
    ['*: 7', 'queue ready: 7'],
    ['q*e r*y*7', 'queue ready: 7'],
    ['*e*e*e*', 'queue ready: 7'],
    ['queue ready: 7', 'queue ready: 7'],
    ['*queue ready: 7*', 'queue ready: 7'],
    ['a?c', 'abc'],
    ['a?c', 'a😀c'],
    ['*?c', 'a😀c'],
    ['*?', '😀'],
    ['[a-c]x[^0-9]', 'bxq'],
    ['*[0-9][0-9]*', 'room 12'],
    ['[[]*[\\]]', '[x]'],
    ['\\*', '*'],
    ['a*b', 'a/x\n/b'],
    ['http://*/x', 'http://host/x'],
    ['', ''],
  ])('%s matches %j', (pattern, text) => {
    expect(matches(pattern, text)).toBe(true);
  });

  it.each([
    ['queue', 'queue ready: 7'],
    ['ready*', 'queue ready: 7'],
    ['*ready', 'queue ready: 7'],
    ['*busy*', 'queue ready: 7'],
    ['*e*e*e*e*e*', 'queue ready: 7'],
    ['ab*ba', 'aba'],
    ['a?c', 'ac'],
    ['[^a]', 'a'],
    ['\\*', 'x'],
    ['', 'x'],
    ['?*?', 'x'],
  ])('%s does not match %j', (pattern, text) => {
    expect(matches(pattern, text)).toBe(false);
  });

  it.each(['[', '[]', '[]a]', '[a-', '[a-]', '[-a]', 'a\\', '*['])('%s is malformed', (pattern) => {
    expect(parsePattern(pattern)).toBeNull();
  });

  it('agrees with the regular expression that means the same', () => {
    const pattern = fc.array(fc.constantFrom('*', '?', 'a', 'b', '[ab]', '[^a]'), { maxLength: 8 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 10 });
    fc.assert(
      fc.property(pattern, text, (pieces, subject) => {
        const source = pieces.map((piece) => (piece === '*' ? '.*' : piece === '?' ? '.' : piece)).join('');
        expect(matches(pieces.join(''), subject)).toBe(new RegExp(`^${source}$`, 's').test(subject));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    '*a*a*a*a*a*a*a*a*b',
    '*a*?a*[a]*a?*a*b',
    `${'*a'.repeat(200)}*b`,
    '*?*?*?*?*?*?b',
    '*aaaaaaaaab*',
  ])('answers %s on half a million letters at once', (pattern) => {
    const text = 'a'.repeat(500_000);
    const startedAtMs = performance.now();
    expect(matches(pattern, text)).toBe(false);
    // A backtracking matcher would need longer than the universe has existed.
    expect(performance.now() - startedAtMs).toBeLessThan(2_000);
  });
});
