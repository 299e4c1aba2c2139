// Tables, colours and text of the CLI.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStyle, isColourWanted } from '../../src/client/cli/style.js';
import { formatTable } from '../../src/client/cli/table.js';
import { plainText, textWidth, truncateText } from '../../src/client/cli/text-width.js';
import {
  availabilityText,
  latencyText,
  relativeTime,
  roughDuration,
} from '../../src/client/cli/time-text.js';

const plain = createStyle({ isTty: false, env: {} });
const columns = [
  { title: 'NAME', text: (row: { name: string; reason: string }) => row.name },
  { title: 'REASON', text: (row: { name: string; reason: string }) => row.reason, isFlexible: true },
];

describe('formatTable', () => {
  it('aligns the columns and leaves no spaces at the end', () => {
    const rows = [
      { name: 'api', reason: '' },
      { name: 'database', reason: 'refused' },
    ];
    expect(formatTable(columns, rows, { style: plain, width: 80 })).toEqual([
      'NAME      REASON',
      'api',
      'database  refused',
    ]);
  });

  it('cuts the flexible column so that every line fits, and nothing where the width is unlimited', () => {
    const rows = [{ name: 'api', reason: 'x'.repeat(200) }];
    const lines = formatTable(columns, rows, { style: plain, width: 40, indent: '  ' });
    expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(40);
    expect(lines[1]?.endsWith('…')).toBe(true);
    const whole = formatTable(columns, rows, { style: plain, width: Number.POSITIVE_INFINITY });
    expect(whole[1]).toContain('x'.repeat(200));
  });

  it('keeps the columns straight with wide and combining characters', () => {
    const rows = [
      { name: '数据库', reason: 'a' },
      { name: 'cafe\u0301', reason: 'b' },
    ];
    const [, wide, combining] = formatTable(columns, rows, { style: plain, width: 80 });
    expect(wide).toBe('数据库  a');
    expect(combining).toBe('cafe\u0301    b');
  });

  it('lets no name from outside move the cursor or change colours', () => {
    const rows = [{ name: '\u001b[31mred\u001b[0m\u001b]0;title\u0007', reason: 'a\r\nb\u0085\u202ec' }];
    const text = formatTable(columns, rows, { style: plain, width: 80 }).join('');
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(text).toContain('red');
    expect(text).toContain('a b');
  });

  it('gives no lines for no rows', () => {
    expect(formatTable(columns, [], { style: plain, width: 80 })).toEqual([]);
  });
});

describe('plainText and truncateText', () => {
  it('never leave a control character, and never exceed the width', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 20 }), (text, width) => {
        const safe = plainText(text);
        // eslint-disable-next-line no-control-regex
        expect(safe).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
        expect(textWidth(truncateText(safe, width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe('isColourWanted', () => {
  it.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [true, { TERM: 'dumb' }, false],
    [true, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
  ])('terminal %s with %o: %s', (isTty, env, expected) => {
    expect(isColourWanted({ isTty, env })).toBe(expected);
  });
});

describe('texts of times and fractions', () => {
  it('are short and say the two largest units', () => {
    expect(roughDuration(93_784_000)).toBe('1d2h');
    expect(roughDuration(200_000)).toBe('3m20s');
    expect(roughDuration(400)).toBe('0s');
    expect(relativeTime('2026-01-01T00:00:40.000Z', Date.parse('2026-01-01T00:00:00.000Z'))).toBe('in 40s');
    expect(relativeTime('2026-01-01T00:00:00.000Z', Date.parse('2026-01-01T01:00:00.000Z'))).toBe('1h ago');
    expect(relativeTime(null, 0)).toBe('');
    expect(latencyText(1_250)).toBe('1.25s');
    expect(latencyText(1.26)).toBe('1.3ms');
  });

  it('say 100 % only when nothing failed', () => {
    expect(availabilityText(1)).toBe('100%');
    expect(availabilityText(0.999999)).toBe('99.99%');
    expect(availabilityText(null)).toBe('–');
  });
});
