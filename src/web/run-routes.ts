/** The API's runs: the list, one of them, and the request to archive one. */
import type { Context, Hono, MiddlewareHandler } from 'hono';
import { requestArchive } from '../client/run-control.js';
import { listRuns, showRun } from '../client/runs.js';
import type { Stack } from '../client/stack.js';
import { OpsError } from '../domain/errors.js';
import { runStates, type RunState } from '../domain/run.js';

export interface RunRoutesOptions {
  stack: Stack;
  /** Reads how many rows are asked for. */
  limitOf: (context: Context) => number;
  /** Lets in who may change something. */
  guardWrites: MiddlewareHandler;
}

/** Ids of runs come from outside and may hold anything: they come encoded. */
export function addRunRoutes(app: Hono, { stack, limitOf, guardWrites }: RunRoutesOptions): void {
  app.get('/api/v1/runs', async (context) =>
    context.json(await listRuns(stack, { states: statesOf(context), limit: limitOf(context) })),
  );
  app.get('/api/v1/runs/:id', async (context) => context.json(await showRun(stack, context.req.param('id'))));
  app.post('/api/v1/runs/:id/archive', guardWrites, async (context) => {
    const { run } = await requestArchive(stack, context.req.param('id'), await readRequest(context));
    // It is accepted; how far it is, and what became of it, is told by GET.
    return context.json(run, 202);
  });
}

/** `?state=running&state=stalled`, or `?state=running,stalled`; null: all. */
function statesOf(context: Context): RunState[] | null {
  const words = (context.req.queries('state') ?? []).flatMap((text) => text.split(',')).filter(Boolean);
  if (words.length === 0) return null;
  return words.map((word) => {
    const state = runStates.find((known) => known === word);
    if (state !== undefined) return state;
    const message = `state: "${word.slice(0, 40)}" is not a state of a run: ${runStates.join(', ')}`;
    throw new OpsError('invalidInput', message, { field: 'state' });
  });
}

/** The body as a JSON object; an empty one is an empty object. */
async function readRequest(context: Context): Promise<{ by?: string }> {
  const text = await context.req.text();
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Said below, as of any other body that is no object.
  }
  throw new OpsError('invalidInput', 'the body is not one JSON object; for example {"by": "alice"}', {
    field: 'body',
  });
}
