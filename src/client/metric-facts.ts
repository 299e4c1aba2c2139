/** The figures behind `/metrics`, read from the database alone: they are there also while Temporal is not. */
import type { CronVerdict } from '../domain/cron-execution.js';
import type { ServiceState } from '../domain/documents.js';
import { isStale, type LoopState } from '../domain/loop.js';
import type { Severity } from '../domain/service.js';
import { listJobs } from './cron-jobs.js';
import type { Stack } from './stack.js';

export interface MetricFacts {
  services: { name: string; state: ServiceState; latencyMs: number | null }[];
  loops: { id: string; loop: string; state: LoopState; count: number; missed: number; isStale: boolean }[];
  openIncidents: Record<Severity, number>;
  jobs: {
    name: string;
    isPaused: boolean;
    isRunning: boolean;
    /** Of the newest slot that is over; null: none is. */
    last: { verdict: CronVerdict; scheduledAt: number; durationMs: number | null } | null;
  }[];
}

export async function readMetricFacts(stack: Stack): Promise<MetricFacts> {
  const readModel = await import('../adapters/postgres/read-model.js');
  const { readStatus } = await import('../adapters/postgres/incident-read-model.js');
  const now = Date.now();
  const jobs = await listJobs(stack);
  return stack.read(async (pool, environment) => {
    const [services, loops, { openIncidents }] = await Promise.all([
      readModel.readServiceStates(pool, environment),
      readModel.readLoops(pool, environment),
      readStatus(pool, environment),
    ]);
    return {
      services,
      loops: loops.map((loop) => ({
        id: loop.id,
        loop: loop.loop,
        state: loop.state,
        count: loop.count,
        missed: loop.missed,
        isStale: isStale(loop, now),
      })),
      openIncidents,
      jobs: jobs.map(({ name, state, isRunning, lastVerdict, lastScheduledAt, lastDurationMs }) => ({
        name,
        isPaused: state === 'paused',
        isRunning,
        last:
          lastVerdict === null || lastScheduledAt === null
            ? null
            : { verdict: lastVerdict, scheduledAt: Date.parse(lastScheduledAt), durationMs: lastDurationMs },
      })),
    };
  });
}
