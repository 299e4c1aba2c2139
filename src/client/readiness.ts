/** Whether the servers that opsloop needs can be reached now, each with what is wrong. */
import type { Stack } from './stack.js';
import { asTemporalError } from './temporal.js';

export interface Readiness {
  /** null: reached; otherwise what is wrong, for people. */
  temporal: string | null;
  database: string | null;
}

const checkTimeoutMs = 3_000;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function checkTemporal(stack: Stack): Promise<void> {
  const temporal = await stack.temporal();
  const { connection, namespace } = temporal;
  await temporal
    .within(checkTimeoutMs, () => connection.workflowService.describeNamespace({ namespace }))
    .catch((error: unknown) => {
      throw asTemporalError(error, temporal);
    });
}

async function checkDatabase(stack: Stack): Promise<void> {
  const { requireCurrentSchema } = await import('../adapters/postgres/migrations.js');
  await stack.read((pool) => requireCurrentSchema(pool));
}

/** Never throws. */
export async function readReadiness(stack: Stack): Promise<Readiness> {
  const problemOf = (check: Promise<void>): Promise<string | null> => check.then(() => null, messageOf);
  const [temporal, database] = await Promise.all([
    problemOf(checkTemporal(stack)),
    problemOf(checkDatabase(stack)),
  ]);
  return { temporal, database };
}
