/** Takes events of runs from pipelines: they are in the tables of runs when this says so. */
import { OpsError } from '../domain/errors.js';
import { readRunEvents, runIdProblem } from '../domain/run-event.js';
import { asMissingTable } from './missing-table.js';
import type { Stack } from './stack.js';

/**
 * Takes one JSON object, an array, or JSON lines; resolves when all are committed. Throws OpsError `invalidInput` when one of
 * them is wrong, `unavailable` when the database cannot be used: then none was taken, and all may be sent again.
 */
export async function pushRunEvents(stack: Stack, runId: string, text: string): Promise<{ taken: number }> {
  const problem = runIdProblem(runId);
  if (problem !== null) throw new OpsError('invalidInput', problem, { field: 'id' });
  const now = Date.now();
  const input = readRunEvents(text, now);
  if (!input.ok)
    throw new OpsError('invalidInput', input.problem, input.field === '' ? {} : { field: input.field });
  const { events } = input;
  const { storeRunEvents } = await import('../adapters/postgres/run-intake.js');
  await stack.read((pool) =>
    storeRunEvents(pool, runId, { events, now }).catch((error: unknown) => {
      throw asUnavailable(error);
    }),
  );
  return { taken: events.length };
}

/** What is over by sending again: a pipeline that locks the same rows itself, and tables that `opsloop apply` makes. */
function asUnavailable(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === '40P01')
    return new OpsError('unavailable', 'another transaction holds the rows of this run; send it again', {
      cause: error,
    });
  return asMissingTable(error);
}
