/** Durations are read as people write them, and nothing else is taken for one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../src/domain/duration.js';

describe('parseDuration', () => {
  it.each([
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
    ['1w2d3h4m5s6ms', 788_645_006],
    ['336h', 1_209_600_000],
    ['0s', 0],
    ['0.5ms', 0.5],
    ['1.1h', 3_960_000],
  ])('reads %s', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });

  it.each([
    '',
    '5',
    '0',
    '5 minutes',
    '1h 30m',
    ' 5m',
    '-5m',
    '5M',
    '30m1h',
    '5m5m',
    '.5h',
    '1.h',
    '5mm',
    'm',
    '1e3s',
  ])('finds no duration in "%s"', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  it('finds no duration in one too long to count in milliseconds', () => {
    expect(parseDuration('99999999999999w')).toBeNull();
  });

  it('never throws and never gives anything but a finite number', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const durationMs = parseDuration(text);
        expect(durationMs === null || Number.isFinite(durationMs)).toBe(true);
      }),
    );
  });
});

describe('formatDuration', () => {
  it.each([
    [5_400_000, '1h30m'],
    [45_000, '45s'],
    [250, '250ms'],
    [1_209_600_000, '14d'],
    [0, '0s'],
    [12.4, '12ms'],
    [-3_600_000, '-1h'],
    [-0.2, '0s'],
    [61_001, '1m1s1ms'],
  ])('writes %d ms as %s', (durationMs, expected) => {
    expect(formatDuration(durationMs)).toBe(expected);
  });

  it('is read back as the same whole number of milliseconds', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 13 }), (durationMs) => {
        expect(parseDuration(formatDuration(durationMs))).toBe(durationMs);
      }),
    );
  });
});
