/** The API's answers about alerts and silences, and what people ask of the alert router. */
import type { Context, Hono, MiddlewareHandler } from 'hono';
import { createSilence, endSilence, silenceService, testChannels } from '../client/alert-requests.js';
import { explainApplied, listSilences } from '../client/alerts.js';
import type { Stack } from '../client/stack.js';
import type { Matcher } from '../domain/alert-policy.js';
import { OpsError } from '../domain/errors.js';

export interface AlertRouteOptions {
  stack: Stack;
  limitOf(context: Context): number;
  flagOf(context: Context, name: string): boolean;
  /** Throws OpsError `auth` for a write that is not allowed. */
  /** Lets in who may change something. */
  guardWrites: MiddlewareHandler;
}

type Body = Partial<Record<string, unknown>>;

/** One JSON object. A page of another site cannot send this type without asking first. */
async function bodyOf(context: Context): Promise<Body> {
  const type = context.req.header('content-type') ?? '';
  if (!/^application\/json\b/i.test(type)) {
    const message = 'send the body as JSON, with Content-Type: application/json';
    throw new OpsError('invalidInput', message, { field: 'content-type' });
  }
  const body: unknown = await context.req.json().catch(() => null);
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body };
  throw new OpsError('invalidInput', 'the body is not a JSON object; for example {"by": "alice"}', {
    field: 'body',
  });
}

/** A text that may be left out. */
function textOf(body: Body, field: string, example: string): string | undefined {
  const value = body[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value.length <= 1000) return value;
  throw new OpsError('invalidInput', `${field}: is not a text; for example "${example}"`, { field });
}

/** The fields that are given, and nothing else: the router names what is wrong with them. */
function silenceOf(body: Body): { by: string; note?: string; for?: string; until?: string } {
  const note = textOf(body, 'note', 'moving the database');
  const duration = textOf(body, 'for', '2h');
  const until = textOf(body, 'until', '2026-12-01T06:00:00Z');
  return {
    by: textOf(body, 'by', 'alice') ?? 'api',
    ...(note === undefined ? {} : { note }),
    ...(duration === undefined ? {} : { for: duration }),
    ...(until === undefined ? {} : { until }),
  };
}

/** Adds the routes. */
export function addAlertRoutes(app: Hono, options: AlertRouteOptions): void {
  const { stack, limitOf, flagOf, guardWrites } = options;
  app.get('/api/v1/silences', async (context) => {
    const request = { isAll: flagOf(context, 'all'), limit: limitOf(context) };
    return context.json(await listSilences(stack, request));
  });
  app.get('/api/v1/alerts/rules', async (context) => {
    const given = ['event', 'severity', 'target', 'loop', 'type'].flatMap((name) => {
      const value = context.req.query(name);
      return value === undefined ? [] : [[name, value]];
    });
    const tags = context.req.query('tags');
    const imagined = {
      ...Object.fromEntries(given),
      ...(tags === undefined ? {} : { tags: tags.split(',') }),
    };
    return context.json(await explainApplied(stack, imagined));
  });
  app.post('/api/v1/silences', guardWrites, async (context) => {
    const body = await bodyOf(context);
    const match = (body['match'] ?? {}) as Matcher;
    return context.json(await createSilence(stack, { ...silenceOf(body), match }), 201);
  });
  app.delete('/api/v1/silences/:id', guardWrites, async (context) => {
    return context.json(await endSilence(stack, context.req.param('id'), context.req.query('by') ?? 'api'));
  });
  app.post('/api/v1/services/:name/silence', guardWrites, async (context) => {
    const body = await bodyOf(context);
    return context.json(await silenceService(stack, context.req.param('name'), silenceOf(body)), 201);
  });
  app.post('/api/v1/alerts/test', guardWrites, async (context) => {
    const body = await bodyOf(context);
    const channel = textOf(body, 'channel', 'team');
    const by = textOf(body, 'by', 'alice') ?? 'api';
    return context.json(await testChannels(stack, { by, ...(channel === undefined ? {} : { channel }) }));
  });
}
