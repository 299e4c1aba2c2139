/** The schedules of jobs in Temporal: reading them, and making them match the configuration. */
import { OpsError } from '../domain/errors.js';
import { cronScheduleId } from '../domain/ids.js';
import type { FoundSchedule, PlannedJob, ScheduleContent } from '../domain/job-schedule.js';
import type { ScheduledJob } from './job-schedule-content.js';
import { asTemporalError, callTimeoutMs, type Temporal } from './temporal.js';

/** Calls to Temporal side by side. */
const sideBySide = 8;
/** A server that makes a thousand schedules takes its time for each, ms. */
const scheduleLimitMs = 30_000;

const isMissing = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ScheduleNotFoundError';
const isThere = (error: unknown): boolean =>
  error instanceof Error && error.name === 'ScheduleAlreadyRunning';

/** Does it for all, a few at a time; rejects with the first failure when those under way are over. */
async function forAll<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await act(items[index] as Item);
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(sideBySide, items.length) }, work));
  const failed = lanes.find((lane) => lane.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results;
}

/** All schedules of the environment's jobs, also of those that the configuration does not have any more. */
export async function readJobSchedules(temporal: Temporal, environment: string): Promise<FoundSchedule[]> {
  const prefix = cronScheduleId(environment, '');
  const jobs: string[] = [];
  try {
    for await (const { scheduleId, action } of temporal.client.schedule.list({ pageSize: 1000 })) {
      if (scheduleId.startsWith(prefix) && action?.workflowType === 'cronExecution')
        jobs.push(scheduleId.slice(prefix.length));
    }
  } catch (error) {
    throw asTemporalError(error, temporal);
  }
  const found = await forAll(jobs, (job) => readJobSchedule(temporal, environment, job));
  return found.filter((schedule) => schedule !== null);
}

/** Null: there is none. Throws OpsError `unavailable` when Temporal cannot be asked. */
export async function readJobSchedule(
  temporal: Temporal,
  environment: string,
  job: string,
): Promise<FoundSchedule | null> {
  const { foundSchedule } = await import('./job-schedule-content.js');
  try {
    const handle = temporal.client.schedule.getHandle(cronScheduleId(environment, job));
    return foundSchedule(job, await temporal.within(scheduleLimitMs, () => handle.describe()));
  } catch (error) {
    if (isMissing(error)) return null;
    throw asTemporalError(error, temporal);
  }
}

export interface ReconcileRequest {
  environment: string;
  planned: readonly PlannedJob[];
  wanted: ReadonlyMap<string, ScheduleContent>;
  jobs: ReadonlyMap<string, ScheduledJob>;
  /** Jobs that people paused: a schedule that is made anew begins paused. */
  paused: ReadonlySet<string>;
}

/** Creates, updates and removes schedules by the plan. Safe to repeat. */
export async function reconcileJobSchedules(temporal: Temporal, request: ReconcileRequest): Promise<void> {
  const { planned } = request;
  await forAll(
    planned.filter(({ action }) => action !== 'unchanged'),
    async (plan) => {
      try {
        await temporal.within(scheduleLimitMs, () => reconcile(temporal, request, plan));
      } catch (error) {
        throw asTemporalError(error, temporal);
      }
    },
  );
}

async function reconcile(
  temporal: Temporal,
  { environment, wanted, jobs, paused }: ReconcileRequest,
  { action, job }: PlannedJob,
): Promise<void> {
  const { schedule: client } = temporal.client;
  const scheduleId = cronScheduleId(environment, job);
  if (action === 'stop') return client.getHandle(scheduleId).delete().catch(ignoreMissing);
  const content = wanted.get(job);
  if (content === undefined) throw new Error(`no schedule of ${job} was planned`);
  const { scheduleOptions } = await import('./job-schedule-content.js');
  const purpose = jobs.get(job)?.purpose ?? null;
  const options = scheduleOptions(content, { environment, job, purpose });
  const isPaused = paused.has(job);
  try {
    await client.create({
      scheduleId,
      ...options,
      ...(isPaused ? { state: { paused: true, note: 'paused before' } } : {}),
    });
  } catch (error) {
    if (!isThere(error)) throw error;
    await client.getHandle(scheduleId).update(({ state: { paused: isHeld, note } }) => ({
      ...options,
      // The pause is people's.
      state: { paused: isHeld, ...(note === undefined ? {} : { note }) },
    }));
  }
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error;
}

/** Throws OpsError `notFound` when there is no such schedule. */
export async function pauseJobSchedule(
  temporal: Temporal,
  { environment, job, note, isPaused }: { environment: string; job: string; note: string; isPaused: boolean },
): Promise<void> {
  const handle = temporal.client.schedule.getHandle(cronScheduleId(environment, job));
  try {
    await temporal.within(callTimeoutMs, () => (isPaused ? handle.pause(note) : handle.unpause(note)));
  } catch (error) {
    if (isMissing(error))
      throw new OpsError(
        'notFound',
        `the schedule of ${job} in Temporal is gone. Make it anew: opsloop apply`,
        {
          cause: error,
        },
      );
    throw asTemporalError(error, temporal);
  }
}
