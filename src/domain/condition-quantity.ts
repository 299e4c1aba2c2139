/** Numbers in conditions: plain, durations, sizes and percentages, told from text without guessing. */
import { parseByteSize } from './byte-size.js';
import { parseDuration } from './duration.js';

export interface Quantity {
  /** Plain: as written. Duration: ms. Size: bytes. Share: percent. */
  amount: number;
  unit: 'none' | 'duration' | 'size' | 'share';
}

/** Nothing longer is a number that anybody compares; it also bounds the cost of looking. */
const longestQuantity = 64;

const integerPattern = /^([+-]?)(0x[0-9a-f]+|0b[01]+|0o?[0-7]*|[1-9]\d*)$/i;

const decimalPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i;

/** The quantity that a text is; null when it is none. Hexadecimal, octal and binary integers count, as in Go. */
export function parseQuantity(text: string): Quantity | null {
  if (text === '' || text.length > longestQuantity) return null;
  const integer = parseInteger(text);
  if (integer !== null) return { amount: Number(integer), unit: 'none' };
  if (decimalPattern.test(text)) return finite(Number(text), 'none');

  const sign = text.startsWith('-') ? -1 : 1;
  const unsigned = /^[+-]/.test(text) ? text.slice(1) : text;
  if (unsigned.endsWith('%') && decimalPattern.test(unsigned.slice(0, -1))) {
    return finite(sign * Number(unsigned.slice(0, -1)), 'share');
  }
  const durationMs = parseDuration(unsigned);
  if (durationMs !== null) return { amount: sign * durationMs, unit: 'duration' };
  const sizeBytes = parseByteSize(unsigned);
  return sizeBytes === null ? null : { amount: sign * sizeBytes, unit: 'size' };
}

const finite = (amount: number, unit: Quantity['unit']): Quantity | null =>
  Number.isFinite(amount) ? { amount, unit } : null;

/** An integer in decimal, `0x`, `0o` (or a leading 0), or `0b`; exact however long it is. Null when the text is none. */
export function parseInteger(text: string): bigint | null {
  if (text.length > longestQuantity) return null;
  const match = integerPattern.exec(text);
  if (match === null) return null;
  const [, sign, digits = ''] = match;
  const isOldOctal = /^0[0-7]/.test(digits);
  if (/^0o$/i.test(digits)) return null;
  const magnitude = BigInt(isOldOctal ? `0o${digits.slice(1)}` : digits);
  return sign === '-' ? -magnitude : magnitude;
}

/** True when two texts are the same integer, however each is written. */
export function isSameInteger(one: string, other: string): boolean {
  const first = parseInteger(one);
  return first !== null && first === parseInteger(other);
}

/** Length in bytes of UTF-8, which is what `len()` of a text means. */
export function utf8Length(text: string): number {
  let length = 0;
  for (let position = 0; position < text.length; position += 1) {
    const code = text.charCodeAt(position);
    if (code < 0x80) length += 1;
    else if (code < 0x800) length += 2;
    // Each half of a surrogate pair stands for two of the four bytes.
    else if (code >= 0xd800 && code <= 0xdfff) length += 2;
    else length += 3;
  }
  return length;
}
