/** The documents that the CLI prints with `--json` and the API answers with. Times are ISO 8601 UTC, durations ms. */
import type { CronCounts } from './cron-document.js';
import type { Matcher } from './alert-policy.js';
import type {
  DeploymentBackup,
  DeploymentPhase,
  DeploymentPhaseName,
  DeploymentState,
} from './deployment.js';
import type { LoopState } from './loop.js';
import type { RemedySnapshot } from './remedy.js';
import type { RunState } from './run.js';
import type { Severity } from './service.js';
import type { SystemStatus } from './status.js';

/** One row of `loops list`. */
export interface LoopDocument {
  id: string;
  loop: string;
  target: string;
  state: LoopState;
  pausedBy: string | null;
  note: string | null;
  lastAt: string | null;
  nextAt: string | null;
  count: number;
  missed: number;
  stale: boolean;
}

export type ServiceState = 'healthy' | 'unhealthy' | 'flapping' | 'unknown';

/** Healthy part of all results, 0 to 1; null without results in that time. */
export interface Availability {
  '24h': number | null;
  '7d': number | null;
  '30d': number | null;
}

/** One row of `services list`. */
export interface ServiceDocument {
  name: string;
  state: ServiceState;
  since: string | null;
  lastCheckAt: string | null;
  latencyMs: number | null;
  reason: string;
  availability: Availability;
}

/** The push check of a service, in `services show`. */
export interface PushDocument {
  /** Where the job calls; the key is not shown. */
  url: string;
  /** `/ping/<uuid>` needs no key. */
  uuid: string;
  lastPingAt: string | null;
  lastStartAt: string | null;
  /** Of the last run whose start was told. */
  durationMs: number | null;
  /** When its silence becomes a failure; null: it is unhealthy already. */
  nextExpectedAt: string | null;
}

/** One row of `services pings`. */
export interface PingDocument {
  at: string;
  kind: 'success' | 'fail' | 'start' | 'log';
  exitCode: number | null;
  durationMs: number | null;
  rid: string | null;
  firstLine: string;
}

export type IncidentState = 'open' | 'acknowledged' | 'escalated' | 'resolved';

/** One row of `incidents list`: one episode. */
export interface IncidentDocument {
  id: string;
  loop: string;
  type: string;
  target: string;
  severity: Severity;
  state: IncidentState;
  episode: number;
  openedAt: string;
  acknowledgedBy: string | null;
  resolvedAt: string | null;
  resolvedBy: string | null;
  reason: string;
  affected: string[];
  /** `success` null: under way. */
  remedies: {
    attempt: number;
    action: string;
    startedAt: string;
    endedAt: string | null;
    success: boolean | null;
    detail: string;
  }[];
}

export interface IncidentEventDocument {
  episode: number;
  at: string;
  event: string;
  by: string | null;
  text: string;
  /** The rule or figure that led to it. */
  why: string;
}

/** `incidents show`: the newest episode, with the time line of all of them. */
export interface IncidentDetailDocument extends IncidentDocument {
  /** What a person should do; null: nobody said. */
  advice: string | null;
  /** Page with what to do; null: none. */
  runbook: string | null;
  /** Labels of a source outside; null: it comes from opsloop's own loops. */
  labels: Record<string, string> | null;
  /** Grows with every change of the episode. */
  version: number;
  events: IncidentEventDocument[];
}

/** One row of `alerts history`. */
export interface AlertDocument {
  key: string;
  event: string;
  target: string;
  severity: Severity;
  channel: string;
  state: 'sent' | 'pending' | 'failed' | 'suppressed';
  attempts: number;
  at: string;
  sentAt: string | null;
  reason: string;
  /** Targets of all alerts of the message. */
  targets: string[];
  /** Workflow id of the first alert's incident; empty when it has none. */
  incident: string;
}

/** One row of `alerts silences`. */
export interface SilenceDocument {
  id: string;
  state: 'active' | 'ended';
  match: Matcher;
  by: string;
  note: string;
  startsAt: string;
  endsAt: string;
  /** When somebody ended it early. */
  endedAt: string | null;
  endedBy: string | null;
}

/** One row of `services remedies`: one step of an attempt. */
export interface RemediationDocument {
  /** Workflow id of the incident. */
  incident: string;
  episode: number;
  attempt: number;
  step: number;
  /** The loop that did it. */
  agent: string;
  startedAt: string;
  action: string;
  target: string;
  method: string | null;
  endpoint: string | null;
  before: RemedySnapshot;
  after: RemedySnapshot | null;
  /** Null: under way. */
  success: boolean | null;
  error: string | null;
  finishedAt: string | null;
}

/** Where the archive of a run stands. */
export type RunArchiveState =
  /** The run is not over, or has no work directory. */
  | 'none'
  /** It is being made, or is tried again later. */
  | 'pending'
  | 'done'
  /** Somebody cancelled it. */
  | 'cancelled'
  /** Another opsloop that watches the same tables makes it. */
  | 'elsewhere';

/** One row of `runs list`. */
export interface RunDocument {
  id: string;
  name: string | null;
  state: RunState;
  steps: { total: number; succeeded: number; failed: number };
  startedAt: string | null;
  finishedAt: string | null;
  /** When opsloop saw that it is over; null: it has not, or the run ended before opsloop looked back. */
  detectedAt: string | null;
  archive: {
    path: string;
    bytes: number;
    sha256: string;
    entries: number;
    verifiedAt: string;
  } | null;
  archiveState: RunArchiveState;
  /** Absolute path of the summary; null: none yet. */
  report: string | null;
  /** What stands in the way of its archive, or was noted about it; null: nothing. */
  problem: string | null;
}

export interface RunStepDocument {
  name: string;
  state: string;
  error: string | null;
  startedAt: string | null;
  finishedAt: string | null;
}

/** An archive that is being made. */
export interface RunProgressDocument {
  phase: 'waiting' | 'listing' | 'writing' | 'verifying' | 'removing';
  bytes: number;
  totalBytes: number;
  entries: number;
  totalEntries: number;
}

/** `runs show`. */
export interface RunDetailDocument extends RunDocument {
  workDirectory: string | null;
  /** Counts how often it was complete: it grows when a run that was over went on. */
  completion: number;
  stepList: RunStepDocument[];
  /** Null: no archive is being made now. */
  progress: RunProgressDocument | null;
}

/** One row of `deploy list`, and `deploy status`. */
export interface DeploymentDocument {
  /** Workflow id. */
  id: string;
  target: string;
  /** 1, 2, … per target; 0: it has just been started. */
  number: number;
  state: DeploymentState;
  phase: DeploymentPhaseName;
  phases: {
    name: DeploymentPhaseName;
    state: DeploymentPhase['state'];
    startedAt: string | null;
    /** Until now while it runs; null: it has not begun. */
    durationMs: number | null;
    note: string;
  }[];
  versionRequested: string;
  versionBefore: string | null;
  /** What is live at the end, and what shall be while it runs. */
  versionAfter: string | null;
  startedBy: string;
  startedAt: string;
  finishedAt: string | null;
  durationMs: number;
  via: string | null;
  services: string[];
  reason: string | null;
  force: string | null;
  changes: string[];
  backups: DeploymentBackup[];
  decisions: { verb: string; by: string; note: string | null; at: string }[];
  leftBehind: string[];
  report: string | null;
}

/** `deploy plan`: what `deploy start` would do. */
export interface DeploymentPlanDocument {
  target: string;
  versionRequested: string;
  versionBefore: string | null;
  versionAfter: string | null;
  via: string;
  services: string[];
  /** False: `start` would be refused, for `reason`. */
  isPossible: boolean;
  reason: string | null;
  /** One line each, in order. */
  steps: string[];
  changes: string[];
  /** Pre-checks that can be made without running anything, as they are now. */
  checks: { name: string; isGood: boolean; note: string }[];
}

/** `status`. */
export interface StatusDocument {
  environment: string;
  status: SystemStatus;
  since: string | null;
  services: { healthy: number; unhealthy: number; unknown: number };
  incidents: Record<Severity, number>;
  loops: LoopDocument[];
  /** Null: there are no cron jobs. */
  cron: CronCounts | null;
  guard: { level: string } | null;
}
