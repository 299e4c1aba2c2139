/** What the workflow of a run carries along, how it shows itself, and how it insists on what has to be done. */
import { condition, isCancellation, log, workflowInfo } from '@temporalio/workflow';
import type { RunPhase, RunStatus } from '../domain/run-case.js';
import { showLoop } from './loop-visibility.js';

/** Plain JSON. */
export interface RunMemory {
  environment: string;
  run: string;
  /** The completion that is taken care of; 0: none yet. */
  completion: number;
  phase: RunPhase;
  /** Tries to archive that failed since it was over. */
  failures: number;
  problem: string | null;
  /** When it is tried again, epoch ms; null: not. */
  nextAt: number | null;
  /** Who asked for the archive, and is not served yet. */
  asked: string | null;
  /** It ended anew meanwhile. */
  isWoken: boolean;
  /** Who gave up its archive. */
  stoppedBy: string | null;
  /** Report and message of this completion are out. */
  isSettled: boolean;
  /** An incident about its archive is open. */
  isTroubleTold: boolean;
  /** Reports to that incident. */
  troubles: number;
}

export const newRunMemory = (environment: string, run: string): RunMemory => ({
  environment,
  run,
  completion: 0,
  phase: 'waiting',
  failures: 0,
  problem: null,
  nextAt: null,
  asked: null,
  isWoken: false,
  stoppedBy: null,
  isSettled: false,
  isTroubleTold: false,
  troubles: 0,
});

export const statusOf = (memory: RunMemory): RunStatus => ({
  id: workflowInfo().workflowId,
  environment: memory.environment,
  run: memory.run,
  phase: memory.phase,
  completion: memory.completion,
  failures: memory.failures,
  problem: memory.problem,
  nextAt: memory.nextAt,
});

const statuses: Record<RunPhase, string> = {
  waiting: 'waiting',
  archiving: 'archiving',
  removing: 'archiving',
  settling: 'archiving',
  retrying: 'failing',
  ended: 'done',
};

export function showRun(memory: RunMemory): void {
  const { run, completion, phase, failures, problem, nextAt } = memory;
  const details = [
    `Run **${run}**, completion ${completion}: ${phase}`,
    ...(problem === null ? [] : ['', problem]),
    ...(failures === 0 ? [] : [`- ${failures} tries failed`]),
    ...(nextAt === null ? [] : [`- tried again at ${new Date(nextAt).toISOString()}`]),
  ];
  showLoop({ status: statuses[phase], details: details.join('\n') });
}

/** Waits between two attempts at what must be done, ms. */
const insistMs = 5_000;

/** Does it however long the database is away; what it does is safe to do twice. Cancelling ends it. */
export async function insist<T>(memory: RunMemory, act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn(`run ${memory.run}: what has to be recorded cannot be now; it is tried again`, {
        error: String(error),
      });
      await condition(() => false, insistMs, { summary: 'waits for the database' });
    }
  }
}
