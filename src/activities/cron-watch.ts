/** Looks over all jobs: slots that nobody executed, jobs that ping, runs whose workflow is gone, old records, the weekly review. */
import { settledExecution } from '../adapters/postgres/cron-execution-store.js';
import type { JobState } from '../adapters/postgres/cron-watch-store.js';
import type { ClockStep } from '../domain/clock-step.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import type { JobPause } from '../domain/cron-claim.js';
import type { CronExecution } from '../domain/cron-execution.js';
import { sweepSlots, type SweptSlot } from '../domain/cron-sweep.js';
import { slotWorkflowId } from '../domain/ids.js';
import { isScheduled, type JobSettings } from '../domain/job.js';
import { isNearChange } from '../domain/time-zone.js';
import { beat } from './beat.js';
import type { CronWatchActivities, JobsLook, WatchJobsInput } from './cron-contract.js';
import type { EndTroubles, TellSlot } from './cron-news.js';

export interface ScheduleState {
  isMissing: boolean;
  isPaused: boolean;
  note: string | null;
}

export interface CronWatchDependencies {
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  /** Since when the jobs are looked after without a gap, epoch ms; this is a look. */
  touch(environment: string, now: number): Promise<number>;
  readJobStates(environment: string): Promise<Map<string, JobState>>;
  registerJobs(environment: string, jobs: readonly string[], now: number): Promise<void>;
  readRecordedSlots(
    environment: string,
    which: { jobs: readonly string[]; since: number },
  ): Promise<Map<string, Set<number>>>;
  readPauses(
    environment: string,
    which: { jobs: readonly string[]; since: number },
  ): Promise<Map<string, JobPause[]>>;
  /** Steps of the clock that end after an instant; looks at the clock first. */
  readClockSteps(environment: string, since: number): Promise<ClockStep[]>;
  slotsBetween(job: JobSettings, range: { after: number; until: number; limit: number }): number[];
  nextSlot(job: JobSettings, after: number): number | null;
  describeSchedule(environment: string, job: string): Promise<ScheduleState>;
  isRunning(workflowId: string): Promise<boolean>;
  /** The slots that Temporal sees in a time, both ends included, epoch ms. */
  matchingSlots(environment: string, job: string, range: { from: number; to: number }): Promise<number[]>;
  /** False: it had its verdict already, or runs. */
  settle(environment: string, execution: CronExecution): Promise<boolean>;
  writeSettledUntil(environment: string, settled: ReadonlyMap<string, number>): Promise<void>;
  /** Judges a job that pings by what it told, records that, and gives what is news and when to look again, epoch ms. */
  sweepPings(
    environment: string,
    job: JobSettings,
    facts: { slots: readonly number[]; nextSlotAt: number | null; pauses: readonly JobPause[]; now: number },
  ): Promise<{ news: CronExecution[]; settledUntil: number | null; dueAt: number | null }>;
  /** Ends what is left of runs whose workflow is gone; gives them with their verdict. */
  endOrphans(environment: string, now: number): Promise<CronExecution[]>;
  prune(environment: string, jobs: readonly JobSettings[], now: number): Promise<void>;
  reviewWhenDue(environment: string, jobs: readonly JobSettings[], now: number): Promise<void>;
  /** Jobs of which people were told a trouble that is not over, without those named. */
  readTroubledJobs(environment: string, except: readonly string[]): Promise<string[]>;
  endTroubles: EndTroubles;
  readLoopCounts(environment: string, id: string): Promise<{ count: number; missed: number } | null>;
  tell: TellSlot;
  warn(message: string, detail?: object): void;
  now(): number;
}

const lookEveryMs = 15_000;
/** Slots of one job that one look deals with; more are left to the next. */
const mostSlots = 2_000;
/** The clock changes by less than this. */
const changeMs = 3 * 3_600_000;
const choresEveryMs = 3_600_000;
const orphansEveryMs = 60_000;

export function createCronWatchActivities(deps: CronWatchDependencies): CronWatchActivities {
  const last = { chores: 0, orphans: 0 };
  return {
    watchJobs: async (input) => {
      const end = beat();
      try {
        return await watch(deps, input, last);
      } finally {
        end();
      }
    },
  };
}

async function watch(
  deps: CronWatchDependencies,
  { environment, revision, loopId }: WatchJobsInput,
  last: { chores: number; orphans: number },
): Promise<JobsLook> {
  const configuration = await deps.configurationOf(environment, revision);
  const jobs = configuration.jobs ?? [];
  const now = deps.now();
  const upSince = await deps.touch(environment, now);
  const loop = loopId === null ? null : await deps.readLoopCounts(environment, loopId);
  const knowledge = await know(deps, { environment, jobs, now, upSince });
  const look: JobsLook = { found: 0, nextInMs: lookEveryMs, problem: null, loop };
  const settled = new Map<string, number>();
  for (const job of jobs) {
    try {
      const seen = isScheduled(job)
        ? await lookAtJob(deps, knowledge, job)
        : await lookAtPings(deps, knowledge, job);
      look.found += seen.found;
      if (seen.settledUntil !== null) settled.set(job.name, seen.settledUntil);
      if (seen.dueAt !== null) look.nextInMs = Math.min(look.nextInMs, Math.max(1_000, seen.dueAt - now));
    } catch (error) {
      // One job that cannot be looked at holds up no other.
      look.problem ??= `${job.name}: ${error instanceof Error ? error.message : String(error)}`;
      deps.warn('a job cannot be looked over; it is tried again', { job: job.name, error: String(error) });
    }
  }
  await deps.writeSettledUntil(environment, settled);
  if (now - last.orphans >= orphansEveryMs) {
    last.orphans = now;
    for (const execution of await deps.endOrphans(environment, now))
      await tell(deps, { environment, jobs, execution });
    const names = jobs.map(({ name }) => name);
    await deps.endTroubles(environment, await deps.readTroubledJobs(environment, names));
  }
  if (now - last.chores >= choresEveryMs) {
    last.chores = now;
    await deps.prune(environment, jobs, now);
  }
  await deps.reviewWhenDue(environment, jobs, now);
  return look;
}

interface Knowledge {
  environment: string;
  now: number;
  upSince: number;
  states: Map<string, JobState>;
  recorded: Map<string, Set<number>>;
  pauses: Map<string, JobPause[]>;
  clockSteps: ClockStep[];
}

async function know(
  deps: CronWatchDependencies,
  {
    environment,
    jobs,
    now,
    upSince,
  }: { environment: string; jobs: readonly JobSettings[]; now: number; upSince: number },
): Promise<Knowledge> {
  const names = jobs.map(({ name }) => name);
  let states = await deps.readJobStates(environment);
  const unknown = names.filter((name) => !states.has(name));
  if (unknown.length > 0) {
    await deps.registerJobs(environment, unknown, now);
    states = await deps.readJobStates(environment);
  }
  const since = Math.min(now, ...names.map((name) => states.get(name)?.settledUntil ?? now));
  const which = { jobs: names, since };
  const [recorded, pauses, clockSteps] = await Promise.all([
    deps.readRecordedSlots(environment, which),
    deps.readPauses(environment, which),
    deps.readClockSteps(environment, since),
  ]);
  return { environment, now, upSince, states, recorded, pauses, clockSteps };
}

interface Seen {
  found: number;
  settledUntil: number | null;
  dueAt: number | null;
}

function slotsOf(deps: CronWatchDependencies, { states, now }: Knowledge, job: JobSettings) {
  const after = states.get(job.name)?.settledUntil ?? now;
  const slots = deps.slotsBetween(job, { after, until: now, limit: mostSlots });
  const lastSlot = slots.at(-1);
  const isAll = slots.length < mostSlots;
  return {
    slots,
    // Of the ones that are left out nothing is known yet.
    now: isAll || lastSlot === undefined ? now : lastSlot,
    nextSlotAt: () => deps.nextSlot(job, lastSlot ?? now),
  };
}

async function lookAtJob(deps: CronWatchDependencies, knowledge: Knowledge, job: JobSettings): Promise<Seen> {
  const { environment, now, upSince, clockSteps } = knowledge;
  const due = slotsOf(deps, knowledge, job);
  if (due.slots.length === 0) return { found: 0, settledUntil: due.now, dueAt: null };
  const sweep = sweepSlots(job, {
    now,
    upSince,
    slots: due.slots,
    recorded: knowledge.recorded.get(job.name) ?? new Set(),
    pauses: knowledge.pauses.get(job.name) ?? [],
    clockSteps,
    nextSlotAt: clockSteps.length === 0 ? null : due.nextSlotAt(),
  });
  const checked = await checkDoubtful(deps, { environment, job, slots: sweep.doubtful });
  const news: CronExecution[] = [];
  for (const slot of [...sweep.settled, ...checked].sort((a, b) => a.scheduledAt - b.scheduledAt)) {
    const key = { job: job.name, attempt: 1, trigger: 'schedule' as const, workflowId: null };
    const execution = settledExecution({ ...key, scheduledAt: slot.scheduledAt }, slot);
    if (await deps.settle(environment, execution)) news.push(execution);
  }
  // One message about many missed slots: the last of them.
  const missed = news.filter(({ verdict }) => verdict === 'missed').at(-1);
  if (missed !== undefined) await deps.tell(environment, { job, execution: missed, isFinal: true });
  const settledUntil = sweep.settledUntil === null ? null : Math.min(sweep.settledUntil, due.now);
  return { found: news.length, settledUntil, dueAt: null };
}

/** What Temporal says of slots that it should have started. */
async function checkDoubtful(
  deps: CronWatchDependencies,
  { environment, job, slots }: { environment: string; job: JobSettings; slots: readonly SweptSlot[] },
): Promise<SweptSlot[]> {
  if (slots.length === 0) return [];
  const schedule = await deps.describeSchedule(environment, job.name);
  const checked: SweptSlot[] = [];
  for (const slot of slots) {
    if (await deps.isRunning(slotWorkflowId(environment, job.name, slot.scheduledAt))) continue;
    if (!schedule.isMissing && (await isNoSlot(deps, { environment, job, slot }))) continue;
    if (schedule.isPaused) {
      const note = schedule.note === null || schedule.note === '' ? '' : `: ${schedule.note}`;
      checked.push({ ...slot, verdict: 'skipped', reason: `paused in Temporal${note}` });
    } else if (schedule.isMissing)
      checked.push({ ...slot, reason: 'its schedule in Temporal is gone; `opsloop apply` makes it anew' });
    else checked.push(slot);
  }
  return checked;
}

/** Right where the clock changes, Temporal may have another slot in place of this one. */
async function isNoSlot(
  deps: CronWatchDependencies,
  { environment, job, slot }: { environment: string; job: JobSettings; slot: SweptSlot },
): Promise<boolean> {
  const { scheduledAt } = slot;
  if (!isNearChange(job.timeZone, scheduledAt, changeMs)) return false;
  const slots = await deps.matchingSlots(environment, job.name, { from: scheduledAt, to: scheduledAt });
  return !slots.includes(scheduledAt);
}

async function lookAtPings(
  deps: CronWatchDependencies,
  knowledge: Knowledge,
  job: JobSettings,
): Promise<Seen> {
  const { environment, now } = knowledge;
  const due = slotsOf(deps, knowledge, job);
  const { news, settledUntil, dueAt } = await deps.sweepPings(environment, job, {
    slots: due.slots,
    nextSlotAt: due.nextSlotAt(),
    pauses: knowledge.pauses.get(job.name) ?? [],
    now,
  });
  for (const execution of news) await deps.tell(environment, { job, execution, isFinal: true });
  return { found: news.length, settledUntil, dueAt };
}

async function tell(
  deps: CronWatchDependencies,
  {
    environment,
    jobs,
    execution,
  }: { environment: string; jobs: readonly JobSettings[]; execution: CronExecution },
): Promise<void> {
  const job = jobs.find(({ name }) => name === execution.job) ?? null;
  await deps.tell(environment, { job, execution, isFinal: true });
}
