/** The HTTP API: what it answers, to whom. It decides nothing: every answer comes from the client. */
import { Hono, type Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import { listAlerts } from '../client/alerts.js';
import { listIncidents } from '../client/incidents.js';
import { readLoops } from '../client/loops.js';
import { listPings } from '../client/pings.js';
import { readReadiness } from '../client/readiness.js';
import { listServices } from '../client/services.js';
import type { Stack } from '../client/stack.js';
import { readStatus } from '../client/status.js';
import { httpStatusOfReason, OpsError } from '../domain/errors.js';
import { isLocalHostHeader, isTokenValid } from './access.js';
import { addAlertRoutes } from './alert-routes.js';
import { addCronRoutes } from './cron-routes.js';
import { addDeploymentRoutes } from './deployment-routes.js';
import { addExternalRoutes } from './external-routes.js';
import { addGuardRoutes } from './guard-routes.js';
import { addIncidentRoutes } from './incident-routes.js';
import type { MetricsReader } from './metrics.js';
import { addPingRoutes } from './ping-routes.js';
import { addRemediationRoutes } from './remediation-routes.js';
import { addRunRoutes } from './run-routes.js';
import { addRunEventRoutes, isRunEvents } from './run-event-routes.js';
import { limitRate, type RateLimit } from './rate-limit.js';
import { guardWrites } from './write-guard.js';

export interface ApiOptions {
  stack: Stack;
  metrics: MetricsReader;
  /** null: no token is set. */
  token: string | null;
  /** Key of the ping API; null: none is set. */
  pingKey: string | null;
  /** True when only this machine can reach the API. */
  isLoopback: boolean;
  /** Is told what nobody expected. */
  onUnexpected: (error: unknown) => void;
}

const mostBodyBytes = 1024 * 1024;
const mostRows = 1_000_000;

const errorBody = (reason: string, message: string, field: string | null = null) => ({
  error: { reason, message, field },
});

function limitOf(context: Context): number {
  const text = context.req.query('limit') ?? '1000';
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= mostRows) return limit;
  const message = `limit: "${text.slice(0, 40)}" is not a whole number from 1 to ${mostRows}; for example 20`;
  throw new OpsError('invalidInput', message, { field: 'limit' });
}

function flagOf(context: Context, name: string): boolean {
  const text = context.req.query(name) ?? 'false';
  if (['', 'true', '1'].includes(text)) return true;
  if (['false', '0'].includes(text)) return false;
  const message = `${name}: "${text.slice(0, 40)}" is neither true nor false`;
  throw new OpsError('invalidInput', message, { field: name });
}

/** A ping's own key, or its UUID, is the secret. */
const isPing = (context: Context): boolean => context.req.path.startsWith('/ping/');

const pingRate: RateLimit = { perSecond: 200, burst: 2000 };
/** Pipelines push each change of each step. */
const runEventRate: RateLimit = { perSecond: 200, burst: 2000 };
const writeRate: RateLimit = { perSecond: 20, burst: 200 };

/** Rules for everything, in this order: size, name of the host, rate, token. */
function guard(app: Hono, { token, isLoopback }: ApiOptions): void {
  // HTTPS is promised by whoever terminates it, not by this plain HTTP server.
  app.use(secureHeaders({ strictTransportSecurity: false }));
  app.use(async (context, next) => {
    await next();
    context.header('Cache-Control', 'no-store');
  });
  const onError = (context: Context) => {
    // The rest of the body is not read, so that nothing else can come over this connection.
    context.header('Connection', 'close');
    return context.json(errorBody('invalidInput', 'the body is larger than 1 MiB; send less at once'), 413);
  };
  const limitBody = bodyLimit({ maxSize: mostBodyBytes, onError });
  // A ping counts however much its job says: what is too much of it is thrown away.
  app.use(async (context, next) => (isPing(context) ? next() : limitBody(context, next)));
  app.use(async (context, next) => {
    if (!isLoopback || isLocalHostHeader(context.req.header('host'))) return next();
    const message = 'this address is for this machine only: ask for localhost or 127.0.0.1';
    return context.json(errorBody('auth', message, 'host'), 403);
  });
  const limitPings = limitRate(pingRate);
  const limitRunEvents = limitRate(runEventRate);
  const limitWrites = limitRate(writeRate);
  app.use(async (context, next) => {
    if (isPing(context)) return limitPings(context, next);
    if (isRunEvents(context)) return limitRunEvents(context, next);
    return context.req.method === 'GET' ? next() : limitWrites(context, next);
  });
  const free = new Set(['/healthz', '/readyz']);
  app.use(async (context, next) => {
    const isOpen = isLoopback || free.has(context.req.path) || isPing(context);
    if (isOpen || (token !== null && isTokenValid(context.req.header('authorization'), token))) return next();
    context.header('WWW-Authenticate', 'Bearer');
    return context.json(
      errorBody('auth', 'send the token of api.token: Authorization: Bearer …', 'authorization'),
      401,
    );
  });
}

function addProbes(app: Hono, { stack, metrics }: ApiOptions): void {
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', async (context) => {
    const readiness = await readReadiness(stack);
    const problems = [readiness.temporal, readiness.database].filter((problem) => problem !== null);
    if (problems.length === 0) return context.json({ status: 'ready', ...readiness });
    return context.json(
      { status: 'notReady', ...readiness, ...errorBody('unavailable', problems.join(' ')) },
      503,
    );
  });
  app.get('/metrics', async (context) => {
    const text = await metrics.read();
    return context.body(text, 200, { 'Content-Type': metrics.contentType });
  });
}

function addDocuments(app: Hono, { stack }: ApiOptions): void {
  app.get('/api/v1/status', async (context) => context.json(await readStatus(stack)));
  app.get('/api/v1/services', async (context) => context.json(await listServices(stack, limitOf(context))));
  app.get('/api/v1/loops', async (context) => {
    const limit = limitOf(context);
    return context.json((await readLoops(stack)).slice(0, limit).map(({ document }) => document));
  });
  app.get('/api/v1/incidents', async (context) => {
    const options = { isAll: flagOf(context, 'all'), limit: limitOf(context) };
    return context.json(await listIncidents(stack, options));
  });
  app.get('/api/v1/services/:name/pings', async (context) =>
    context.json(await listPings(stack, context.req.param('name'), limitOf(context))),
  );
  app.get('/api/v1/alerts', async (context) => context.json(await listAlerts(stack, limitOf(context))));
}

/** Builds the API; it is served by `runApi`. */
export function createApi(options: ApiOptions): Hono {
  const app = new Hono();
  guard(app, options);
  addProbes(app, options);
  addDocuments(app, options);
  addIncidentRoutes(app, { stack: options.stack, guardWrites: guardWrites(options.token) });
  addExternalRoutes(app, options);
  addPingRoutes(app, options);
  addRunEventRoutes(app, options);
  addGuardRoutes(app, options);
  addAlertRoutes(app, {
    stack: options.stack,
    limitOf,
    flagOf,
    guardWrites: guardWrites(options.token),
  });
  addRemediationRoutes(app, { stack: options.stack, limitOf });
  addDeploymentRoutes(app, { stack: options.stack, limitOf, guardWrites: guardWrites(options.token) });
  addCronRoutes(app, { stack: options.stack, limitOf, guardWrites: guardWrites(options.token) });
  addRunRoutes(app, { stack: options.stack, limitOf, guardWrites: guardWrites(options.token) });
  app.notFound((context) =>
    context.json(errorBody('notFound', `there is no ${context.req.path.slice(0, 200)}`), 404),
  );
  app.onError((error, context) => {
    if (error instanceof OpsError) {
      return context.json(
        errorBody(error.reason, error.message, error.field),
        httpStatusOfReason[error.reason],
      );
    }
    options.onUnexpected(error);
    return context.json(
      errorBody('internal', 'opsloop met an error that it did not expect; its log has more'),
      500,
    );
  });
  return app;
}
