/** What people ask about alerts. */
import type { AlertDocument } from '../domain/documents.js';
import type { Stack } from './stack.js';

/** What was told to which channel, newest first. */
export async function listAlerts(stack: Stack, limit: number): Promise<AlertDocument[]> {
  const { readAlerts } = await import('../adapters/postgres/incident-read-model.js');
  return stack.read((pool, environment) => readAlerts(pool, environment, { limit }));
}
