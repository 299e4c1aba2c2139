/** What every lasting loop shares: its state, and the inputs people give it. */

export type LoopState = 'running' | 'paused' | 'stopped';

/** Who asks; every field of every signal is optional. */
export interface PauseRequest {
  by?: string;
  note?: string;
}

export interface ResumeRequest {
  by?: string;
}

/** Loops that can act on a part of their targets take `targets`; left out means all. */
export interface TriggerRequest {
  by?: string;
  targets?: string[];
}

export interface StopRequest {
  by?: string;
}

/** One row of `loops list`, and the answer of the query `state` (which adds the loop's own fields). Times in epoch ms. */
export interface LoopStatus {
  id: string;
  loop: string;
  target: string;
  state: LoopState;
  pausedBy: string | null;
  note: string | null;
  lastAt: number | null;
  nextAt: number | null;
  /** Shortest interval of the loop, in ms; null for loops that only react. */
  everyMs: number | null;
  /** Ticks since the loop was first started. */
  count: number;
  /** Scheduled ticks that did not happen within their interval. */
  missed: number;
}

/** A loop is stale when nothing was heard of it for twice its interval (and it should have run). */
export function isStale(
  loop: Pick<LoopStatus, 'state' | 'lastAt' | 'nextAt' | 'everyMs'>,
  now: number,
): boolean {
  if (loop.state !== 'running' || loop.everyMs === null || loop.nextAt === null) return false;
  // The grace of 5 s covers a tick in progress whose record is not written yet.
  return now > loop.nextAt + loop.everyMs + 5_000;
}
