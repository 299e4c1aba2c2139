/** Inputs and results of the remedy's activities. */
import type { Verdict } from '../domain/observation.js';
import type {
  RemedyChoice,
  RemedyInput,
  RemedySnapshot,
  RemedyStepResult,
  RemedyVerb,
} from '../domain/remedy.js';
import type { Severity } from '../domain/service.js';

/** Whether an attempt may begin, and with what. */
export type RemedyOutlook =
  | { kind: 'gone'; detail: string }
  /** `waitsFor` completes "waits for …". */
  | { kind: 'forbidden'; waitsFor: string; severity: Severity }
  | {
      kind: 'ready';
      /** Of the configuration that decided, and that all steps keep to. */
      revision: number;
      severity: Severity;
      choice: RemedyChoice | { problem: string };
      before: RemedySnapshot;
      coolDownMs: number;
      /** Good results that the heartbeat wants to see. */
      closeAfter: number;
      /** Workflow id of the heartbeat shard that checks the service. */
      heartbeat: string;
    };

export interface RemedyIntent {
  remedy: RemedyInput;
  steps: (RemedyVerb | 'none')[];
  before: RemedySnapshot;
  /** Epoch ms. */
  at: number;
}

export interface RemedyStep {
  remedy: RemedyInput;
  /** Of the configuration that decided. */
  revision: number;
  /** Counted from 1. */
  step: number;
  verb: RemedyVerb;
}

/** What is added to the record of a step: its result, or what the service looked like after it. */
export interface RemedyStepRecord {
  remedy: RemedyInput;
  step: number;
  result: RemedyStepResult | null;
  after: RemedySnapshot | null;
}

export interface RemedyVerification {
  isHealthy: boolean;
  verdict: Verdict;
  /** Empty when healthy. */
  reason: string;
  after: RemedySnapshot;
}

export interface RemedyActivities {
  /** Whether something forbids the attempt, and if nothing does, what is to be done. Safe to retry: it only asks. */
  surveyRemedy(input: RemedyInput): Promise<RemedyOutlook>;
  /** Puts the intent of all steps on record. Safe to retry: what is there stays. Fails `unavailable` without a database. */
  intendRemedy(input: RemedyIntent): Promise<void>;
  /**
   * Does one step. Safe to retry because a step with a result on record is not done again, one under way in this worker is
   * joined, and the verbs name the state that they leave.
   */
  takeRemedyStep(input: RemedyStep): Promise<RemedyStepResult>;
  /** Makes the service's own checks once, now. Safe to retry: it only looks. */
  verifyRemedy(input: { remedy: RemedyInput; revision: number }): Promise<RemedyVerification>;
  /** Adds to the record of a step. Safe to retry: the same is written again. */
  recordRemedyStep(input: RemedyStepRecord): Promise<void>;
}
