/** A job as the applied configuration has it: when it runs, what it does, and what is right for it. */
import type { Secretive, Severity } from './service.js';

export const overlapPolicies = [
  'skip',
  'bufferOne',
  'bufferAll',
  'cancelOther',
  'terminateOther',
  'allowAll',
] as const;
/** What happens to a slot while a run of the same job is going on; the names of Temporal's schedules. */
export type OverlapPolicy = (typeof overlapPolicies)[number];

export interface CommandAction {
  kind: 'command';
  /** At least the program; never given to a shell. */
  command: Secretive[];
  /** Absolute. */
  cwd: string;
  /** Added to the environment of the worker. */
  env: Record<string, Secretive>;
}

export interface HttpAction {
  kind: 'http';
  url: Secretive;
  method: string;
  headers: Record<string, Secretive>;
  body: Secretive | null;
  /** Certificates that do not verify are accepted. */
  insecure: boolean;
}

export interface WorkflowAction {
  kind: 'workflow';
  type: string;
  taskQueue: string;
  /** Its one argument, JSON; null: it gets none. */
  input: unknown;
}

/** The job runs elsewhere and pings: opsloop only looks whether it does. */
export interface PingsAction {
  kind: 'pings';
}

export type JobAction = CommandAction | HttpAction | WorkflowAction | PingsAction;
export type JobKind = JobAction['kind'];

/** What its output has to be like. An empty one takes everything. */
export interface OutputCheck {
  contains: string[];
  notContains: string[];
  /** Regular expressions, of which each must match; flags `mu`. */
  matches: string[];
  /** A file that the job makes. */
  file: {
    /** Absolute. */
    path: string;
    /** Changed within so many ms before the end of the run; null: since the run started. */
    newerThanMs: number | null;
    minBytes: number;
  } | null;
}

export interface JobSettings {
  name: string;
  /** Five fields, six with seconds first, or a macro such as `@daily`; as it is in the file. */
  schedule: string;
  /** IANA name. */
  timeZone: string;
  /** For people; null: not told. */
  purpose: string | null;
  severity: Severity;
  tags: string[];
  /** Page with what to do when it fails; null: none. */
  runbook: string | null;
  action: JobAction;
  /** How long a run takes, ms; at twice this it is ended. Null: by its history. */
  expectedMs: number | null;
  /** A run that ends well sooner than this did not do its work, ms; 0: any is long enough. */
  minimumMs: number;
  /** From SIGTERM to SIGKILL, ms. */
  killAfterMs: number;
  output: OutputCheck;
  /** More tries after the first: `attempts` of them, each `afterMs` after the end of the one before. */
  retry: { attempts: number; afterMs: number };
  overlap: OverlapPolicy;
  /** Slots missed while nothing ran are made up when they are no older than this, ms. */
  catchUpMs: number;
  /** A run that starts later than this after its slot is late, ms; of jobs that ping: the grace of their start. */
  startWithinMs: number;
  /** Starts are spread over so many ms after the slot. */
  jitterMs: number;
  /** False: waits while the resource guard is critical. */
  isUrgent: boolean;
  /** Executions kept: so many per job, and none older than this. */
  keep: { executions: number; forMs: number };
}

/** Whether opsloop starts it itself, by a schedule of Temporal's. */
export const isScheduled = ({ action }: JobSettings): boolean => action.kind !== 'pings';
