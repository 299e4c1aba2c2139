/** Glob patterns of `pat()`: `*`, `?`, `[a-z]`, `[^a-z]` and `\` before a character that stands for itself. */

interface CharacterClass {
  isNegated: boolean;
  ranges: [low: number, high: number][];
}

/** One character of a pattern: itself (a code point), any one, or one of a class. */
type Token = number | 'anyOne' | CharacterClass;

/** What stands between two stars. `literal` is its text when it has neither `?` nor classes. */
interface Segment {
  tokens: Token[];
  literal: string | null;
}

export interface Pattern {
  segments: Segment[];
}

/** Null when the pattern is malformed (a class left open or empty, nothing after a backslash). */
export function parsePattern(text: string): Pattern | null {
  const segments: Token[][] = [[]];
  const characters = Array.from(text);
  for (let position = 0; position < characters.length; position += 1) {
    const character = characters[position] ?? '';
    if (character === '*') {
      segments.push([]);
      continue;
    }
    const token = readToken(characters, position);
    if (token === null) return null;
    segments.at(-1)?.push(token.token);
    position = token.end;
  }
  return { segments: segments.map((tokens) => ({ tokens, literal: literalOf(tokens) })) };
}

interface ReadToken {
  token: Token;
  /** Position of the token's last character. */
  end: number;
}

function readToken(characters: string[], position: number): ReadToken | null {
  const character = characters[position];
  if (character === '?') return { token: 'anyOne', end: position };
  if (character === '[') return readClass(characters, position);
  return readCharacter(characters, position);
}

function readCharacter(characters: string[], position: number): { token: number; end: number } | null {
  const end = characters[position] === '\\' ? position + 1 : position;
  const code = characters[end]?.codePointAt(0);
  return code === undefined ? null : { token: code, end };
}

function readClass(characters: string[], open: number): ReadToken | null {
  const isNegated = characters[open + 1] === '^';
  const ranges: [number, number][] = [];
  let position = open + (isNegated ? 2 : 1);
  while (characters[position] !== ']' || ranges.length === 0) {
    const low = readBound(characters, position);
    if (low === null) return null;
    position = low.end + 1;
    let high = low;
    if (characters[position] === '-') {
      const bound = readBound(characters, position + 1);
      if (bound === null) return null;
      high = bound;
      position = bound.end + 1;
    }
    ranges.push([low.token, high.token]);
  }
  return { token: { isNegated, ranges }, end: position };
}

/** A bound of a range; `-` and `]` are none unless a backslash stands before them. */
function readBound(characters: string[], position: number): { token: number; end: number } | null {
  const character = characters[position];
  return character === '-' || character === ']' ? null : readCharacter(characters, position);
}

const literalOf = (tokens: Token[]): string | null =>
  tokens.every((token) => typeof token === 'number') ? String.fromCodePoint(...tokens) : null;

/**
 * True when the pattern matches the whole text; `*` also matches slashes and line ends. Every stretch
 * between two stars takes the leftmost place that fits and is never reconsidered (a later place could
 * only leave less room for the rest), so the time is at most text length x longest stretch.
 */
export function matchesPattern({ segments }: Pattern, text: string): boolean {
  const [first, ...others] = segments;
  if (first === undefined) return text === '';
  let position = matchAt(first, text, 0);
  const last = others.pop();
  if (last === undefined) return position === text.length;
  for (const segment of others) {
    if (position === -1) return false;
    position = matchFrom(segment, text, position);
  }
  if (position === -1) return false;
  const start = startOfEnd(text, last.tokens.length);
  return start >= position && matchAt(last, text, start) === text.length;
}

/** End of the segment when it stands exactly at `start`, else -1. */
function matchAt({ tokens, literal }: Segment, text: string, start: number): number {
  if (start < 0) return -1;
  if (literal !== null) return text.startsWith(literal, start) ? start + literal.length : -1;
  let position = start;
  for (const token of tokens) {
    const code = text.codePointAt(position);
    if (code === undefined || !matchesToken(token, code)) return -1;
    position += widthOf(code);
  }
  return position;
}

/** End of the segment at the leftmost place from `start` on, else -1. */
function matchFrom(segment: Segment, text: string, start: number): number {
  if (segment.literal !== null) {
    const found = text.indexOf(segment.literal, start);
    return found === -1 ? -1 : found + segment.literal.length;
  }
  for (let position = start; position <= text.length; position += widthOf(text.codePointAt(position) ?? 0)) {
    const end = matchAt(segment, text, position);
    if (end !== -1) return end;
  }
  return -1;
}

/** Where the last `count` characters of a text begin; -1 when it has fewer. */
function startOfEnd(text: string, count: number): number {
  let position = text.length;
  for (let taken = 0; taken < count; taken += 1) {
    if (position <= 0) return -1;
    const isPair = position >= 2 && (text.codePointAt(position - 2) ?? 0) > 0xffff;
    position -= isPair ? 2 : 1;
  }
  return position;
}

const widthOf = (code: number): 1 | 2 => (code > 0xffff ? 2 : 1);

function matchesToken(token: Token, code: number): boolean {
  if (token === 'anyOne') return true;
  if (typeof token === 'number') return token === code;
  return token.ranges.some(([low, high]) => low <= code && code <= high) !== token.isNegated;
}
