/** The figures behind `/metrics`, read from the database alone: they are there also while Temporal is not. */
import type { ServiceState } from '../domain/documents.js';
import { isStale, type LoopState } from '../domain/loop.js';
import type { Severity } from '../domain/service.js';
import type { Stack } from './stack.js';

export interface MetricFacts {
  services: { name: string; state: ServiceState; latencyMs: number | null }[];
  loops: { id: string; loop: string; state: LoopState; count: number; missed: number; isStale: boolean }[];
  openIncidents: Record<Severity, number>;
}

export async function readMetricFacts(stack: Stack): Promise<MetricFacts> {
  const readModel = await import('../adapters/postgres/read-model.js');
  const { readStatus } = await import('../adapters/postgres/incident-read-model.js');
  const now = Date.now();
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
    };
  });
}
