/** Judges jobs that run elsewhere by what they told, and records that. */
import { settledExecution } from '../adapters/postgres/cron-execution-store.js';
import { pauseOver, pauseReason, type JobPause } from '../domain/cron-claim.js';
import type { CronExecution } from '../domain/cron-execution.js';
import { limitOf, type RollingRuntime } from '../domain/job-runtime.js';
import type { JobSettings } from '../domain/job.js';
import { nearMs, supervise, type PingedExecution } from '../domain/job-supervision.js';
import { judgeOutput } from '../domain/output-check.js';
import type { Ping } from '../domain/push.js';

export interface JobPingDependencies {
  readPings(environment: string, which: { job: string; since: number }): Promise<Ping[]>;
  /** Whether the latest pings of the job tell ends only. */
  readIsEndsOnly(environment: string, job: string): Promise<boolean>;
  /** All attempts on record of the job's slots in a time, both ends included. */
  readSlots(environment: string, which: { job: string; from: number; to: number }): Promise<CronExecution[]>;
  writeExecutions(environment: string, executions: readonly PingedExecution[]): Promise<void>;
  settle(environment: string, execution: CronExecution): Promise<boolean>;
  readRuntime(environment: string, job: string): Promise<RollingRuntime | null>;
  slotsBetween(job: JobSettings, range: { after: number; until: number; limit: number }): number[];
}

export interface PingSweepFacts {
  slots: readonly number[];
  nextSlotAt: number | null;
  pauses: readonly JobPause[];
  now: number;
}

export interface PingSweep {
  /** What got another verdict by this look. */
  news: CronExecution[];
  settledUntil: number | null;
  dueAt: number | null;
}

/** Pings from a little before the first slot count, too; of a run that tells an end, its start may lie further back. */
const lookBackMs = 3_600_000;

/** Repeating it changes nothing that is not changed by new pings, or by time. */
export async function sweepPings(
  deps: JobPingDependencies,
  environment: string,
  { job, slots, nextSlotAt, pauses, now }: PingSweepFacts & { job: JobSettings },
): Promise<PingSweep> {
  const [first] = slots;
  const last = slots.at(-1);
  if (first === undefined || last === undefined)
    return {
      news: [],
      settledUntil: now,
      dueAt: nextSlotAt === null ? null : nextSlotAt + job.startWithinMs,
    };
  const [pings, isEndsOnly, known, history] = await Promise.all([
    deps.readPings(environment, { job: job.name, since: first - lookBackMs }),
    deps.readIsEndsOnly(environment, job.name),
    deps.readSlots(environment, { job: job.name, from: first, to: last }),
    job.expectedMs === null ? deps.readRuntime(environment, job.name) : null,
  ]);
  const { limitMs } = limitOf(job, history);
  const seen = supervise({
    job,
    slots,
    previousSlotAt: previousSlot(deps, job, first),
    nextSlotAt,
    pings,
    isEndsOnly,
    limitMs,
    now,
    judgeOutput: (text) => judgeOutput(job.output, text),
  });
  const news: CronExecution[] = [];
  const changed: PingedExecution[] = [];
  for (const row of seen.rows) {
    const before = known.find(
      ({ scheduledAt, attempt }) => scheduledAt === row.scheduledAt && attempt === row.attempt,
    );
    const pause = row.verdict === 'missed' ? pauseOver(pauses, row.scheduledAt) : undefined;
    if (pause !== undefined) {
      if (before === undefined)
        await deps.settle(
          environment,
          settledExecution({ ...row, workflowId: null }, { verdict: 'skipped', reason: pauseReason(pause) }),
        );
      continue;
    }
    if (before !== undefined && isSame(before, row)) continue;
    changed.push(row);
    if (row.verdict !== 'running' && before?.verdict !== row.verdict) news.push(row);
  }
  await deps.writeExecutions(environment, changed);
  return { news, settledUntil: seen.settledUntil, dueAt: seen.dueAt };
}

/** The nearest slot before another that is near enough to matter. */
const previousSlot = ({ slotsBetween }: JobPingDependencies, job: JobSettings, slot: number): number | null =>
  slotsBetween(job, { after: slot - nearMs - 1, until: slot - 1, limit: nearMs / 1000 + 1 }).at(-1) ?? null;

const isSame = (before: CronExecution, row: PingedExecution): boolean =>
  before.verdict === row.verdict &&
  before.reason === row.reason &&
  before.startedAt === row.startedAt &&
  before.finishedAt === row.finishedAt &&
  before.outputEnd === row.outputEnd;
