/** Where others push alerts about the resources of a machine. */
import type { Hono } from 'hono';
import { pushGuardAlert } from '../client/guard.js';
import type { Stack } from '../client/stack.js';
import { OpsError } from '../domain/errors.js';
import { guardWrites } from './write-guard.js';

/** Senders are asked to come back after this, in seconds, when their alert could not be kept. */
const retryAfterSeconds = 5;

/** `token` null: none is set. */
export function addGuardRoutes(app: Hono, { stack, token }: { stack: Stack; token: string | null }): void {
  app.post('/api/v1/guard/alerts', guardWrites(token), async (context) => {
    try {
      return context.json(await pushGuardAlert(stack, await context.req.text()));
    } catch (error) {
      if (error instanceof OpsError && error.retryable)
        context.header('Retry-After', String(retryAfterSeconds));
      throw error;
    }
  });
}
