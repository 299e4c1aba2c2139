/** The condition language as other rooms use it: read an expression, ask what it needs, evaluate it. */
export type { Condition } from './condition-comparison.js';
export { evaluateCondition } from './condition-evaluation.js';
export { parseCondition, placeholdersOf } from './condition-parse.js';
export { allowedPlaceholders, type PlaceholderName } from './condition-placeholder.js';
