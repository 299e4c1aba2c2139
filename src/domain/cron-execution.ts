/** Executions of jobs: one row for each slot and attempt, with its verdict. */

export const cronVerdicts = ['ok', 'failed', 'late', 'missed', 'overrun', 'skipped', 'running'] as const;
export type CronVerdict = (typeof cronVerdicts)[number];

/**
 * What made it due. `schedule`: its slot; `retry`: the attempt before it failed; `manual`: somebody wanted it now; `backfill`: somebody
 * wanted slots of the past; `ping`: the job itself told.
 */
export const cronTriggers = ['schedule', 'retry', 'manual', 'backfill', 'ping'] as const;
export type CronTrigger = (typeof cronTriggers)[number];

/** Which slot of which job a workflow runs. */
export interface CronSlotInput {
  environment: string;
  job: string;
  /** The slot, epoch ms; left out: when the schedule says that it is due. */
  scheduledAt?: number;
  /** Left out: `schedule`. */
  trigger?: CronTrigger;
  /** Left out: 1. More when the slot was run before. */
  attempt?: number;
}

/** One attempt of one slot. Instants in epoch ms. */
export interface CronExecution {
  job: string;
  /** The slot: when it is due by the schedule. */
  scheduledAt: number;
  /** From 1. */
  attempt: number;
  trigger: CronTrigger;
  verdict: CronVerdict;
  /** Why the verdict is what it is, one line; null: nothing is to be said. */
  reason: string | null;
  /** Null: it never started. */
  startedAt: number | null;
  finishedAt: number | null;
  exitCode: number | null;
  /** Name of the signal that ended it. */
  signal: string | null;
  /** Beginning and end of what it wrote, together at most 64 KiB; the beginning only when something is left out between them. */
  outputHead: string | null;
  outputEnd: string | null;
  /** Absolute path of the file with all of its output, on the host where it ran. */
  outputFile: string | null;
  /** Of the program and what it started and waited for, ms. */
  cpuMs: number | null;
  /** Most memory of its processes together at one look, bytes. */
  peakBytes: number | null;
  /** Where it ran. */
  host: string | null;
  workflowId: string | null;
}

export type ExecutionKey = Pick<CronExecution, 'job' | 'scheduledAt' | 'attempt'>;

/** How one run of the job's work ended, before its slot is judged. */
export interface WorkOutcome {
  /**
   * `done`: it did its work; `failed`: it did not; `overrun`: ended at its limit; `interrupted`: cut by a kill, how far it came is not
   * known; `cancelled`: ended because somebody, or the next slot, wanted it.
   */
  kind: 'done' | 'failed' | 'overrun' | 'interrupted' | 'cancelled';
  /** For people, one line; empty when done and nothing is to be said. */
  reason: string;
  startedAt: number;
  finishedAt: number;
  exitCode: number | null;
  signal: string | null;
  outputHead: string | null;
  outputEnd: string | null;
  outputFile: string | null;
  cpuMs: number | null;
  peakBytes: number | null;
}

/** Exactly this is the reason of a run that a kill cut short. */
export const interruptedReason = 'interrupted';

/** Bytes of output kept in the database: of the beginning, and of the end. */
export const keptOutput = { headBytes: 16 * 1024, endBytes: 48 * 1024 } as const;
