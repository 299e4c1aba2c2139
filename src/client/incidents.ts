/** What people ask about incidents. */
import type { IncidentDetailDocument, IncidentDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import { nearMiss } from '../domain/near-miss.js';
import type { Stack } from './stack.js';

export interface IncidentListOptions {
  /** Resolved ones, too. */
  isAll: boolean;
  limit: number;
}

/** One row per episode, newest first. */
export async function listIncidents(stack: Stack, options: IncidentListOptions): Promise<IncidentDocument[]> {
  const { readIncidents } = await import('../adapters/postgres/incident-read-model.js');
  return stack.read((pool, environment) => readIncidents(pool, environment, options));
}

/** An incident by its id, or the newest one of a target. Throws OpsError `notFound`. */
export async function showIncident(stack: Stack, idOrTarget: string): Promise<IncidentDetailDocument> {
  const { readIncident } = await import('../adapters/postgres/incident-read-model.js');
  const incident = await stack.read((pool, environment) => readIncident(pool, environment, idOrTarget));
  if (incident !== null) return incident;
  const known = await listIncidents(stack, { isAll: true, limit: 1000 });
  const near = nearMiss(idOrTarget, [...new Set(known.flatMap(({ id, target }) => [target, id]))]);
  const hint = near === null ? '' : `Did you mean "${near}"? `;
  throw new OpsError(
    'notFound',
    `there is no incident "${idOrTarget}". ${hint}See: opsloop incidents list --all`,
    {
      field: 'incident',
    },
  );
}
