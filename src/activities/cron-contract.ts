/** Inputs and results of the activities that run slots of jobs, and that watch over all of them. */
import type { CronTrigger, CronVerdict, ExecutionKey, WorkOutcome } from '../domain/cron-execution.js';

export interface SlotReference extends ExecutionKey {
  environment: string;
}

export interface ClaimSlotInput extends SlotReference {
  /** `schedule` also of slots of the past that somebody had Temporal backfill: `startedAt` tells. */
  trigger: CronTrigger;
  workflowId: string;
  /** When Temporal started the workflow, epoch ms. */
  startedAt: number;
}

/** What is to be done for a slot that may run now. */
export interface SlotWork {
  /** Of the configuration that counts. */
  revision: number;
  /** The task queue of which host does it; a job that is a workflow has none. */
  host: string;
  /** When it may be ended, ms after its start; null: never. */
  limitMs: number | null;
  killAfterMs: number;
  workflow: { type: string; taskQueue: string; input: unknown } | null;
  /** For people: what it is for, or what it does. */
  summary: string;
}

export type SlotClaim =
  | { kind: 'go'; work: SlotWork; startedAt: number }
  | { kind: 'wait'; reason: string; againInMs: number }
  | { kind: 'settled'; verdict: CronVerdict; reason: string | null };

export interface RunJobInput extends SlotReference {
  revision: number;
  limitMs: number | null;
  trigger: CronTrigger;
}

/** How an attempt ended, on record already. */
export interface AttemptEnd {
  verdict: CronVerdict;
  reason: string | null;
  /** When it is tried again, ms; null: not. */
  retryAfterMs: number | null;
}

export interface CronExecutionActivities {
  /**
   * Whether a slot may run now. Repeating it gives the same answer, or a later truth: the row of the slot and attempt is made once,
   * under a lock of its job.
   */
  claimSlot(input: ClaimSlotInput): Promise<SlotClaim>;
  /** Records how the workflow of a job ended. Repeating it changes nothing. */
  recordWork(input: RunJobInput & { outcome: WorkOutcome }): Promise<AttemptEnd>;
  /** Writes down why a run is about to be ended, before it is. */
  noteCancel(input: SlotReference & { reason: string }): Promise<void>;
  /** Tells people what is news about a slot that is over, and has the next run of its job go on. Nothing is told twice. */
  settleSlot(input: SlotReference & { isFinal: boolean }): Promise<void>;
}

/** On the host that runs what the job is. */
export interface CronHostActivities {
  /**
   * Runs a job's command, or makes its call, and records how it ended. Repeating it finds the running command, or its result; a call
   * that a kill cut short is not made again by itself.
   */
  runJob(input: RunJobInput): Promise<AttemptEnd>;
}

export interface WatchJobsInput {
  environment: string;
  revision: number;
  /** Asks for the ticks of earlier lives of the loop; null: they are known. */
  loopId: string | null;
}

export interface JobsLook {
  /** Slots that got a verdict by this look. */
  found: number;
  /** When to look again, ms. */
  nextInMs: number;
  /** What could not be looked at; null: all was. */
  problem: string | null;
  loop: { count: number; missed: number } | null;
}

export interface CronWatchActivities {
  /** Gives every slot that nobody executed its verdict, and looks after what is due now and then. Repeating it is harmless. */
  watchJobs(input: WatchJobsInput): Promise<JobsLook>;
}
