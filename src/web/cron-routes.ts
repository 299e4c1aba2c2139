/** The API's jobs: the list, one of them, its history, the review, and what people do to a job. */
import type { Context, Hono, MiddlewareHandler } from 'hono';
import { backfillJob, pauseJob, resumeJob, runJobNow } from '../client/cron-control.js';
import { listExecutions, listJobs, showJob } from '../client/cron-jobs.js';
import { reviewNow } from '../client/cron-review.js';
import { valueOf } from '../client/deployment-request.js';
import type { Stack } from '../client/stack.js';
import { parseDuration } from '../domain/duration.js';
import { OpsError } from '../domain/errors.js';
import { readFields } from '../domain/loop-input.js';
import { readObject } from './read-object.js';

export interface CronRoutesOptions {
  stack: Stack;
  /** Reads how many rows are asked for. */
  limitOf: (context: Context) => number;
  /** Lets in who may change something. */
  guardWrites: MiddlewareHandler;
}

const path = '/api/v1/cron';
/** Who asks without saying so. */
const somebody = 'somebody';

const jobOf = (context: Context): string => context.req.param('job') ?? '';

export function addCronRoutes(app: Hono, { stack, limitOf, guardWrites }: CronRoutesOptions): void {
  app.get(path, async (context) => context.json(await listJobs(stack)));
  app.get(`${path}-history`, async (context) =>
    context.json(await listExecutions(stack, { job: null, limit: limitOf(context) })),
  );
  app.get(`${path}-review`, async (context) =>
    context.json(await reviewNow(stack, { sinceMs: sinceOf(context) })),
  );
  app.get(`${path}/:job`, async (context) => context.json(await showJob(stack, jobOf(context))));
  app.get(`${path}/:job/history`, async (context) =>
    context.json(await listExecutions(stack, { job: jobOf(context), limit: limitOf(context) })),
  );
  app.post(`${path}/:job/run`, guardWrites, async (context) => {
    await readObject(context, '{}');
    return context.json(await runJobNow(stack, jobOf(context)), 202);
  });
  app.post(`${path}/:job/pause`, guardWrites, async (context) => {
    const { by, note } = valueOf(
      readFields<{ by?: string; note?: string }>(await readObject(context, '{"by": "alice"}'), {
        by: 'text',
        note: 'text',
      }),
    );
    await pauseJob(stack, jobOf(context), { by: by ?? somebody, note: note ?? null });
    return context.json(await showJob(stack, jobOf(context)));
  });
  app.post(`${path}/:job/resume`, guardWrites, async (context) => {
    const { by } = valueOf(
      readFields<{ by?: string }>(await readObject(context, '{"by": "alice"}'), { by: 'text' }),
    );
    await resumeJob(stack, jobOf(context), by ?? somebody);
    return context.json(await showJob(stack, jobOf(context)));
  });
  app.post(`${path}/:job/backfill`, guardWrites, async (context) => {
    const example = '{"from": "2026-11-24T00:00:00Z", "to": "2026-11-25T00:00:00Z"}';
    const given = valueOf(
      readFields<{ from?: string; to?: string }>(await readObject(context, example), {
        from: 'text',
        to: 'text',
      }),
    );
    const request = { from: instantOf(given.from, 'from'), to: instantOf(given.to, 'to'), isAll: false };
    return context.json(await backfillJob(stack, jobOf(context), request), 202);
  });
}

function instantOf(text: string | undefined, field: string): number {
  const at = text === undefined ? NaN : Date.parse(text);
  if (!Number.isNaN(at)) return at;
  const found = text === undefined ? 'is missing' : 'is no instant';
  throw new OpsError('invalidInput', `field "${field}" ${found}; for example "2026-11-24T00:00:00Z"`, {
    field,
  });
}

const weekMs = 7 * 86_400_000;

function sinceOf(context: Context): number {
  const text = context.req.query('since');
  if (text === undefined) return weekMs;
  const ms = parseDuration(text);
  if (ms !== null && ms > 0) return ms;
  throw new OpsError('invalidInput', 'since: is no duration; for example 7d', { field: 'since' });
}
