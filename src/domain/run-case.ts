/** The workflow of one run: what it says about itself, and how often it tries to archive. */

export type RunPhase = 'waiting' | 'archiving' | 'removing' | 'settling' | 'retrying' | 'ended';

/** Answer of the query `state`. Times in epoch ms. */
export interface RunStatus {
  id: string;
  environment: string;
  run: string;
  phase: RunPhase;
  completion: number;
  /** Tries to archive that failed since it was over. */
  failures: number;
  /** What stands in the way of the archive; null: nothing. */
  problem: string | null;
  /** When it is tried again; null: now, or never. */
  nextAt: number | null;
}

/** Waits between two tries, ms; the last one is repeated. */
const retryWaitsMs = [10_000, 30_000, 60_000, 120_000, 300_000, 900_000, 1_800_000];

/** How long to wait after so many failures (1, 2, …), ms. */
export const retryWaitMs = (failures: number): number =>
  retryWaitsMs[Math.min(failures, retryWaitsMs.length) - 1] ?? retryWaitsMs[0] ?? 10_000;

/** A directory that still changes right after the end of its run is no trouble yet: these many tries are quiet. */
const quietTries = 2;

/** True when people have to know: what will not pass by itself at once, or has not passed. */
export const isTroubleToTell = (reason: string, failures: number): boolean =>
  reason !== 'changed' || failures > quietTries;
