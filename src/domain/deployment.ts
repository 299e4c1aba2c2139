/** A deployment: one target gets one version, or keeps the one it had. */

/** In this order. */
export const deploymentPhases = [
  'validate',
  'preCheck',
  'approval',
  'backup',
  'deploy',
  'verify',
  'watch',
  'rollBack',
  'verifyRollBack',
  'document',
] as const;
export type DeploymentPhaseName = (typeof deploymentPhases)[number];

export interface DeploymentPhase {
  name: DeploymentPhaseName;
  state: 'pending' | 'running' | 'succeeded' | 'failed' | 'skipped';
  /** Epoch ms; null: it has not begun. */
  startedAt: number | null;
  /** Epoch ms. */
  finishedAt: number | null;
  /** What happened, for people; empty: nothing to say. */
  note: string;
}

export const deploymentStates = [
  'running',
  /** A person has to say something. */
  'waitingForApproval',
  'succeeded',
  'rolledBack',
  /** Nothing was changed. */
  'refused',
  /** It did not work, and the version before could not be brought back. */
  'failed',
] as const;
export type DeploymentState = (typeof deploymentStates)[number];

/** Input of the workflow `deployment`. */
export interface DeploymentRequest {
  environment: string;
  target: string;
  /** As it was asked for. */
  version: string;
  by: string;
  /** Go on in spite of an open critical incident; the reason why. Null: do not. */
  force: string | null;
  /** Say what would be done, and do nothing. */
  isDryRun: boolean;
}

/** Names one deployment in records, files and side effects. */
export interface DeploymentRef {
  environment: string;
  target: string;
  /** 1, 2, … per target. */
  number: number;
  /** Of the configuration that it goes by from its beginning to its end. */
  revision: number;
}

/** What people do to a deployment that goes on: names of signals and updates. */
export const deploymentVerbs = ['approve', 'reject', 'abort', 'rollBack', 'promote'] as const;
export type DeploymentVerb = (typeof deploymentVerbs)[number];

export interface DeploymentDecision {
  verb: DeploymentVerb;
  by: string;
  note: string | null;
  /** Epoch ms. */
  at: number;
}

/** What was put aside before anything changed. */
export interface DeploymentBackup {
  /** What it holds, for people. */
  what: string;
  /** Absolute; null: it is no file. */
  path: string | null;
  bytes: number | null;
  sha256: string | null;
}

/** All that is known of a deployment; the workflow keeps it, the database gets it at each change. Plain JSON. */
export interface DeploymentRecord {
  environment: string;
  target: string;
  /** 0: no number was given yet. */
  number: number;
  state: DeploymentState;
  phase: DeploymentPhaseName;
  phases: DeploymentPhase[];
  versionRequested: string;
  /** What was live before; null: nothing, or it is not known (yet). */
  versionBefore: string | null;
  /** What is live at the end, and what shall be while it runs; null: not known. */
  versionAfter: string | null;
  startedBy: string;
  /** Epoch ms. */
  startedAt: number;
  /** Epoch ms; null: it goes on. */
  finishedAt: number | null;
  /** directory, docker, …; null: not known yet. */
  via: string | null;
  services: string[];
  /** Why it did not succeed, or what is waited for; null: nothing to say. */
  reason: string | null;
  /** Why it went on in spite of an open critical incident; null: it did not have to. */
  force: string | null;
  /** One line each. */
  changes: string[];
  backups: DeploymentBackup[];
  decisions: DeploymentDecision[];
  /** What is left in which state when it could not be brought back; empty: nothing. */
  leftBehind: string[];
  /** Absolute path of the Markdown record; null: not written. */
  report: string | null;
  /** Grows with each change: a late write of an older one is recognised by it. */
  revision: number;
}
