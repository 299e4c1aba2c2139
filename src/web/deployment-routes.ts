/** The API's deployments: the list, one of them, its plan, its start, and what people decide about it. */
import type { Context, Hono, MiddlewareHandler } from 'hono';
import { controlDeployment } from '../client/deployment-control.js';
import { planDeployment } from '../client/deployment-plan.js';
import { requireVersion, valueOf } from '../client/deployment-request.js';
import { readStarted, startDeployment } from '../client/deployment-start.js';
import { listDeployments, showDeployment } from '../client/deployments.js';
import type { Stack } from '../client/stack.js';
import { deploymentVerbs } from '../domain/deployment.js';
import { OpsError } from '../domain/errors.js';
import { readFields } from '../domain/loop-input.js';
import { readObject } from './read-object.js';

export interface DeploymentRoutesOptions {
  stack: Stack;
  /** Reads how many rows are asked for. */
  limitOf: (context: Context) => number;
  /** Lets in who may change something. */
  guardWrites: MiddlewareHandler;
}

const path = '/api/v1/deployments';
/** Who asks without saying so. */
const somebody = 'somebody';

const targetOf = (context: Context): string => context.req.param('target') ?? '';

export function addDeploymentRoutes(
  app: Hono,
  { stack, limitOf, guardWrites }: DeploymentRoutesOptions,
): void {
  app.get(path, async (context) => {
    const target = context.req.query('target') ?? null;
    return context.json(await listDeployments(stack, { target, limit: limitOf(context) }));
  });
  // To plan changes nothing, but has programs of the configuration run: not at the wish of a page of another site.
  app.get(`${path}/:target/plan`, guardWrites, async (context) => {
    const version = requireVersion(context.req.query('version'));
    return context.json(await planDeployment(stack, { target: targetOf(context), version, by: somebody }));
  });
  app.get(`${path}/:target`, async (context) =>
    context.json(await showDeployment(stack, targetOf(context), null)),
  );
  app.get(`${path}/:target/:number`, async (context) =>
    context.json(await showDeployment(stack, targetOf(context), numberOf(context))),
  );
  app.post(`${path}/:target`, guardWrites, async (context) => {
    const { version, by, force } = startOf(await readObject(context, '{"version": "v2"}'));
    const started = await startDeployment(stack, {
      target: targetOf(context),
      version: requireVersion(version),
      by: by ?? somebody,
      force: force ?? null,
    });
    return context.json(await readStarted(stack, started), 202);
  });
  for (const verb of deploymentVerbs) {
    app.post(`${path}/:target/${verb}`, guardWrites, async (context) => {
      const input = await readObject(context, '{"version": "v2"}');
      return context.json(await controlDeployment(stack, targetOf(context), { verb, input }));
    });
  }
}

const startOf = (body: object) =>
  valueOf(
    readFields<{ version?: string; by?: string; force?: string }>(body, {
      version: 'text',
      by: 'text',
      force: 'text',
    }),
  );

const mostNumber = 2_147_483_647;

function numberOf(context: Context): number {
  const number = Number(context.req.param('number'));
  if (Number.isInteger(number) && number >= 1 && number <= mostNumber) return number;
  throw new OpsError('invalidInput', 'number: is not the number of a deployment; for example 3', {
    field: 'number',
  });
}
