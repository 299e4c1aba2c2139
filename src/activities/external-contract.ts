/** Inputs and results of the activities of the loop that takes alerts from outside. */

export interface LookExternalInput {
  environment: string;
  revision: number;
  /** Nothing runs out now: for a while nobody could repeat anything. */
  isPatient: boolean;
  /** Also remove what has been over for a day. */
  isPruning: boolean;
  /** Workflow id of the loop when it wants to know its ticks on record; null when it knows. */
  loopId: string | null;
}

export interface ExternalLook {
  /** Something is to be told, or has run out. */
  isDue: boolean;
  /** Until the next alert runs out, ms; null when none fires. */
  nextInMs: number | null;
  /** Ticks on record; null when not asked for, or never started. */
  loop: { count: number; missed: number } | null;
}

export type TakeExternalInput = Pick<LookExternalInput, 'environment' | 'revision' | 'isPatient'>;

export interface ExternalActivities {
  /** Looks whether there is anything to do. Safe to retry: it reads, and what it removes was over and told. */
  lookForExternalAlerts(input: LookExternalInput): Promise<ExternalLook>;
  /**
   * Tells up to 50 incidents what changed; gives how many. Rejects when none could be told. Safe to retry: an incident
   * knows each report by its sequence, and what was told is marked after it was told.
   */
  takeExternalAlerts(input: TakeExternalInput): Promise<{ told: number }>;
}

/** Incidents told in one call. */
export const externalBatch = 50;
