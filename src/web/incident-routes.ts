/** The API's incidents: each with its time line, its explanation and its report, and what people do to it. */
import type { Context, Hono, MiddlewareHandler } from 'hono';
import {
  controlIncident,
  editIncidentReport,
  readExplanation,
  readIncidentReport,
} from '../client/incident-control.js';
import { showIncident } from '../client/incidents.js';
import { renderIncidentPage } from './incident-page.js';
import type { Stack } from '../client/stack.js';
import { OpsError } from '../domain/errors.js';
import type { IncidentVerb } from '../domain/incident-request.js';

const verbs = ['acknowledge', 'resolve', 'silence', 'note'] as const satisfies readonly IncidentVerb[];

/** `guardWrites` lets in who may change something. Ids hold colons and, from outside, anything: they come encoded. */
export function addIncidentRoutes(
  app: Hono,
  { stack, guardWrites }: { stack: Stack; guardWrites: MiddlewareHandler },
): void {
  const idOf = (context: Context): string => context.req.param('id') ?? '';
  const whichOf = (context: Context) => ({ idOrTarget: idOf(context), episode: episodeOf(context) });
  app.get('/api/v1/incidents/:id', async (context) => context.json(await showIncident(stack, idOf(context))));
  app.get('/incidents/:id', async (context) => {
    const { document } = await readIncidentReport(stack, whichOf(context));
    context.header('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'");
    return context.html(renderIncidentPage(document));
  });
  app.get('/api/v1/incidents/:id/explanation', async (context) =>
    context.json(await readExplanation(stack, whichOf(context))),
  );
  app.get('/api/v1/incidents/:id/report', async (context) => {
    const { document, markdown } = await readIncidentReport(stack, whichOf(context));
    if (context.req.header('accept')?.includes('text/markdown') !== true) return context.json(document);
    return context.body(markdown, 200, { 'Content-Type': 'text/markdown; charset=utf-8' });
  });
  app.post('/api/v1/incidents/:id/report', guardWrites, async (context) => {
    await editIncidentReport(stack, idOf(context), await readObject(context));
    const { document } = await readIncidentReport(stack, whichOf(context));
    return context.json(document);
  });
  for (const verb of verbs) {
    app.post(`/api/v1/incidents/:id/${verb}`, guardWrites, async (context) => {
      const input = await readObject(context);
      const { incident, isAnswered } = await controlIncident(stack, idOf(context), { verb, input });
      return context.json(incident, isAnswered ? 200 : 202);
    });
  }
}

function episodeOf(context: Context): number | null {
  const text = context.req.query('episode');
  if (text === undefined) return null;
  const episode = Number(text);
  if (Number.isSafeInteger(episode) && episode >= 1) return episode;
  throw new OpsError('invalidInput', 'episode: is not a whole number from 1; for example 2', {
    field: 'episode',
  });
}

/** The body as a JSON object; an empty one is an empty object. */
async function readObject(context: Context): Promise<object> {
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
