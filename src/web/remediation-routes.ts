/** The API's remediations: what remedies did to which service. */
import type { Context, Hono } from 'hono';
import { listRemediations } from '../client/remediations.js';
import type { Stack } from '../client/stack.js';

/** `limitOf` reads how many rows are asked for. */
export function addRemediationRoutes(
  app: Hono,
  { stack, limitOf }: { stack: Stack; limitOf: (context: Context) => number },
): void {
  app.get('/api/v1/remediations', async (context) => {
    const service = context.req.query('service') ?? '';
    const options = { service: service === '' ? null : service, limit: limitOf(context) };
    return context.json(await listRemediations(stack, options));
  });
}
