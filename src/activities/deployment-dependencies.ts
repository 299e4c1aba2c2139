/** What the activities of a deployment are given to work with. */
import type { DurableCommands } from '../adapters/commands/durable-command.js';
import type { ContainersOf } from '../adapters/deploy/container-ports.js';
import type { DatabaseDump, DatabaseWork } from '../adapters/deploy/database-backup.js';
import type { RestoredDatabase, RestoreWork } from '../adapters/deploy/database-restore.js';
import type { DeploymentDriver } from '../adapters/deploy/deployment-driver.js';
import type { DeploymentFiles } from '../adapters/deploy/deployment-files.js';
import type { FreeSpace } from '../adapters/deploy/free-space.js';
import type { PortOwner } from '../adapters/deploy/port-owner.js';
import type { CommandResult } from '../adapters/child-process.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import type { DeploymentWay } from '../domain/deployment-settings.js';
import type { Observation } from '../domain/observation.js';
import type { Check } from '../domain/service.js';
import type { ProofDependencies } from './service-proof.js';

/** Runs a program that outlives the worker. */
export type RunProgram = (
  name: string,
  command: readonly string[],
  options?: { env?: Record<string, string>; cwd?: string; timeoutMs?: number },
) => Promise<CommandResult>;

export interface DeploymentHostDependencies extends ProofDependencies {
  configurationOf(environment: string, revision: number): Promise<AppliedConfiguration>;
  latestConfiguration(environment: string): Promise<AppliedConfiguration>;
  /** With its secrets; what it says may hold them. */
  driverOf(way: DeploymentWay): Promise<DeploymentDriver>;
  commands: DurableCommands;
  /** Fills in references to secrets. */
  resolve<T>(value: T): Promise<T>;
  scrub(text: string): string;
  files: DeploymentFiles;
  /** Critical incidents of services that are not over. */
  readCriticalIncidents(
    environment: string,
    services: readonly string[],
  ): Promise<{ target: string; reason: string }[]>;
  /** What the resource guard says; `isRefused`: nothing may be deployed now. */
  readGuard(environment: string): Promise<{ text: string; isRefused: boolean }>;
  /** Null: nobody listens there. */
  ownerOfPort(port: number): Promise<PortOwner | null>;
  /** Whether a process is one of these, or was started by one of them. */
  isInTree(pid: number, ancestors: readonly number[]): Promise<boolean>;
  /** Whether a process runs in a folder, or runs a program of it. */
  runsFrom(pid: number, folder: string): Promise<boolean>;
  /** Whether the engine says that containers have this TCP port of the machine. */
  publishesPort(containers: ContainersOf, port: number): Promise<boolean>;
  freeSpace(path: string): Promise<FreeSpace>;
  dumpDatabase(work: DatabaseWork): Promise<DatabaseDump>;
  restoreDatabase(work: Omit<RestoreWork, 'ownUrl'>): Promise<RestoredDatabase>;
  /** Why a database could not be dumped, or not be put back from its dump, as far as that is known before; null: nothing is. */
  databaseObstacle(asked: { name: string; url: string; isRestored: boolean }): Promise<string | null>;
  /** One measurement, with secrets resolved and scrubbed. */
  observe(check: Check, timeoutMs: number): Promise<Observation>;
  /** Has the heartbeat look at services now, beside the watch: it neither waits nor fails. */
  askHeartbeat(environment: string, services: readonly string[], by: string): void;
  stateDir: string;
}
