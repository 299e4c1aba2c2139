// Fingerprints of labels, compared with those that Prometheus' own library computes.
import { describe, expect, it } from 'vitest';
import { labelFingerprint } from '../../src/domain/label-fingerprint.js';

describe('labelFingerprint', () => {
  it('is the offset basis of FNV-1a without labels, as in Prometheus', () => {
    expect(labelFingerprint({})).toBe('cbf29ce484222325');
  });

  it('is the fingerprint that Prometheus gives, whatever the order of the labels', () => {
    // Prometheus' own library has this set among its tests: 5799056148416392346.
    const labels = { name: 'garland, briggs', fear: 'love is not enough' };
    expect(labelFingerprint(labels)).toBe('507a62d79ee76c9a');
    expect(labelFingerprint(Object.fromEntries(Object.entries(labels).reverse()))).toBe('507a62d79ee76c9a');
  });

  it('takes names and values as UTF-8, and sorts them by it', () => {
    expect(labelFingerprint({ '🚒': '2', größe: 'zu groß ～', ﾟ: '1' })).toBe('31c850097eb56827');
  });

  it('keeps names and values apart', () => {
    const all = [{ a: 'bc' }, { ab: 'c' }, { a: 'b', c: '' }, { a: '', b: 'c' }].map(labelFingerprint);
    expect(new Set(all).size).toBe(4);
  });

  it('has 16 digits also when the number is small', () => {
    for (let index = 0; index < 2000; index += 1)
      expect(labelFingerprint({ index: String(index) })).toMatch(/^[0-9a-f]{16}$/);
  });
});
