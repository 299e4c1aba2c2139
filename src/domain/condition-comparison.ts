/** Which two things can be compared, and why the others never could. */
import {
  placeholderMeant,
  problemOf,
  type LiteralOperand,
  type Operand,
  type PlaceholderOperand,
  type Problem,
} from './condition-operand.js';
import { placeholderKinds, type Measure } from './condition-placeholder.js';

export const operators = ['==', '!=', '<=', '>=', '<', '>'] as const;
export type Operator = (typeof operators)[number];

/** A condition that can be evaluated. Shared between evaluations: not to be changed. */
export interface Condition {
  readonly text: string;
  readonly left: Operand;
  readonly operator: Operator;
  readonly right: Operand;
}

/** Why a condition never could mean anything; null when it can. */
export function problemOfComparison({ left, operator, right }: Condition): Problem | null {
  const placeholders = [left, right].filter((operand) => operand.kind === 'placeholder');
  const [first, second] = placeholders;
  if (first === undefined) return noPlaceholder(left);
  if (second !== undefined && countEvery(first) > 0 && countEvery(second) > 0) {
    return problemOf('only one side can hold [*]', '[BODY].items[*].status == UP');
  }
  const other = first === left ? right : left;
  const isOrdering = operator !== '==' && operator !== '!=';
  if (isOrdering) {
    const unordered = [left, right].map(orderProblem).find((problem) => problem !== null);
    if (unordered !== undefined) return unordered;
  }
  if (other.kind === 'literal') return mismatch(first, other, isOrdering);
  if (other.kind !== 'any') return null;
  const options = other.options.filter((option) => option.kind === 'literal');
  return options.map((option) => mismatch(first, option, false)).find((problem) => problem !== null) ?? null;
}

const countEvery = ({ path }: PlaceholderOperand): number => path.filter((step) => step === 'every').length;

function noPlaceholder(left: Operand): Problem {
  const meant = left.kind === 'literal' ? placeholderMeant(left.value) : null;
  return meant === null
    ? problemOf('no side is a placeholder such as [STATUS], so that it always has the same result')
    : problemOf(`"${left.text}" is a plain text: did you mean ${meant}?`, placeholderKinds[meant].example);
}

/** Why a side has no order; null when it has one. */
function orderProblem(operand: Operand): Problem | null {
  if (operand.kind === 'pattern' || operand.kind === 'any') {
    return problemOf(`${operand.text} can be compared by == and != only`, `[BODY] == ${operand.text}`);
  }
  if (operand.kind === 'literal') return null;
  const measure = measureOf(operand);
  if (measure !== 'text' && measure !== 'truth') return null;
  return problemOf(`${operand.text} has no order, it can be compared by == and != only`, exampleFor(operand));
}

/** What a side of a comparison measures, its function considered. */
function measureOf({ name, wrapper }: PlaceholderOperand): Measure {
  switch (wrapper) {
    case 'len':
      return 'count';
    case 'has':
      return 'truth';
    case 'age':
      return 'duration';
    case null:
      return placeholderKinds[name].measure;
  }
}

const accepted: Record<Measure, { units: readonly string[]; words: string }> = {
  count: { units: ['none'], words: 'a number' },
  duration: {
    units: ['none', 'duration'],
    words: 'a duration such as 336h or 500ms, or a number of milliseconds',
  },
  size: {
    units: ['none', 'size', 'share'],
    words: 'a size such as 512MB, a percentage, or a number of bytes',
  },
  share: { units: ['none', 'share'], words: 'a percentage such as 95 or 95%' },
  open: {
    units: ['none', 'duration', 'size', 'share'],
    words: 'a number, a duration, a size or a percentage',
  },
  truth: { units: [], words: 'true or false' },
  text: { units: [], words: 'a text' },
};

/** Why the placeholder can never be compared with the value like this; null when it can. */
function mismatch(
  placeholder: PlaceholderOperand,
  literal: LiteralOperand,
  isOrdering: boolean,
): Problem | null {
  const measure = measureOf(placeholder);
  if (measure === 'text' || (measure === 'open' && !isOrdering)) return null;
  if (measure === 'truth') {
    if (literal.value === 'true' || literal.value === 'false') return null;
  } else if (literal.quantity !== null && accepted[measure].units.includes(literal.quantity.unit))
    return null;
  return problemOf(
    `${placeholder.text} is compared with ${literal.text}, which is not ${accepted[measure].words}`,
    exampleFor(placeholder),
  );
}

function exampleFor({ name, text, wrapper }: PlaceholderOperand): string {
  switch (wrapper) {
    case 'len':
      return `${text} > 0`;
    case 'has':
      return `${text} == true`;
    case 'age':
      return `${text} < 10m`;
    case null:
      return name === '[BODY]' ? `${text} > 0` : placeholderKinds[name].example;
  }
}
