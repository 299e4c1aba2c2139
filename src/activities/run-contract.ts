/** Inputs and results of the activities that take a complete run through archive, report and message. */
import type { RunArchive, RunVerdict } from '../domain/run.js';

export interface RunReference {
  environment: string;
  run: string;
}

/** What is to be done for a run now. */
export type RunTask =
  | {
      kind: 'complete';
      completion: number;
      verdict: RunVerdict;
      /** Absolute. */
      workDirectory: string;
      isDone: boolean;
    }
  /** It is not over (any more), another opsloop has it, or nobody knows it. `detail` is for people. */
  | { kind: 'nothing'; detail: string };

export interface ArchiveRunInput extends RunReference {
  completion: number;
  workDirectory: string;
  /** A person asked for it: an archive that is there already is made anew. */
  isAnew: boolean;
}

/** How one try to archive went; expected failures are answers. */
export type RunArchiveResult =
  | {
      kind: 'archived';
      archive: RunArchive;
      files: number;
      /** Links, sockets and the like that were left out. */
      skipped: number;
    }
  | { kind: 'noDirectory' }
  | { kind: 'failed'; reason: string; detail: string };

export interface SettleRunInput extends RunReference {
  completion: number;
  /** Null: there is none (yet). */
  archive: RunArchive | null;
  /** What stands in the way of an archive, or was noted about it; null: nothing. */
  problem: string | null;
  archiveState: 'none' | 'pending' | 'done' | 'cancelled';
}

export interface ArchiveTrouble extends RunReference {
  completion: number;
  /** Grows with everything that is told of this run's archive. */
  sequence: number;
  /** Null: it is over. */
  detail: string | null;
}

export interface RunActivities {
  /**
   * Reads what there is to do. When a person asks for the archive, a run that ended before opsloop looked back is claimed, too.
   * Safe to retry: it reads, and a claim is the same when asked for again.
   */
  loadRun(input: RunReference & { isAsked: boolean }): Promise<RunTask>;
  /**
   * Makes the archive, verifies it and gives it its name. Safe to retry: what was made for the same completion before, by a worker
   * that died right after, is verified and taken; unfinished files are removed.
   */
  archiveRun(input: ArchiveRunInput): Promise<RunArchiveResult>;
  /**
   * Removes the work directory, when that is configured and nothing forbids it; answers with why it stays, or null. Safe to
   * retry: what is gone stays gone.
   */
  removeRunDirectory(
    input: RunReference & { archive: RunArchive; workDirectory: string },
  ): Promise<string | null>;
  /** Puts the archive on record. Safe to retry: it writes the same row. */
  recordRun(input: SettleRunInput): Promise<void>;
  /**
   * Writes the report, tells people, and marks the completion as done when its archive is no longer pending. Safe to retry: the
   * report is replaced by the same one, and the message carries its key.
   */
  settleRun(input: SettleRunInput): Promise<void>;
  /** Opens, or ends, the incident about an archive that cannot be made. Safe to retry: reports carry their sequence. */
  reportArchiveTrouble(input: ArchiveTrouble): Promise<void>;
}
