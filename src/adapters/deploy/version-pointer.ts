/** What on disk says which version runs: the link to a release directory, or the drop-in of a unit. */
import type { DriverPlan, DriverVersions, LiveVersion } from './deployment-driver.js';

/** Every step may be repeated, and be cut at any instant: what is live is replaced in one operation of the file system. */
export interface VersionPointer {
  /** Beside it stands that processes have to be restarted. */
  restartMarker: string;
  /** Null: nothing is live. Throws where it cannot be told. */
  live(): Promise<string | null>;
  /** Changes nothing. */
  plan(version: string, before: LiveVersion): Promise<DriverPlan>;
  /** Throws when `after` cannot be switched to. */
  prepare(versions: DriverVersions): Promise<void>;
  /** `conflict` when somebody else has changed it meanwhile. */
  switch(versions: DriverVersions): Promise<void>;
  /** The same, to the version before; without one, it is removed. */
  undo(versions: DriverVersions): Promise<void>;
  settle(versions: DriverVersions, signal: AbortSignal): Promise<void>;
  /** Never throws. */
  describe(): Promise<{ version: string | null; text: string }>;
}

/** For people: the version, or that there is none. */
export const orNothing = (version: string | null): string => version ?? 'nothing';
