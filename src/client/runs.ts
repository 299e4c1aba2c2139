/** What people ask about runs. */
import type { RunDetailDocument, RunDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import { nearMiss } from '../domain/near-miss.js';
import { workDirectoryOf } from '../domain/run-files.js';
import type { RunState } from '../domain/run.js';
import { glanceAtRunExecution } from './run-progress.js';
import type { Stack } from './stack.js';

export interface RunQuery {
  /** Null: in any state. */
  states: readonly RunState[] | null;
  limit: number;
}

/** Newest first. */
export async function listRuns(stack: Stack, query: RunQuery): Promise<RunDocument[]> {
  const { readRuns } = await import('../adapters/postgres/run-read-model.js');
  return stack.read((pool, environment) => readRuns(pool, environment, query));
}

export const isOver = ({ state }: Pick<RunDocument, 'state'>): boolean =>
  state !== 'running' && state !== 'stalled';

/** A run without how far its archive is. Throws OpsError `notFound` with the nearest name. */
export async function findRun(stack: Stack, id: string): Promise<RunDetailDocument> {
  const { readRun, readRunIds } = await import('../adapters/postgres/run-read-model.js');
  const { latestConfiguration } = await import('../adapters/postgres/configuration-store.js');
  return stack.read(async (pool, environment) => {
    const run = await readRun(pool, environment, id);
    if (run === null) {
      const near = nearMiss(id, await readRunIds(pool, environment));
      const hint = near === null ? '' : `Did you mean "${near}"? `;
      throw new OpsError('notFound', `there is no run "${id}". ${hint}See: opsloop runs list`, {
        field: 'run',
      });
    }
    if (run.workDirectory !== null) return run;
    const template = (await latestConfiguration(pool, environment))?.configuration.runs?.workDirectory;
    return { ...run, workDirectory: template === undefined ? null : workDirectoryOf(template, id) };
  });
}

/**
 * A run with its steps, and how far its archive is; that is null also when Temporal does not say so within a second. Throws
 * OpsError `notFound` with the nearest name.
 */
export async function showRun(stack: Stack, id: string): Promise<RunDetailDocument> {
  const run = await findRun(stack, id);
  if (!isOver(run)) return run;
  return { ...run, progress: (await glanceAtRunExecution(stack, id))?.progress ?? null };
}
