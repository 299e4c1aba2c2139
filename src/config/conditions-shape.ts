/** The shape of `conditions`, which depends on the kind of the check. */
import * as z from 'zod/mini';
import { allowedPlaceholders, parseCondition, placeholdersOf } from '../domain/condition.js';
import { nearMiss } from '../domain/near-miss.js';
import { defaultConditions } from '../domain/service.js';
import type { CheckKind } from '../domain/service.js';
import * as leaves from './leaves.js';
import { optional } from './mappings.js';

const conditionProblem = (kind: CheckKind, written: string): string | null => {
  const parsed = parseCondition(written);
  if (!parsed.ok) return `is not a condition: ${parsed.problem}; for example ${parsed.example}`;
  const allowed = allowedPlaceholders[kind];
  const wrong = placeholdersOf(parsed.condition).find((placeholder) => !allowed.includes(placeholder));
  if (wrong === undefined) return null;
  const near = nearMiss(wrong, allowed);
  const help = near === null ? `it has ${allowed.join(', ')}` : `did you mean ${near}?`;
  return `uses ${wrong}, which a check of kind ${kind} does not have; ${help}`;
};

/** One condition, as a check of this kind takes it: only with the placeholders that the kind has. */
export const conditionOf = (kind: CheckKind, example: string) =>
  z.string({ error: leaves.expecting('a condition in quotes', `"${example}"`) }).check(
    leaves.judged((written) => conditionProblem(kind, written)),
    z.meta({ examples: [example] }),
  );

/** The key of a check of this kind. */
export const conditionsOf = (kind: CheckKind) => {
  const example = defaultConditions[kind][0] ?? '[CONNECTED] == true';
  return optional(
    leaves.listOf(conditionOf(kind, example), 'a list of conditions', `["${example}"]`, false),
    'Conditions that must all hold for the check to be healthy.',
    defaultConditions[kind],
  );
};
