/** What each way to deploy implements. The same call may come again after a worker died in it: it finishes what was begun. */
import type { CommandResult } from '../child-process.js';

/** Means of one call. */
export interface DriverContext {
  /** Of one program or request, ms. */
  timeoutMs: number;
  /** What each program and request of the steps will have, where this call only looks, ms; left out: `timeoutMs`. */
  stepTimeoutMs?: number;
  /** Aborted when it shall stop; what runs is ended. */
  signal: AbortSignal;
  /**
   * Runs a program that outlives this process: called again with the same `name` after a kill, it waits for the one that runs, or
   * gives the result that it left. `name` is unique within the call. Programs get the worker's environment, and `env`.
   */
  run(
    name: string,
    command: readonly string[],
    options?: { env?: Record<string, string>; cwd?: string; timeoutMs?: number },
  ): Promise<CommandResult>;
  /** Tells how far it is, for people; one line. */
  report(progress: string): void;
}

/** What is live now. */
export interface LiveVersion {
  /** Null: nothing is live yet. */
  version: string | null;
  /** What is needed to bring it back if it were gone: plain JSON, may hold secrets, is kept in a file of mode 600. */
  snapshot: unknown;
}

export interface DriverPlan {
  /** The version as it will be called once it is live. */
  versionAfter: string;
  /** What changes, one line each: `current: releases/v1 -> releases/v2`. */
  changes: string[];
  /** What will be done, one line each. */
  steps: string[];
}

/** The versions of one deployment, fixed before anything changes. */
export interface DriverVersions {
  before: LiveVersion;
  /** `versionAfter` of the plan. */
  after: string;
  /** Number of the deployment, unique per target: names what is made on the way. */
  number: number;
}

export interface LiveState {
  /** Null: nothing is live, or it cannot be told. */
  version: string | null;
  /** Exactly what is there, one line: names every piece that is half-way. */
  text: string;
  /** Running, and healthy where that is known; null: this way cannot tell. */
  isReady: boolean | null;
}

/**
 * Failures are `OpsError`: `invalidInput` and `notFound` for what trying again cannot mend (no such release, no such image), else
 * `unavailable`, `timeout`, `conflict`. Messages say what to do, and hold no secrets but those of configured vectors (which are scrubbed).
 */
export interface DeploymentDriver {
  current(context: DriverContext): Promise<LiveVersion>;
  /** Looks whether `version` (not yet trusted) can be deployed; changes nothing. */
  plan(version: string, before: LiveVersion, context: DriverContext): Promise<DriverPlan>;
  /** All that can be done while the version before stays live: fetches an image, builds a directory. */
  prepare(versions: DriverVersions, context: DriverContext): Promise<void>;
  /** Makes `after` live. */
  switch(versions: DriverVersions, context: DriverContext): Promise<void>;
  /** Makes `before` live again, however far prepare and switch came; does nothing where they did nothing. */
  undo(versions: DriverVersions, context: DriverContext): Promise<void>;
  /** Removes what only a rollback would have needed; called when the deployment has succeeded. */
  settle(versions: DriverVersions, context: DriverContext): Promise<void>;
  /** Never throws. */
  describe(context: DriverContext): Promise<LiveState>;
}
