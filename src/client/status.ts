/** The status of the whole system, put together from the database and from what really runs. */
import type { StatusDocument } from '../domain/documents.js';
import { countJobs, type JobDocument } from '../domain/cron-document.js';
import { isStale } from '../domain/loop.js';
import { systemStatus } from '../domain/status.js';
import { listJobs } from './cron-jobs.js';
import { readLoops, type Loop } from './loops.js';
import type { Stack } from './stack.js';

/** Since when a heartbeat that should look does not; null when all look, or are paused by a person. */
function blindSince(loops: Loop[], now: number): number | null {
  const since = loops
    .filter(({ status, wanted }) => status.loop === 'heartbeat' && wanted !== null)
    .filter(({ status }) => status.state === 'stopped' || isStale(status, now))
    .map(({ status }) => status.nextAt ?? status.lastAt ?? now);
  return since.length === 0 ? null : Math.min(...since);
}

/** The document of `status`; `jobs` when they are known already. */
export async function readStatus(stack: Stack, jobs?: JobDocument[]): Promise<StatusDocument> {
  const readModel = await import('../adapters/postgres/incident-read-model.js');
  const [loops, reading, known] = await Promise.all([
    readLoops(stack),
    stack.read(readModel.readStatus),
    jobs ?? listJobs(stack),
  ]);
  const { status, since } = systemStatus({
    incidents: reading.spans,
    hasData: reading.hasData,
    blindSince: blindSince(loops, Date.now()),
    firstAt: reading.firstAt,
  });
  return {
    environment: stack.environment,
    status,
    since: since === null ? null : new Date(since).toISOString(),
    services: reading.services,
    incidents: reading.openIncidents,
    loops: loops.map(({ document }) => document),
    cron: countJobs(known),
    guard: null,
  };
}
