/** One side of a condition: a placeholder (perhaps in a function), a value, a pattern, or a list of values. */
import { parsePath, type PathStep } from './condition-path.js';
import { parsePattern, type Pattern } from './condition-pattern.js';
import {
  placeholderKinds,
  placeholderNamed,
  placeholderNames,
  type PlaceholderName,
} from './condition-placeholder.js';
import { parseQuantity, type Quantity } from './condition-quantity.js';
import { nearMiss } from './near-miss.js';

export interface PlaceholderOperand {
  kind: 'placeholder';
  text: string;
  name: PlaceholderName;
  /** Steps into the body; empty for every other placeholder. */
  path: PathStep[];
  wrapper: 'len' | 'has' | 'age' | null;
}

export interface LiteralOperand {
  kind: 'literal';
  text: string;
  /** Without its quotes, if it has any. */
  value: string;
  quantity: Quantity | null;
}

export interface PatternOperand {
  kind: 'pattern';
  text: string;
  pattern: Pattern;
}

export interface AnyOperand {
  kind: 'any';
  text: string;
  options: (LiteralOperand | PatternOperand)[];
}

export type Operand = PlaceholderOperand | LiteralOperand | PatternOperand | AnyOperand;

/** What is wrong, and a condition that would be right. */
export interface Problem {
  kind: 'problem';
  problem: string;
  example: string;
}

export const usualExample = placeholderKinds['[STATUS]'].example;

export const problemOf = (problem: string, example: string = usualExample): Problem => ({
  kind: 'problem',
  problem,
  example,
});

const functionExamples = {
  len: 'len([BODY].items) > 0',
  has: 'has([BODY].errors) == false',
  age: 'age([BODY].updatedAt) < 10m',
  pat: '[BODY] == pat(*healthy*)',
  any: '[STATUS] == any(200, 204)',
} as const;

type FunctionName = keyof typeof functionExamples;

const functionNames = Object.keys(functionExamples) as FunctionName[];

const functionStart = /^([A-Za-z_]\w*)\(/;

/** True unless the text is a function or a quoted text whose end is still to come. */
export function isCompleteOperand(text: string): boolean {
  const quote = text[0];
  if (quote === '"' || quote === "'") return text.length > 1 && text.endsWith(quote);
  return !functionStart.test(text) || text.endsWith(')');
}

export function parseOperand(text: string): Operand | Problem {
  const quote = text[0];
  if (quote === '"' || quote === "'") {
    return isCompleteOperand(text) ? literalOf(text) : problemOf(`the quote of ${text} is not closed`);
  }
  const call = functionStart.exec(text);
  if (call !== null) return parseCall(text, call[1] ?? '');
  if (/^\[[^\]]*$/.test(text)) return problemOf(`the bracket of "${text}" is not closed`);
  if (/^\[[A-Za-z_]+\]/.test(text)) return parsePlaceholder(text);
  return isBalanced(text) ? literalOf(text) : problemOf(`the parentheses of "${text}" are not balanced`);
}

function parseCall(text: string, name: string): Operand | Problem {
  if (!isFunctionName(name)) return unknownFunction(name);
  const example = functionExamples[name];
  if (!text.endsWith(')')) return problemOf(`the parentheses of "${text}" are not balanced`, example);
  const inner = text.slice(name.length + 1, -1).trim();
  if (inner === '') return problemOf(`${name}() has nothing in its parentheses`, example);
  switch (name) {
    case 'pat':
      return parsePatternOperand(text, inner);
    case 'any':
      return parseAny(text, inner);
    case 'len':
    case 'has':
    case 'age':
      return parseWrapped(text, inner, name);
  }
}

const isFunctionName = (name: string): name is FunctionName => (functionNames as string[]).includes(name);

function unknownFunction(name: string): Problem {
  const meant = nearMiss(name, functionNames);
  const hint =
    meant === null
      ? `functions are ${functionNames.map((known) => `${known}()`).join(', ')}`
      : `did you mean ${meant}()?`;
  const example =
    meant !== null && isFunctionName(meant) ? functionExamples[meant] : `[BODY] == "${name}(…)"`;
  return problemOf(`unknown function ${name}(): ${hint}`, example);
}

function parsePatternOperand(text: string, inner: string): PatternOperand | Problem {
  const pattern = parsePattern(inner);
  if (pattern !== null) return { kind: 'pattern', text, pattern };
  return problemOf(
    `the pattern "${inner}" is malformed: a [ ] class is open or empty; \\[ stands for the bracket itself`,
    functionExamples.pat,
  );
}

function parseAny(text: string, inner: string): AnyOperand | Problem {
  const options: AnyOperand['options'] = [];
  for (const option of splitOptions(inner)) {
    if (option === '') return problemOf(`a value of ${text} is empty`, functionExamples.any);
    const operand = parseOperand(option);
    if (operand.kind === 'problem') return operand;
    if (operand.kind === 'placeholder' || operand.kind === 'any') {
      return problemOf(`any() takes values and pat(), not ${option}`, functionExamples.any);
    }
    options.push(operand);
  }
  return { kind: 'any', text, options };
}

/** Values between commas; commas in quotes and in `pat()` belong to the value. */
function splitOptions(text: string): string[] {
  const option = /\s*("[^"]*"|'[^']*'|pat\([^)]*\)|[^,]*?)\s*(?:,|$)/y;
  const options: string[] = [];
  while (option.lastIndex < text.length) {
    const start = option.lastIndex;
    const match = option.exec(text);
    // The last alternative takes anything up to a comma, so that only a comma in an open quote gets here.
    if (match === null) return [...options, text.slice(start).trim()];
    options.push(match[1] ?? '');
    if (option.lastIndex === text.length && text.endsWith(',')) options.push('');
  }
  return options;
}

function parseWrapped(
  text: string,
  inner: string,
  wrapper: 'len' | 'has' | 'age',
): PlaceholderOperand | Problem {
  const example = functionExamples[wrapper];
  const operand = parseOperand(inner);
  if (operand.kind === 'problem') return operand;
  if (operand.kind !== 'placeholder' || operand.wrapper !== null) {
    return problemOf(`${wrapper}() takes a placeholder, not ${inner}`, example);
  }
  if (wrapper === 'age' && operand.name !== '[BODY]') {
    return problemOf(`age() takes a time in [BODY], and ${operand.name} is none`, example);
  }
  return { ...operand, text, wrapper };
}

function parsePlaceholder(text: string): PlaceholderOperand | Problem {
  const bracketed = text.slice(0, text.indexOf(']') + 1);
  const name = placeholderNamed(bracketed);
  if (name === null) return unknownPlaceholder(bracketed);
  const rest = text.slice(bracketed.length);
  const { example } = placeholderKinds[name];
  if (rest === '') return { kind: 'placeholder', text, name, path: [], wrapper: null };
  if (name !== '[BODY]') return problemOf(`"${rest}" follows ${name}, which has no parts`, example);
  if (!isBalanced(rest)) return problemOf(`the parentheses of "${text}" are not balanced`, example);
  const path = parsePath(rest);
  if (!path.ok) return problemOf(`the path of ${text} cannot be read: ${path.problem}`, example);
  return { kind: 'placeholder', text, name, path: path.steps, wrapper: null };
}

function unknownPlaceholder(bracketed: string): Problem {
  const meant = placeholderMeant(bracketed.slice(1, -1));
  const known = placeholderNames.join(' ');
  return meant === null
    ? problemOf(`unknown placeholder ${bracketed}; there are ${known}; a text in brackets needs quotes`)
    : problemOf(`unknown placeholder ${bracketed}: did you mean ${meant}?`, placeholderKinds[meant].example);
}

/** The placeholder that a bare word probably stands for. */
export function placeholderMeant(word: string): PlaceholderName | null {
  const meant = nearMiss(
    word,
    placeholderNames.map((name) => name.slice(1, -1)),
  );
  return meant === null ? null : placeholderNamed(`[${meant}]`);
}

function literalOf(text: string): LiteralOperand {
  const isQuoted = text.startsWith('"') || text.startsWith("'");
  const value = isQuoted ? text.slice(1, -1) : text;
  return { kind: 'literal', text, value, quantity: parseQuantity(value) };
}

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}
