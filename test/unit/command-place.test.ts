/** Keys of commands as folders. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeKeyPart,
  numberOfClaim,
  placeOf,
  startFile,
} from '../../src/adapters/commands/command-place.js';

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme', maxLength: 400 }));

describe('a part of a key', () => {
  it('stays readable when it is plain', () => {
    expect(encodeKeyPart('shop-web_2.1')).toBe('shop-web_2.1');
  });

  it('is a safe name, whatever it holds', () => {
    expect(encodeKeyPart('../x')).toBe('%2e.%2fx');
    expect(encodeKeyPart('--flag')).toBe('%2d-flag');
    expect(encodeKeyPart('')).toBe('%');
    expect(encodeKeyPart('..')).toBe('%2e.');
    fc.assert(
      fc.property(anyText, (part) => {
        expect(encodeKeyPart(part)).toMatch(/^[a-z0-9_%][a-z0-9_.%-]{0,99}$/);
      }),
    );
  });

  it('has a name of its own, also where capitals do not count and where it is long', () => {
    expect(encodeKeyPart('A')).not.toBe(encodeKeyPart('a'));
    expect(encodeKeyPart(`${'x'.repeat(300)}1`)).not.toBe(encodeKeyPart(`${'x'.repeat(300)}2`));
    expect(encodeKeyPart('\ud800')).not.toBe(encodeKeyPart('\ud801'));
    fc.assert(
      fc.property(anyText, anyText, (one, other) => {
        expect(encodeKeyPart(one) === encodeKeyPart(other)).toBe(one === other);
      }),
    );
  });

  it('is never taken for a file of a start', () => {
    fc.assert(
      fc.property(anyText, (part) => {
        expect(numberOfClaim(encodeKeyPart(part))).toBeNull();
      }),
    );
    expect(numberOfClaim('@12.claim')).toBe(12);
    expect(startFile(placeOf('/state', ['a', '/b']), 12, 'claim')).toBe('/state/a/%2fb/@12.claim');
  });
});
