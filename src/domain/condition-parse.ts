/** Reads condition expressions, and refuses those that could never mean anything, with what would be right. */
import { isCompleteOperand, parseOperand, problemOf, type Problem } from './condition-operand.js';
import type { PlaceholderName } from './condition-placeholder.js';
import { operators, problemOfComparison, type Condition, type Operator } from './condition-comparison.js';

export type ParsedCondition =
  | { ok: true; condition: Condition }
  | {
      ok: false;
      /** What was found and what is expected. */
      problem: string;
      /** A condition that is right, close to what was probably meant. */
      example: string;
    };

const longestCondition = 1_000;

/** Parsing costs more than evaluating, and a thousand services share a handful of conditions. */
const parsed = new Map<string, ParsedCondition>();
const mostParsed = 5_000;

/** Reads a condition such as `[STATUS] < 400`. The same text is read once. */
export function parseCondition(text: string): ParsedCondition {
  if (text.length > longestCondition) {
    return refusal(
      problemOf(`a condition has at most ${longestCondition} characters, this one has ${text.length}`),
    );
  }
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const result = parseAfresh(text);
  if (parsed.size >= mostParsed) parsed.clear();
  parsed.set(text, result);
  return result;
}

/** Placeholders that a condition uses, each once. */
export function placeholdersOf({ left, right }: Condition): PlaceholderName[] {
  const names = [left, right].flatMap((operand) => (operand.kind === 'placeholder' ? [operand.name] : []));
  return [...new Set(names)];
}

function parseAfresh(text: string): ParsedCondition {
  const parts = splitAtOperator(text);
  if ('kind' in parts) return refusal(parts);
  const left = parseOperand(parts.left);
  if (left.kind === 'problem') return refusal(left);
  const right = parseOperand(parts.right);
  if (right.kind === 'problem') return refusal(right);
  const condition: Condition = { text: text.trim(), left, operator: parts.operator, right };
  const problem = problemOfComparison(condition);
  return problem === null ? { ok: true, condition } : refusal(problem);
}

const refusal = ({ problem, example }: Problem): ParsedCondition => ({ ok: false, problem, example });

interface Parts {
  left: string;
  operator: Operator;
  right: string;
}

/** Operators stand between spaces, as in Gatus, so that `a<b` can be part of a text. */
const operatorPattern = /\s(==|!=|<=|>=|<|>)(?=\s)/g;

/** Divides at the first operator that is not inside a function or quotes on the left. */
function splitAtOperator(text: string): Parts | Problem {
  let seen: Parts | null = null;
  for (const match of text.matchAll(operatorPattern)) {
    const parts: Parts = {
      left: text.slice(0, match.index).trim(),
      operator: match[1] as Operator,
      right: text.slice(match.index + match[0].length).trim(),
    };
    seen ??= parts;
    if (parts.left === '' || !isCompleteOperand(parts.left)) continue;
    return parts.right === '' ? nothingAfter(text, parts.operator) : withoutSecond(parts);
  }
  if (seen === null) return noOperator(text);
  return seen.left === '' ? nothingBefore(seen.operator) : incompleteLeft(seen.left);
}

const nothingBefore = (operator: string): Problem => problemOf(`nothing stands before ${operator}`);

const nothingAfter = (text: string, operator: string): Problem =>
  problemOf(`nothing stands after ${operator} in "${text.trim()}"`);

/** The left side was never complete: what is wrong with it is the problem. */
function incompleteLeft(left: string): Problem {
  const operand = parseOperand(left);
  return operand.kind === 'problem' ? operand : problemOf(`"${left}" is not complete`);
}

function withoutSecond(parts: Parts): Parts | Problem {
  const isGuarded = /^(?:["']|[A-Za-z_]\w*\()/.test(parts.right);
  const second = isGuarded ? null : /\s(==|!=|<=|>=|<|>)\s/.exec(` ${parts.right} `);
  if (second === null) return parts;
  return problemOf(
    `there is a second operator ${second[1] ?? ''}: one condition compares two things; a text that holds it needs quotes`,
    `${parts.left} ${parts.operator} "…"`,
  );
}

function noOperator(text: string): Problem {
  const trimmed = text.trim();
  if (trimmed === '') return problemOf('the condition is empty');
  const attached = /^(.*?)\s*(===?|!==?|<=|>=|=<|=>|<>|=|<|>)\s*(.*)$/s.exec(trimmed);
  if (attached === null) {
    return problemOf(`"${trimmed}" has no operator; operators are ${operators.join(' ')}`);
  }
  const [, left = '', written = '', right = ''] = attached;
  if (left === '') return nothingBefore(written);
  if (right === '') return nothingAfter(trimmed, written);
  const operator = correctedOperator(written);
  const example = `${left} ${operator} ${right}`;
  return operator === written
    ? problemOf(`the operator ${operator} needs a space before and after it`, example)
    : problemOf(`${written} is no operator; operators are ${operators.join(' ')}`, example);
}

const corrections: Record<string, Operator> = {
  '=': '==',
  '===': '==',
  '!==': '!=',
  '=<': '<=',
  '=>': '>=',
  '<>': '!=',
};

const correctedOperator = (written: string): string => corrections[written] ?? written;
