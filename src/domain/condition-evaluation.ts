/** Judges one observation by one condition, and says what was found where it does not hold. */
import type {
  AnyOperand,
  LiteralOperand,
  Operand,
  PatternOperand,
  PlaceholderOperand,
} from './condition-operand.js';
import type { Condition, Operator } from './condition-comparison.js';
import { expandPath, mostElements, type PathStep } from './condition-path.js';
import { matchesPattern } from './condition-pattern.js';
import { isSameInteger } from './condition-quantity.js';
import { factsOf, findValue, type Facts, type Finding } from './condition-value.js';
import type { Observation } from './observation.js';

export interface ConditionResult {
  holds: boolean;
  /** The condition as written; where it does not hold, with what was found: `[STATUS] (503) < 400`. */
  shown: string;
  /** False when the probe could not tell what the condition asks; it does not hold then. */
  isKnown: boolean;
  /** False also when the target answered without what the condition asks for: no such path, no date. */
  isFound: boolean;
}

/**
 * The meaning is that of Gatus 5, with one exception: what is not there (no status, no such path, no
 * number) is not taken for 0, so that no order holds for it.
 */
export function evaluateCondition(condition: Condition, observation: Observation): ConditionResult {
  return evaluateWithFacts(condition, factsOf(observation));
}

/** Like `evaluateCondition`; several conditions share what was parsed of one observation. */
export function evaluateWithFacts(condition: Condition, facts: Facts): ConditionResult {
  const { left, right } = condition;
  const each = [left, right].find(
    (operand) => operand.kind === 'placeholder' && operand.path.includes('every'),
  );
  return each?.kind === 'placeholder'
    ? evaluateEvery(condition, each, facts)
    : evaluateOnce(condition, facts);
}

/** Failing elements that are shown; the others are counted. */
const mostShownElements = 3;

function evaluateEvery(condition: Condition, each: PlaceholderOperand, facts: Facts): ConditionResult {
  if (facts.body() === undefined) return evaluateOnce(condition, facts);
  const paths = expandPath(facts.json(), each.path);
  if (paths === null) {
    const shown = `${condition.text} (no elements matched, or more than ${mostElements})`;
    return { holds: false, shown, isKnown: true, isFound: false };
  }
  const failures = paths
    .map((path) => evaluateOnce(withPath(condition, each, path), facts))
    .filter(({ holds }) => !holds);
  if (failures.length === 0) return { holds: true, shown: condition.text, isKnown: true, isFound: true };
  const shown = failures.slice(0, mostShownElements).map((failure) => failure.shown);
  const others = failures.length - shown.length;
  const isKnown = failures.some((failure) => failure.isKnown);
  const isFound = failures.every((failure) => failure.isFound);
  const text = [...shown, ...(others > 0 ? [`${others} more`] : [])].join(', ');
  return { holds: false, shown: text, isKnown, isFound };
}

function withPath(condition: Condition, each: PlaceholderOperand, path: PathStep[]): Condition {
  const positions = path.filter((step, at) => each.path[at] === 'every' && typeof step === 'object');
  const text = positions.reduce(
    (shown: string, step) =>
      typeof step === 'object' && 'index' in step ? shown.replace('[*]', `[${step.index}]`) : shown,
    each.text,
  );
  const operand: PlaceholderOperand = { ...each, path, text };
  return condition.left === each ? { ...condition, left: operand } : { ...condition, right: operand };
}

/** A side that has been looked up; what is written in the condition is found as it stands. */
interface Side {
  operand: Operand;
  finding: Finding;
}

function evaluateOnce(condition: Condition, facts: Facts): ConditionResult {
  const left = lookUp(condition.left, condition.right, facts);
  const right = lookUp(condition.right, condition.left, facts);
  const isKnown = left.finding.kind !== 'missing' && right.finding.kind !== 'missing';
  const isFound = [left, right].every(({ finding }) => isThere(finding, condition.operator));
  const holds = isKnown && compare(left, condition.operator, right);
  if (holds) return { holds, shown: condition.text, isKnown, isFound };
  const shown = `${showSide(left, right)} ${condition.operator} ${showSide(right, left)}`;
  return { holds, shown, isKnown, isFound };
}

/** A path that leads somewhere, and a number where an order is asked for. */
const isThere = (finding: Finding, operator: Operator): boolean =>
  finding.kind === 'found' && (operator === '==' || operator === '!=' || finding.number !== null);

function lookUp(operand: Operand, other: Operand, facts: Facts): Side {
  if (operand.kind === 'placeholder') {
    const isRelative = other.kind === 'literal' && other.quantity?.unit === 'share';
    return { operand, finding: findValue(operand, facts, isRelative) };
  }
  const literal = operand.kind === 'literal' ? operand : null;
  const text = literal?.value ?? operand.text;
  return {
    operand,
    finding: { kind: 'found', text, number: literal?.quantity?.amount ?? null, isNumber: false, shown: text },
  };
}

function compare(left: Side, operator: Operator, right: Side): boolean {
  if (operator === '==') return isEqual(left, right);
  if (operator === '!=') return !isEqual(left, right);
  const first = numberOf(left.finding);
  const second = numberOf(right.finding);
  if (first === null || second === null) return false;
  switch (operator) {
    case '<':
      return first < second;
    case '<=':
      return first <= second;
    case '>':
      return first > second;
    case '>=':
      return first >= second;
  }
}

const numberOf = (finding: Finding): number | null => (finding.kind === 'found' ? finding.number : null);

function isEqual(left: Side, right: Side): boolean {
  if (left.finding.kind !== 'found' || right.finding.kind !== 'found') return false;
  return left.operand.kind === 'placeholder'
    ? equalsSide(left.finding, right.operand, right.finding)
    : equalsSide(right.finding, left.operand, left.finding);
}

type Found = Extract<Finding, { kind: 'found' }>;

function equalsSide(found: Found, operand: Operand, other: Found): boolean {
  switch (operand.kind) {
    case 'placeholder':
      return isSame(found, other);
    case 'any':
      return operand.options.some((option) => equalsOption(found, option));
    case 'literal':
    case 'pattern':
      return equalsOption(found, operand);
  }
}

function equalsOption(found: Found, option: LiteralOperand | PatternOperand): boolean {
  if (option.kind === 'pattern') return matchesPattern(option.pattern, found.text);
  // Gatus knows no quotes: a body that holds them is equal to a text that is written with them.
  if (found.text === option.text) return true;
  return isSame(found, { text: option.value, number: option.quantity?.amount ?? null, isNumber: false });
}

type Comparable = Pick<Found, 'text' | 'number' | 'isNumber'>;

function isSame(one: Comparable, other: Comparable): boolean {
  if (one.text === other.text || isSameInteger(one.text, other.text)) return true;
  return (one.isNumber || other.isNumber) && one.number !== null && one.number === other.number;
}

/** With a pattern on the other side Gatus shows 25 characters; without one, a whole page would be no help either. */
const longestShown = { withPattern: 25, otherwise: 100 };

function showSide({ operand, finding }: Side, other: Side): string {
  if (operand.kind !== 'placeholder') return operand.text;
  if (finding.kind === 'invalid') return `${operand.text} (INVALID)`;
  const longest = isPatterned(other.operand) ? longestShown.withPattern : longestShown.otherwise;
  return `${operand.text} (${shorten(finding.shown, longest)})`;
}

const isPatterned = (operand: Operand): operand is PatternOperand | AnyOperand =>
  operand.kind === 'pattern' ||
  (operand.kind === 'any' && operand.options.some((option) => option.kind === 'pattern'));

function shorten(text: string, longest: number): string {
  const characters = Array.from(text.slice(0, longest * 2));
  const cut = characters.length > longest ? `${characters.slice(0, longest).join('')}...(truncated)` : text;
  // A reason is one line, and a terminal must not obey what a target sent.
  return cut.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
