/** What people do to jobs: run one now, pause, resume, backfill. */
import type { CronExecution } from '../domain/cron-execution.js';
import { executionDocument, type ExecutionDocument } from '../domain/cron-document.js';
import { slotsBetween } from '../domain/cron-slots.js';
import { OpsError } from '../domain/errors.js';
import { cronScheduleId, slotWorkflowId, taskQueue } from '../domain/ids.js';
import { isScheduled, type JobSettings } from '../domain/job.js';
import { requireJob, scheduleOf } from './cron-jobs.js';
import { pauseJobSchedule } from './job-schedules.js';
import type { Stack } from './stack.js';
import { asTemporalError, callTimeoutMs, type Temporal } from './temporal.js';

interface SlotStart {
  environment: string;
  job: JobSettings;
  scheduledAt: number;
  trigger: 'manual' | 'backfill';
  attempt: number;
  workflowId: string;
}

/** False: it runs already. */
async function startSlot(temporal: Temporal, slot: SlotStart): Promise<boolean> {
  const { environment, job, scheduledAt, trigger, attempt, workflowId } = slot;
  const { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } =
    await import('@temporalio/common');
  const keyword = (name: string, value: string) => ({
    key: defineSearchAttributeKey(name, SearchAttributeType.KEYWORD),
    value,
  });
  try {
    await temporal.within(callTimeoutMs, () =>
      temporal.client.workflow.start('cronExecution', {
        workflowId,
        taskQueue,
        args: [{ environment, job: job.name, scheduledAt, trigger, attempt }],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        staticSummary: `job ${job.name}, ${trigger}`.slice(0, 200),
        typedSearchAttributes: new TypedSearchAttributes([
          keyword('OpsLoop', 'cronExecution'),
          keyword('OpsTarget', job.name),
          keyword('OpsStatus', 'starting'),
          keyword('OpsEnvironment', environment),
        ]),
      }),
    );
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError') return false;
    throw asTemporalError(error, temporal);
  }
}

async function requireScheduled(stack: Stack, name: string): Promise<JobSettings> {
  const job = await requireJob(stack, name);
  if (isScheduled(job)) return job;
  throw new OpsError(
    'conflict',
    `${name} runs elsewhere and only pings; opsloop cannot start it. Give it a command in opsloop.yaml, or start it where it runs.`,
    { field: 'job' },
  );
}

/** Starts a run of a job now, whatever its schedule and its pauses say; the slot is this instant. */
export async function runJobNow(stack: Stack, name: string): Promise<ExecutionDocument> {
  const job = await requireScheduled(stack, name);
  const temporal = await stack.temporal();
  const { environment } = stack;
  const scheduledAt = Date.now();
  // In milliseconds, so that it is nobody else's slot.
  const workflowId = `${cronScheduleId(environment, name)}-${new Date(scheduledAt).toISOString()}`;
  const slot = { environment, job, scheduledAt, trigger: 'manual', attempt: 1, workflowId } as const;
  if (!(await startSlot(temporal, slot)))
    throw new OpsError('conflict', `${name} was started in this very millisecond by somebody else`);
  return (await readSlot(stack, name, scheduledAt)) ?? announced(slot);
}

/** Until the worker has it on record. */
const announced = ({ job, scheduledAt, workflowId }: SlotStart): ExecutionDocument =>
  executionDocument({
    job: job.name,
    scheduledAt,
    attempt: 1,
    trigger: 'manual',
    verdict: 'running',
    reason: null,
    startedAt: null,
    finishedAt: null,
    exitCode: null,
    signal: null,
    outputHead: null,
    outputEnd: null,
    outputFile: null,
    cpuMs: null,
    peakBytes: null,
    host: null,
    workflowId,
  });

/** The last attempt of a slot; null: it is not on record. */
export async function readSlot(
  stack: Stack,
  job: string,
  scheduledAt: number,
): Promise<ExecutionDocument | null> {
  const { readSlots } = await import('../adapters/postgres/cron-read-model.js');
  const attempts = await stack.read((pool, environment) =>
    readSlots(pool, environment, { job, from: scheduledAt, to: scheduledAt }),
  );
  const last = attempts.at(-1);
  return last === undefined ? null : executionDocument(last);
}

const waitPollMs = 250;

/** Waits until no attempt of the slot follows any more. `onChange` is called whenever it looks different. */
export async function waitForSlot(
  stack: Stack,
  first: ExecutionDocument,
  onChange: (execution: ExecutionDocument) => void,
): Promise<ExecutionDocument> {
  const temporal = await stack.temporal();
  const handle = temporal.client.workflow.getHandle(first.workflowId ?? '');
  const scheduledAt = Date.parse(first.scheduledAt);
  let shown = '';
  let isOver = false;
  // A terminated workflow is over, too: what is on record counts.
  const end = handle.result().then(
    () => (isOver = true),
    () => (isOver = true),
  );
  for (;;) {
    const wasOver = isOver;
    const now = await readSlot(stack, first.job, scheduledAt);
    const text = `${now?.attempt} ${now?.verdict} ${now?.reason}`;
    if (now !== null && text !== shown) onChange(now);
    shown = text;
    if (wasOver) return now ?? first;
    await Promise.race([end, new Promise((resolve) => setTimeout(resolve, waitPollMs))]);
  }
}

export interface PauseJobRequest {
  by: string;
  note: string | null;
}

/** Its slots are skipped from now on. Pausing one that is paused changes nothing. */
export async function pauseJob(stack: Stack, name: string, { by, note }: PauseJobRequest): Promise<void> {
  const job = await requireJob(stack, name);
  const { pauseJob: writePause } = await import('../adapters/postgres/job-pause-store.js');
  const temporal = isScheduled(job) ? await stack.temporal() : null;
  // On record first: a slot that comes in between is known to be paused.
  await stack.read((pool, environment) =>
    writePause(pool, environment, { job: name, by, note, at: Date.now() }),
  );
  if (temporal === null) return;
  const text = `paused by ${by}${note === null ? '' : `: ${note}`}`;
  await pauseJobSchedule(temporal, { environment: stack.environment, job: name, note: text, isPaused: true });
}

export async function resumeJob(stack: Stack, name: string, by: string): Promise<void> {
  const job = await requireJob(stack, name);
  const { resumeJob: writeResume } = await import('../adapters/postgres/job-pause-store.js');
  if (isScheduled(job)) {
    const { environment } = stack;
    const temporal = await stack.temporal();
    await pauseJobSchedule(temporal, { environment, job: name, note: `resumed by ${by}`, isPaused: false });
  }
  await stack.read((pool, environment) => writeResume(pool, environment, { job: name, by, at: Date.now() }));
}

export interface BackfillRequest {
  /** Epoch ms, both included. */
  from: number;
  to: number;
  /** Also slots that did their work already. */
  isAll: boolean;
}

export interface BackfillDocument {
  job: string;
  from: string;
  to: string;
  /** Slots in that time. */
  slots: number;
  /** Slots whose run was begun. */
  started: string[];
  /** Slots that are left alone: they did their work, or are under way. */
  left: string[];
}

const mostSlots = 10_000;
const sideBySide = 8;

/** Runs the slots of a time in the past that did not do their work, one after the other unless the job allows more. */
export async function backfillJob(
  stack: Stack,
  name: string,
  request: BackfillRequest,
  onProgress: (started: number, slots: number) => void = () => undefined,
): Promise<BackfillDocument> {
  const job = await requireScheduled(stack, name);
  const { from, to, isAll } = request;
  const slots = slotsOf(job, request);
  const { readSlots } = await import('../adapters/postgres/cron-read-model.js');
  const known = await stack.read((pool, environment) =>
    readSlots(pool, environment, { job: name, from, to }),
  );
  const last = new Map(known.map((execution) => [execution.scheduledAt, execution]));
  const wanted = slots.filter((slot) => isWanted(last.get(slot), isAll));
  const temporal = await stack.temporal();
  const { environment } = stack;
  const started = new Set<number>();
  for (let at = 0; at < wanted.length; at += sideBySide) {
    const lane = wanted.slice(at, at + sideBySide);
    await Promise.all(
      lane.map(async (scheduledAt) => {
        const attempt = (last.get(scheduledAt)?.attempt ?? 0) + 1;
        const workflowId = slotWorkflowId(environment, name, scheduledAt);
        const slot = { environment, job, scheduledAt, trigger: 'backfill', attempt, workflowId } as const;
        if (await startSlot(temporal, slot)) started.add(scheduledAt);
      }),
    );
    onProgress(started.size, wanted.length);
  }
  const iso = (slot: number): string => new Date(slot).toISOString();
  return {
    job: name,
    from: iso(from),
    to: iso(to),
    slots: slots.length,
    started: slots.filter((slot) => started.has(slot)).map(iso),
    left: slots.filter((slot) => !started.has(slot)).map(iso),
  };
}

function slotsOf(job: JobSettings, { from, to }: BackfillRequest): number[] {
  if (to < from)
    throw new OpsError(
      'invalidInput',
      '--to is before --from; for example --from 2026-11-24 --to 2026-11-25',
      {
        field: 'to',
      },
    );
  if (to > Date.now())
    throw new OpsError('invalidInput', '--to is in the future; what comes is run by the schedule', {
      field: 'to',
    });
  const range = { after: from - 1, until: to, limit: mostSlots + 1 };
  const slots = slotsBetween(scheduleOf(job), job.timeZone, range);
  if (slots.length > mostSlots)
    throw new OpsError(
      'invalidInput',
      `there are more than ${mostSlots} slots in that time; backfill a shorter one`,
      { field: 'from' },
    );
  return slots;
}

const isWanted = (last: CronExecution | undefined, isAll: boolean): boolean =>
  last === undefined ||
  (last.verdict !== 'running' && (isAll || (last.verdict !== 'ok' && last.verdict !== 'late')));
