/** What everything that `opsloop up` does shares. */

import type { Config } from '../config/config.js';
import type { ProcessLedger } from './managed-process.js';
import type { PortClaim } from './port-claim.js';
import type { Report } from './progress.js';
import type { RememberedPorts } from './remembered-ports.js';
import type { RunningParts } from './running-parts.js';
import type { StateDirectory } from './state-directory.js';

/** The parts of the configuration that the local stack reads. */
export type UpConfig = Pick<
  Config,
  'file' | 'directory' | 'environment' | 'stateDir' | 'temporal' | 'database' | 'redis' | 'api'
>;

/** What the stack needs from other rooms; the command line puts it in. */
export interface UpPrograms {
  /** Brings the database's schema up to date. */
  migrate(databaseUrl: string): Promise<void>;
  /** Makes what runs match the configuration. */
  apply(target: { temporal: { address: string; namespace: string }; databaseUrl: string }): Promise<void>;
  /** Argument vector of the worker: the file to run first. It ends by itself when its channel is closed. */
  workerCommand: readonly string[];
  apiCommand: readonly string[];
  /** Resolves when the first loop has ticked. */
  waitUntilWatching?(target: { databaseUrl: string }): Promise<void>;
}

export interface UpContext {
  config: UpConfig;
  env: NodeJS.ProcessEnv;
  programs: UpPrograms;
  state: StateDirectory;
  ports: RememberedPorts;
  ledger: ProcessLedger;
  report: Report;
  parts: RunningParts;
  /** Released at the end. */
  claims: PortClaim[];
  /** Aborted when the stack shall stop. */
  signal: AbortSignal;
}
