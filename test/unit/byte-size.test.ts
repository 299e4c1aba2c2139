/** Sizes are read as people write them, by 1000 and by 1024. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatByteSize, parseByteSize } from '../../src/domain/byte-size.js';

describe('parseByteSize', () => {
  it.each([
    ['512MB', 512_000_000],
    ['1GB', 1_000_000_000],
    ['1GiB', 1_073_741_824],
    ['1.5kB', 1_500],
    ['200 kib', 204_800],
    ['0B', 0],
    ['7b', 7],
    ['2TB', 2_000_000_000_000],
  ])('reads %s', (text, expected) => {
    expect(parseByteSize(text)).toBe(expected);
  });

  it.each(['', '512', '5M', '-1MB', '1iB', 'MB', '1 000MB', '1MBs', '9999999999PB'])(
    'finds no size in "%s"',
    (text) => {
      expect(parseByteSize(text)).toBeNull();
    },
  );
});

describe('formatByteSize', () => {
  it.each([
    [0, '0B'],
    [999, '999B'],
    [1_500, '1.5kB'],
    [512_000_000, '512MB'],
    [512_040_000, '512.04MB'],
    [999_999_999, '1GB'],
    [-2_000, '-2kB'],
  ])('writes %d bytes as %s', (sizeBytes, expected) => {
    expect(formatByteSize(sizeBytes)).toBe(expected);
  });

  it('is read back as nearly the same size', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 14 }), (sizeBytes) => {
        const readBack = parseByteSize(formatByteSize(sizeBytes)) ?? Number.NaN;
        expect(Math.abs(readBack - sizeBytes)).toBeLessThanOrEqual(sizeBytes * 0.006);
      }),
    );
  });
});
