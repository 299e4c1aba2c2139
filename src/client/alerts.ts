/** What people ask about alerts. */
import { explainAlert, type ImaginedAlert, type RulesDocument } from '../domain/alert-explanation.js';
import type { AlertDocument, SilenceDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import type { Stack } from './stack.js';

/** What was told to which channel, newest first. */
export async function listAlerts(stack: Stack, limit: number): Promise<AlertDocument[]> {
  const { readAlerts } = await import('../adapters/postgres/incident-read-model.js');
  return stack.read((pool, environment) => readAlerts(pool, environment, { limit }));
}

/** Silences, newest first; only those in force unless `isAll`. */
export async function listSilences(
  stack: Stack,
  options: { isAll: boolean; limit: number },
): Promise<SilenceDocument[]> {
  const { readSilences } = await import('../adapters/postgres/incident-read-model.js');
  return stack.read((pool, environment) => readSilences(pool, environment, options));
}

/** Which way an imagined alert would take by the applied configuration. Throws OpsError `invalidInput`. */
export async function explainApplied(stack: Stack, imagined: ImaginedAlert): Promise<RulesDocument> {
  const { latestConfiguration } = await import('../adapters/postgres/configuration-store.js');
  const latest = await stack.read(latestConfiguration);
  if (latest === null) throw new OpsError('conflict', 'nothing was applied yet: run `opsloop apply`');
  return explainAlert(latest.configuration, imagined, Date.now());
}
