/** The review of jobs, made now. */
import type { CronReview } from '../domain/cron-review.js';
import type { Stack } from './stack.js';

/** Of the executions of so many ms until now. */
export async function reviewNow(stack: Stack, { sinceMs }: { sinceMs: number }): Promise<CronReview> {
  const { latestConfiguration } = await import('../adapters/postgres/configuration-store.js');
  const { makeReview } = await import('../adapters/postgres/cron-period-read-model.js');
  const now = Date.now();
  return stack.read(async (pool, environment) => {
    const jobs = (await latestConfiguration(pool, environment))?.configuration.jobs ?? [];
    return makeReview(pool, environment, { jobs, from: now - sinceMs, until: now, now });
  });
}
