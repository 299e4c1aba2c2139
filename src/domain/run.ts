/** A run of somebody's pipeline: what its tables say about it, and what opsloop makes of that. Instants in epoch ms. */

export const runRowStates = ['pending', 'running', 'succeeded', 'failed', 'cancelled'] as const;
/** What the row of a run says itself. */
export type RunRowState = (typeof runRowStates)[number];

export const finalStepStates = ['succeeded', 'failed', 'skipped', 'cancelled'] as const;

/** One step as the tables tell it. */
export interface StepFacts {
  name: string;
  /** In our words; a word that nothing maps to one of ours is kept, and is not final. Empty: the row says nothing. */
  state: string;
  error: string | null;
  startedAt: number | null;
  updatedAt: number | null;
  finishedAt: number | null;
}

/** One run as the tables tell it; whatever a table does not have is null. */
export interface RunFacts {
  id: string;
  name: string | null;
  /** Null: the row says nothing, or a word that nothing maps to one of ours. */
  state: RunRowState | null;
  workDirectory: string | null;
  startedAt: number | null;
  updatedAt: number | null;
  finishedAt: number | null;
  /** By name. */
  steps: StepFacts[];
}

/** How a complete run ended. */
export type RunVerdict = 'succeeded' | 'failed' | 'cancelled';

/** What people see of a run. */
export const runStates = ['running', 'stalled', 'succeeded', 'failed', 'cancelled'] as const;
export type RunState = (typeof runStates)[number];

/** An archive that was verified and has its final name. */
export interface RunArchive {
  /** Absolute. */
  path: string;
  bytes: number;
  /** Of the whole file, hex. */
  sha256: string;
  /** Entries of the ZIP, the manifest and folders among them. */
  entries: number;
  verifiedAt: number;
}
