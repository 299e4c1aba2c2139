/** What people ask about remedies. */
import type { RemediationDocument } from '../domain/documents.js';
import { readService } from './services.js';
import type { Stack } from './stack.js';

export interface RemediationListOptions {
  /** Null: of all services. */
  service: string | null;
  limit: number;
}

/**
 * What remedies did, one row per step, newest first; also to a service that is configured no more. Throws OpsError
 * `notFound` for a name that never was one.
 */
export async function listRemediations(
  stack: Stack,
  options: RemediationListOptions,
): Promise<RemediationDocument[]> {
  const { readRemediations } = await import('../adapters/postgres/remediation-read-model.js');
  const found = await stack.read((pool, environment) => readRemediations(pool, environment, options));
  if (found.length === 0 && options.service !== null) await readService(stack, options.service);
  return found;
}
