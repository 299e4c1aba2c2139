/** Where pipelines push the events of their runs. */
import type { Context, Hono } from 'hono';
import { pushRunEvents } from '../client/run-push.js';
import type { Stack } from '../client/stack.js';
import { OpsError } from '../domain/errors.js';
import { guardWrites } from './write-guard.js';

/** Pipelines are asked to come back after this, in seconds, when their events could not be kept. */
const retryAfterSeconds = 5;

/** True for requests that push events: they have a limit of their own. */
export const isRunEvents = (context: Context): boolean =>
  context.req.method === 'POST' && /^\/api\/v1\/runs\/[^/]+\/events$/.test(context.req.path);

/** `token` null: none is set. */
export function addRunEventRoutes(app: Hono, { stack, token }: { stack: Stack; token: string | null }): void {
  app.post('/api/v1/runs/:id/events', guardWrites(token), async (context) => {
    const run = runIn(context.req.url);
    try {
      const { taken } = await pushRunEvents(stack, run, await context.req.text());
      return context.json({ run, taken });
    } catch (error) {
      if (error instanceof OpsError && error.retryable)
        context.header('Retry-After', String(retryAfterSeconds));
      throw error;
    }
  });
}

/** From the path as it was sent: an id may hold a `/`, percent-encoded. */
function runIn(url: string): string {
  const encoded = new URL(url).pathname.split('/')[4] ?? '';
  try {
    return decodeURIComponent(encoded);
  } catch {
    const message = `the id of the run is not percent-encoded well: ${encoded.slice(0, 60)}; "%" itself is "%25"`;
    throw new OpsError('invalidInput', message, { field: 'id' });
  }
}
