/** Slots of jobs: whose turn it is, how a run ended, and what people hear of it. */
import { OpsError } from '../domain/errors.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import { isMadeUp, obstacleOf, type SlotFacts } from '../domain/cron-claim.js';
import type { CronExecution, CronTrigger, ExecutionKey, WorkOutcome } from '../domain/cron-execution.js';
import { judgeAttempt, type AttemptVerdict } from '../domain/cron-verdict.js';
import type { GuardJudgement } from '../domain/guard.js';
import type { JobSettings } from '../domain/job.js';
import { limitOf, type RollingRuntime } from '../domain/job-runtime.js';
import { judgeOutput } from '../domain/output-check.js';
import {
  settledExecution,
  type ClaimAnswer,
  type ClaimRequest,
} from '../adapters/postgres/cron-execution-store.js';
import type {
  AttemptEnd,
  ClaimSlotInput,
  CronExecutionActivities,
  RunJobInput,
  SlotClaim,
  SlotReference,
  SlotWork,
} from './cron-contract.js';
import type { TellSlot } from './cron-news.js';

export interface CronExecutionDependencies {
  latest(environment: string): Promise<{ revision: number; configuration: AppliedConfiguration }>;
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  /** Pauses that touch the slot, clocks that were set since, and since when opsloop looks after the jobs. */
  readSlotKnowledge(
    environment: string,
    slot: { job: string; scheduledAt: number; now: number },
  ): Promise<Pick<SlotFacts, 'upSince' | 'pauses' | 'clockSteps'>>;
  readGuard(environment: string): Promise<GuardJudgement>;
  /** The next slot of the job after an instant, epoch ms; null: there is none. */
  nextSlot(job: JobSettings, after: number): number | null;
  /** How long its good runs took; null: there are none. */
  readRuntime(environment: string, job: string): Promise<RollingRuntime | null>;
  claim(environment: string, request: ClaimRequest): Promise<ClaimAnswer>;
  defer(environment: string, request: ClaimRequest & { reason: string }): Promise<void>;
  /** False: it had its verdict already, or runs. */
  settle(environment: string, execution: CronExecution): Promise<boolean>;
  noteCancel(environment: string, key: ExecutionKey, reason: string): Promise<void>;
  finish(
    environment: string,
    end: { key: ExecutionKey; outcome: WorkOutcome; verdict: AttemptVerdict },
  ): Promise<void>;
  readExecution(environment: string, key: ExecutionKey): Promise<CronExecution | null>;
  /** Workflows that wait for a turn of the job, the earliest first. */
  readWaiting(environment: string, job: string): Promise<string[]>;
  /** Has a workflow look again whether it is its turn; one that is over is left alone. */
  goOn(workflowId: string): Promise<void>;
  endRun(workflowId: string, reason: string): Promise<void>;
  tell: TellSlot;
  host: string;
  now(): number;
}

/** Whoever waits for a turn is told; this is for the case that the one who should tell was killed, ms. */
const turnPollMs = 30_000;
const guardPollMs = 15_000;

export function createCronExecutionActivities(deps: CronExecutionDependencies): CronExecutionActivities {
  return {
    claimSlot: (input) => claimSlot(deps, input),
    recordWork: async ({ outcome, ...input }) => {
      const configuration = await deps.configurationOf(input.environment, input.revision);
      const job = requireJob(configuration, input.job);
      const wrong =
        outcome.kind === 'done' && outcome.outputEnd !== null
          ? judgeOutput(job.output, outcome.outputEnd)
          : null;
      const judged = wrong === null ? outcome : { ...outcome, kind: 'failed' as const, reason: wrong };
      return recordEnd(deps, { input, job, outcome: judged });
    },
    noteCancel: ({ environment, reason, ...key }) => deps.noteCancel(environment, key, reason),
    settleSlot: async ({ environment, isFinal, ...key }) => {
      const execution = await deps.readExecution(environment, key);
      const { configuration } = await deps.latest(environment);
      const job = configuration.jobs?.find(({ name }) => name === key.job);
      if (execution !== null) await deps.tell(environment, { job: job ?? null, execution, isFinal });
      for (const workflowId of await deps.readWaiting(environment, key.job)) await deps.goOn(workflowId);
    },
  };
}

export function requireJob({ jobs }: AppliedConfiguration, name: string): JobSettings {
  const job = jobs?.find((known) => known.name === name);
  if (job === undefined)
    throw new OpsError('notFound', `the configuration has no job "${name}" (any more)`, { field: 'job' });
  return job;
}

/** What a slot that Temporal was told to backfill looks like: started long after nothing would have been made up any more, ms. */
const backfillSlackMs = 15_000;

/** Backfills of the Web UI come as any slot of the schedule does, only later than the server makes one up. */
function triggerOf({ trigger, startedAt, scheduledAt }: ClaimSlotInput, job: JobSettings): CronTrigger {
  const latestMs = Math.max(job.catchUpMs, 10_000) + job.jitterMs + backfillSlackMs;
  return trigger === 'schedule' && startedAt - scheduledAt > latestMs ? 'backfill' : trigger;
}

async function claimSlot(deps: CronExecutionDependencies, input: ClaimSlotInput): Promise<SlotClaim> {
  const { environment, workflowId, job: name, scheduledAt, attempt } = input;
  const rest = { job: name, scheduledAt, attempt };
  const { revision, configuration } = await deps.latest(environment);
  const job = configuration.jobs?.find((known) => known.name === name);
  if (job === undefined || job.action.kind === 'pings')
    return { kind: 'settled', verdict: 'skipped', reason: 'the configuration has no such job any more' };
  const trigger = triggerOf(input, job);
  const now = deps.now();
  const facts = await factsOf(deps, { environment, job, key: { ...rest, trigger }, now });
  const request: ClaimRequest = {
    ...rest,
    trigger,
    workflowId,
    host: deps.host,
    overlap: job.overlap,
    isPatient: trigger !== 'schedule' || isMadeUp(facts),
    now,
  };
  const obstacle = obstacleOf(job, facts);
  if (obstacle !== null) {
    if (obstacle.kind === 'deferred') {
      await deps.defer(environment, { ...request, reason: obstacle.reason });
      return { kind: 'wait', reason: obstacle.reason, againInMs: guardPollMs };
    }
    if (await deps.settle(environment, settledExecution(request, obstacle)))
      return { kind: 'settled', verdict: obstacle.verdict, reason: obstacle.reason };
  }
  const answer = await deps.claim(environment, request);
  if (answer.kind === 'settled') {
    const { verdict, reason } = answer.execution;
    return { kind: 'settled', verdict, reason };
  }
  if (answer.kind === 'wait') {
    for (const { workflowId: id } of [...answer.end, ...answer.supersede])
      if (id !== null) await deps.endRun(id, overlapReason(input));
    return { kind: 'wait', reason: answer.reason, againInMs: turnPollMs };
  }
  const work = await workOf(deps, { environment, job, revision, host: answer.host });
  return { kind: 'go', work, startedAt: answer.startedAt };
}

const overlapReason = ({ scheduledAt }: SlotReference): string =>
  `overlap: the slot of ${new Date(scheduledAt).toISOString()} took its place`;

async function factsOf(
  deps: CronExecutionDependencies,
  {
    environment,
    job,
    key,
    now,
  }: { environment: string; job: JobSettings; key: ExecutionKey & { trigger: CronTrigger }; now: number },
): Promise<SlotFacts> {
  const { scheduledAt } = key;
  const [knowledge, guard] = await Promise.all([
    deps.readSlotKnowledge(environment, { job: job.name, scheduledAt, now }),
    deps.readGuard(environment),
  ]);
  const nextSlotAt = knowledge.clockSteps.length === 0 ? null : deps.nextSlot(job, scheduledAt);
  return {
    ...knowledge,
    ...key,
    now,
    nextSlotAt,
    guard: guard.isGuarded ? { level: guard.level, reason: guard.reason } : null,
  };
}

async function workOf(
  deps: CronExecutionDependencies,
  {
    environment,
    job,
    revision,
    host,
  }: { environment: string; job: JobSettings; revision: number; host: string },
): Promise<SlotWork> {
  const history = job.expectedMs === null ? await deps.readRuntime(environment, job.name) : null;
  const { limitMs } = limitOf(job, history);
  const { action } = job;
  return {
    revision,
    host,
    limitMs,
    killAfterMs: job.killAfterMs,
    workflow:
      action.kind === 'workflow'
        ? { type: action.type, taskQueue: action.taskQueue, input: action.input }
        : null,
    summary: job.purpose ?? job.name,
  };
}

/** Judges how an attempt ended, and writes it down. */
export async function recordEnd(
  deps: Pick<CronExecutionDependencies, 'finish' | 'readExecution'>,
  { input, job, outcome }: { input: RunJobInput; job: JobSettings; outcome: WorkOutcome },
): Promise<AttemptEnd> {
  const { environment, scheduledAt, attempt } = input;
  const key = { job: input.job, scheduledAt, attempt };
  const known = await deps.readExecution(environment, key);
  const cancelReason = known?.reason ?? 'cancelled by somebody';
  const told = {
    ...outcome,
    ...(outcome.kind === 'cancelled' ? { reason: `cancelled: ${cancelReason}` } : {}),
    // Of what was cut nobody but the claim knows when it began.
    ...(outcome.kind === 'interrupted' && known !== null && known.startedAt !== null
      ? { startedAt: known.startedAt }
      : {}),
  };
  const trigger = known?.trigger ?? input.trigger;
  const verdict = judgeAttempt(job, {
    scheduledAt,
    attempt,
    trigger,
    outcome: told,
    triesBefore: await triesBefore(deps, environment, { key, trigger }),
  });
  await deps.finish(environment, { key, outcome: told, verdict });
  return verdict;
}

/** Retries since the slot was last begun by its schedule or by somebody. */
async function triesBefore(
  deps: Pick<CronExecutionDependencies, 'readExecution'>,
  environment: string,
  { key, trigger }: { key: ExecutionKey; trigger: CronTrigger },
): Promise<number> {
  let tries = 0;
  let current: CronTrigger | null = trigger;
  for (let attempt = key.attempt - 1; current === 'retry' && attempt >= 1; attempt -= 1) {
    tries += 1;
    current = (await deps.readExecution(environment, { ...key, attempt }))?.trigger ?? null;
  }
  return tries;
}
