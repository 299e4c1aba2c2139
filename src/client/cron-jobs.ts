/** What people ask about jobs. */
import type { JobNow } from '../adapters/postgres/cron-read-model.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import {
  executionDocument,
  type ExecutionDocument,
  type JobDetailDocument,
  type JobDocument,
} from '../domain/cron-document.js';
import { parseSchedule, type CronSchedule } from '../domain/cron-expression.js';
import { nextSlots } from '../domain/cron-slots.js';
import { describeSchedule } from '../domain/cron-words.js';
import { OpsError } from '../domain/errors.js';
import { cronScheduleId } from '../domain/ids.js';
import { isChangedByPeople, scheduleDifferences, wantedSchedule } from '../domain/job-schedule.js';
import { limitOf, rollingRuns, rollingRuntime } from '../domain/job-runtime.js';
import { isScheduled, type JobSettings } from '../domain/job.js';
import { namesInShort } from '../domain/bounded-text.js';
import { nearMiss } from '../domain/near-miss.js';
import { glance } from './glance.js';
import { readJobSchedule } from './job-schedules.js';
import type { Stack } from './stack.js';

const isoOf = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

export function scheduleOf({ name, schedule }: JobSettings): CronSchedule {
  const read = parseSchedule(schedule);
  if (!read.ok) throw new OpsError('invalidInput', `the schedule of ${name} ${read.problem}`);
  return read.value;
}

/** The applied configuration; null when none was applied yet. */
export async function readConfiguration(stack: Stack): Promise<AppliedConfiguration | null> {
  const { latestConfiguration } = await import('../adapters/postgres/configuration-store.js');
  return (await stack.read(latestConfiguration))?.configuration ?? null;
}

/** Throws OpsError `notFound` with the nearest name. */
export async function requireJob(stack: Stack, name: string): Promise<JobSettings> {
  const jobs = (await readConfiguration(stack))?.jobs ?? [];
  const found = jobs.find((job) => job.name === name);
  if (found !== undefined) return found;
  const names = jobs.map((job) => job.name);
  const near = nearMiss(name, names);
  const known =
    names.length === 0
      ? 'No jobs were applied: write them under `jobs` in opsloop.yaml, then run `opsloop apply`.'
      : `${near === null ? '' : `Did you mean "${near}"? `}Known are: ${namesInShort(names, 20)}`;
  throw new OpsError('notFound', `there is no job "${name.slice(0, 100)}". ${known}`, { field: 'job' });
}

/** In the order of the configuration. */
export async function listJobs(stack: Stack): Promise<JobDocument[]> {
  const jobs = (await readConfiguration(stack))?.jobs ?? [];
  const { readJobsNow } = await import('../adapters/postgres/cron-read-model.js');
  const names = jobs.map(({ name }) => name);
  const states = await stack.read((pool, environment) => readJobsNow(pool, environment, names));
  const now = Date.now();
  return jobs.map((job) => jobDocument(job, states.get(job.name), now));
}

function jobDocument(job: JobSettings, state: JobNow | undefined, now: number): JobDocument {
  const schedule = scheduleOf(job);
  const pause = state?.pause ?? null;
  const last = state?.last ?? null;
  const next = pause === null ? (nextSlots(schedule, job.timeZone, now, 1)[0] ?? null) : null;
  return {
    name: job.name,
    kind: job.action.kind,
    state: pause === null ? 'active' : 'paused',
    schedule: job.schedule,
    scheduleText: `${describeSchedule(schedule)}, ${job.timeZone}`,
    timeZone: job.timeZone,
    purpose: job.purpose,
    pausedBy: pause?.pausedBy ?? null,
    note: pause?.note ?? null,
    nextAt: isoOf(next),
    lastVerdict: last?.verdict ?? null,
    lastScheduledAt: isoOf(last?.scheduledAt ?? null),
    lastDurationMs:
      last === null || last.startedAt === null || last.finishedAt === null
        ? null
        : last.finishedAt - last.startedAt,
    lastReason: last?.reason ?? null,
    isRunning: state?.isRunning ?? false,
  };
}

const shownTimes = 5;
const shownExecutions = 10;
const mostWaitMs = 3_000;

/** One job in full. Throws OpsError `notFound` with the nearest name. */
export async function showJob(stack: Stack, name: string): Promise<JobDetailDocument> {
  const job = await requireJob(stack, name);
  const { readExecutions, readJobsNow, readRunDurations } =
    await import('../adapters/postgres/cron-read-model.js');
  const [states, executions, durations] = await stack.read((pool, environment) =>
    Promise.all([
      readJobsNow(pool, environment, [name]),
      readExecutions(pool, environment, { job: name, limit: shownExecutions }),
      readRunDurations(pool, environment, { job: name, limit: rollingRuns }),
    ]),
  );
  const now = Date.now();
  const document = jobDocument(job, states.get(name), now);
  const runtime = rollingRuntime(durations);
  const limit = limitOf(job, runtime);
  return {
    ...document,
    severity: job.severity,
    tags: job.tags,
    does: doesText(job),
    overlap: job.overlap,
    catchUpMs: job.catchUpMs,
    startWithinMs: job.startWithinMs,
    retry: job.retry,
    nextTimes:
      document.state === 'paused'
        ? []
        : nextSlots(scheduleOf(job), job.timeZone, now, shownTimes).map((at) => new Date(at).toISOString()),
    expectedMs: limit.expectedMs,
    limitMs: limit.limitMs,
    expectedFrom: limit.source,
    runtime,
    temporal: isScheduled(job) ? await glanceAtSchedule(stack, job) : null,
    ping: isScheduled(job) ? null : await readPing(stack, name),
    history: executions.map(executionDocument),
  };
}

/** For people; references to secrets are shown as they are written. */
function doesText({ action }: JobSettings): string {
  switch (action.kind) {
    case 'command':
      return action.command
        .map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : JSON.stringify(word)))
        .join(' ');
    case 'http':
      return `${action.method} ${action.url}`;
    case 'workflow':
      return `workflow ${action.type} on ${action.taskQueue}`;
    case 'pings':
      return 'runs elsewhere, and pings';
  }
}

async function glanceAtSchedule(stack: Stack, job: JobSettings): Promise<JobDetailDocument['temporal']> {
  const { environment } = stack;
  return glance(stack, mostWaitMs, async (temporal) => {
    const scheduleId = cronScheduleId(environment, job.name);
    const found = await readJobSchedule(temporal, environment, job.name);
    if (found === null) return { scheduleId, isMissing: true, isPaused: false, drift: [] };
    const drift = scheduleDifferences(wantedSchedule(environment, job, Date.now()), found.content);
    return {
      scheduleId,
      isMissing: false,
      isPaused: found.isPaused,
      drift: isChangedByPeople(found) ? drift : [],
    };
  });
}

async function readPing(stack: Stack, job: string): Promise<JobDetailDocument['ping']> {
  const { readJobPingFacts } = await import('../adapters/postgres/job-ping-store.js');
  const facts = await stack.read((pool, environment) => readJobPingFacts(pool, environment, job));
  if (facts === null) return null;
  const base = stack.endpoints.apiUrl ?? 'http://<api>';
  return { url: `${base}/ping/***/${job}`, uuid: facts.uuid, lastPingAt: isoOf(facts.lastPingAt) };
}

export interface HistoryQuery {
  /** Null: of all jobs. */
  job: string | null;
  limit: number;
}

/** One row for each slot and attempt, newest first. Throws OpsError `notFound` for a job that neither is applied nor has any. */
export async function listExecutions(stack: Stack, query: HistoryQuery): Promise<ExecutionDocument[]> {
  const { readExecutions } = await import('../adapters/postgres/cron-read-model.js');
  const executions = await stack.read((pool, environment) => readExecutions(pool, environment, query));
  if (executions.length === 0 && query.job !== null) await requireJob(stack, query.job);
  return executions.map(executionDocument);
}
