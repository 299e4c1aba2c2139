/** Where Prometheus and Alertmanager post their alerts, at the paths of an Alertmanager and of a webhook receiver. */
import type { Context, Hono } from 'hono';
import { createAlertIntake } from '../client/external-alerts.js';
import type { Stack } from '../client/stack.js';
import { OpsError } from '../domain/errors.js';
import {
  readAlertmanagerWebhook,
  readPrometheusAlerts,
  type AlertMessageInput,
} from '../domain/external-input.js';
import { guardWrites } from './write-guard.js';

export interface ExternalRoutesOptions {
  stack: Stack;
  /** null: no token is set. */
  token: string | null;
  onUnexpected: (error: unknown) => void;
}

/** Senders are asked to come back after this, in seconds; both of them try again by themselves anyway. */
const retryAfterSeconds = 5;

export function addExternalRoutes(app: Hono, { stack, token, onUnexpected }: ExternalRoutesOptions): void {
  const intake = createAlertIntake(stack, onUnexpected);
  const take =
    (read: (body: unknown) => AlertMessageInput) =>
    async (context: Context): Promise<Response> => {
      const input = read(parseBody(await context.req.text()));
      if (!input.ok) {
        const where = input.field === '' ? {} : { field: input.field };
        throw new OpsError('invalidInput', input.problem, where);
      }
      try {
        await intake.take(input.alerts);
      } catch (error) {
        if (error instanceof OpsError && error.retryable)
          context.header('Retry-After', String(retryAfterSeconds));
        throw error;
      }
      return context.body(null, 200);
    };
  const guard = guardWrites(token);
  app.post('/api/v2/alerts', guard, take(readPrometheusAlerts));
  app.post('/api/v1/alertmanager', guard, take(readAlertmanagerWebhook));
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new OpsError('invalidInput', 'the body is not JSON; send a JSON document in UTF-8');
  }
}
