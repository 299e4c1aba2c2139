/** Inputs and results of the activity that looks at the tables of runs. */

export interface LookAtRunsInput {
  environment: string;
  revision: number;
  /** Runs that something was heard of; null: all. */
  runs: string[] | null;
  /** Workflow id of the loop when it wants to know its ticks on record; null when it knows. */
  loopId: string | null;
}

export interface RunsLook {
  /** More is left than one call takes: look again at once. */
  hasMore: boolean;
  /** Until the next look at all, ms. */
  nextInMs: number;
  /** Runs that were found to be over, or to stand still, or to go on again. */
  found: number;
  /** Why some runs could not be looked at, for people; null: all could. */
  problem: string | null;
  /** Ticks on record; null when not asked for, or never started. */
  loop: { count: number; missed: number } | null;
}

export interface RunWatchActivities {
  /**
   * Looks at the runs that changed, claims those that are over and starts their workflows, and tells incidents of those that
   * stand still. Safe to retry: a claim, a workflow and an incident are the same when asked for again, and a run that was not
   * dealt with to the end is looked at again.
   */
  lookAtRuns(input: LookAtRunsInput): Promise<RunsLook>;
}
