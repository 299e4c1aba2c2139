/** What the workflow of a deployment asks of the world. An expected failure is an answer; what is thrown is tried again. */
import type { Alert } from '../domain/alert.js';
import type { DeploymentHook } from '../domain/deployment-settings.js';
import type {
  DeploymentBackup,
  DeploymentRecord,
  DeploymentRef,
  DeploymentRequest,
} from '../domain/deployment.js';
import type { DeploymentPlanDocument } from '../domain/documents.js';

/** `host`: whose worker does it. */
export type BegunDeployment =
  { kind: 'begun'; ref: DeploymentRef; host: string } | { kind: 'refused'; reason: string };

/** What the workflow has to know of the settings and of the machine; secrets stay where they are. */
export interface DeploymentPlan {
  via: string;
  services: string[];
  /** Those of them that work now: what worked before has to work after a rollback. */
  healthyBefore: string[];
  versionBefore: string | null;
  /** False: what is live does not run now, and need not after a rollback. */
  isReadyBefore: boolean;
  versionAfter: string;
  changes: string[];
  isReversible: boolean;
  /** Null: nobody has to approve. */
  approval: { by: string[]; withinMs: number; remindAfterMs: number; isStarterAllowed: boolean } | null;
  hooks: DeploymentHook[];
  hasRestart: boolean;
  /** Names of databases that rollback puts back. */
  restoredDatabases: string[];
  verifyWithinMs: number;
  watchForMs: number;
  rollBack: { attempts: number; withinMs: number };
}

export type Outcome = { isGood: boolean; note: string };

/** Something to do or to undo on the host. `prepare`, `switch`, `undo` and `settle` are the way's. */
export type DeploymentStep =
  | { kind: 'hook'; hook: DeploymentHook }
  | { kind: 'prepare' | 'switch' | 'restart' | 'settle' }
  | { kind: 'undo' | 'restartAfterUndo'; attempt: number }
  | { kind: 'restoreDatabase'; database: string; attempt: number };

export type WatchOutcome =
  | { kind: 'passed'; note: string }
  | { kind: 'failed'; reason: string }
  /** A metric tells neither; a person is asked. */
  | { kind: 'inconclusive'; reason: string };

export interface DeploymentActivities {
  /**
   * Gives the deployment that was started at `startedAt` (epoch ms) its number. Safe to retry: the same start has the same number.
   * A dry run gets the number 0 and leaves nothing behind.
   */
  beginDeployment(input: { request: DeploymentRequest; startedAt: number }): Promise<BegunDeployment>;
  /** Writes it down; waits in the spool while the database is away. Safe to retry: an older record never replaces a newer one. */
  recordDeployment(input: { record: DeploymentRecord }): Promise<void>;
  /** Safe to retry: the alert has a key. */
  tellDeployment(input: { alert: Alert }): Promise<void>;
  /** Opens or closes the incident `failed` of the target. Safe to retry: a report has a key and a sequence. */
  reportDeployment(input: { record: DeploymentRecord; kind: 'open' | 'recover' }): Promise<void>;
  /** Has the heartbeat look at services now, for what was held back of them. Safe to retry: it is one more look. */
  askHeartbeat(input: { environment: string; services: string[] }): Promise<void>;
}

/** Done on one host. All are safe to retry: what is done already is seen, and a program that runs is waited for. */
export interface DeploymentHostActivities {
  planDeployment(input: {
    ref: DeploymentRef;
    request: DeploymentRequest;
  }): Promise<{ kind: 'plan'; plan: DeploymentPlan } | { kind: 'refused'; reason: string }>;
  describePlan(input: { ref: DeploymentRef; request: DeploymentRequest }): Promise<DeploymentPlanDocument>;
  checkDeployment(input: { ref: DeploymentRef; request: DeploymentRequest }): Promise<Outcome>;
  /** Puts aside what is replaced, and dumps databases. */
  backUpDeployment(input: { ref: DeploymentRef }): Promise<Outcome & { backups: DeploymentBackup[] }>;
  takeDeploymentStep(input: {
    ref: DeploymentRef;
    versionAfter: string;
    by: string;
    step: DeploymentStep;
  }): Promise<Outcome>;
  /** Waits until the way says that `version` is live, and the services are healthy. */
  verifyDeployment(input: {
    ref: DeploymentRef;
    version: string | null;
    services: string[];
    /** Whether it has to run, too, where the way can tell. */
    isReadyWanted: boolean;
    withinMs: number;
  }): Promise<Outcome>;
  /** Watches until `until`, epoch ms, and longer while the newest results leave a doubt. */
  watchDeployment(input: {
    ref: DeploymentRef;
    version: string;
    until: number;
    isAnalysed: boolean;
  }): Promise<WatchOutcome>;
  /** What is there now. */
  describeDeployment(input: { ref: DeploymentRef }): Promise<{ version: string | null; text: string }>;
  /** Writes log entry and records, and removes what is no longer needed; gives the absolute path of the Markdown record. */
  documentDeployment(input: { record: DeploymentRecord }): Promise<{ report: string }>;
}
