/** The forms of dates that an expiry check reads. */
import { describe, expect, it } from 'vitest';
import { parseExpiryDate } from '../../src/adapters/probes/expiry-date.js';

const noon = '2027-01-31T12:00:00.000Z';

describe('parseExpiryDate', () => {
  it.each([
    ['2027-01-31', '2027-01-31T00:00:00.000Z'],
    ['  2027-01-31\n', '2027-01-31T00:00:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['"2027-01-31"', '2027-01-31T00:00:00.000Z'],
    ['2027-01-31T12:00:00Z', noon],
    ['2027-01-31T12:00', noon],
    ['2027-01-31 12:00:00', noon],
    ['2027-01-31 12:00:00 +0000', noon],
    ['2027-01-31T13:00:00.000+01:00', noon],
    ['notAfter=Jan 31 12:00:00 2027 GMT', noon],
    ['Jan  1 12:00:00 2027 GMT', '2027-01-01T12:00:00.000Z'],
    ['1801396800', noon],
    ['1801396800000', noon],
  ])('reads %j', (text, instant) => {
    const expiresAt = parseExpiryDate(text);
    expect(expiresAt === null ? null : new Date(expiresAt).toISOString()).toBe(instant);
  });

  it.each([
    '',
    'soon',
    '1',
    '2027',
    '31.01.2027',
    '01/31/2027',
    '2027-02-30',
    '2027-02-30T12:00:00Z',
    '2027-01-31T25:00Z',
  ])('does not guess at %j', (text) => expect(parseExpiryDate(text)).toBeNull());
});
