/** Verifies and restores the archive of a run on this machine; what goes wrong is said for people. */
import { hostname } from 'node:os';
import type { ArchiveProgress, SkippedFile } from '../adapters/archive/archive.js';
import { restoreArchive } from '../adapters/archive/restore-archive.js';
import { verifyArchive } from '../adapters/archive/verify-archive.js';
import { OpsError } from '../domain/errors.js';
import type { RunArchive } from '../domain/run.js';

/** For who shows it. */
export type RunArchiveProgress = ArchiveProgress;

export interface RunArchiveOptions {
  /** What is on record. */
  archive: RunArchive;
  signal: AbortSignal;
  onProgress?(progress: ArchiveProgress): void;
}

export type VerifiedRunArchive =
  | { state: 'whole'; entries: number; bytes: number; sha256: string }
  /** `entry` is what is damaged; null: the file as a whole. */
  | { state: 'damaged'; entry: string | null; detail: string }
  | { state: 'missing'; detail: string };

export interface RestoredRunArchive {
  files: number;
  folders: number;
  bytes: number;
  skipped: SkippedFile[];
}

const missingText = (path: string): string =>
  `there is no ${path} on ${hostname()}: run this where the worker runs, or put the archive back there`;

/** Reads all of it. Throws OpsError `conflict` when the file may not or cannot be read, and the reason of `signal`. */
export async function verifyRunArchive(options: RunArchiveOptions): Promise<VerifiedRunArchive> {
  const { archive, ...rest } = options;
  const outcome = await verifyArchive(archive.path, { ...rest, expected: archive }).catch(
    (error: unknown) => {
      options.signal.throwIfAborted();
      throw unreadable(error, archive.path);
    },
  );
  switch (outcome.kind) {
    case 'whole':
      return {
        state: 'whole',
        entries: outcome.entries,
        bytes: outcome.bytes,
        sha256: outcome.sha256,
      };
    case 'damaged':
      return { state: 'damaged', entry: outcome.entry, detail: outcome.detail };
    case 'missing':
      return { state: 'missing', detail: missingText(archive.path) };
  }
}

/**
 * Restores all of it into `to` (absolute), or nothing. Throws OpsError: `notFound` when the archive is not here, `conflict`
 * when it is damaged or `to` cannot take it (field `to`); and the reason of `signal`.
 */
export async function restoreRunArchive(
  options: RunArchiveOptions & { to: string },
): Promise<RestoredRunArchive> {
  const { archive, ...rest } = options;
  const outcome = await restoreArchive({ ...rest, path: archive.path, expected: archive });
  switch (outcome.kind) {
    case 'restored': {
      const { files, folders, bytes, skipped } = outcome;
      return { files, folders, bytes, skipped };
    }
    case 'missing':
      throw new OpsError('notFound', missingText(archive.path));
    case 'damaged':
      throw new OpsError(
        'conflict',
        `${damageText(archive.path, outcome)}; nothing was restored. Put a whole copy of it in its place`,
      );
    case 'refused':
      throw new OpsError('conflict', `${outcome.detail}. Nothing was restored`, { field: 'to' });
  }
}

/** `/archive/run-1.zip is damaged: logs/app.log: its header is damaged`. Names are quoted where they could mislead. */
export const damageText = (
  path: string,
  { entry, detail }: { entry: string | null; detail: string },
): string => `${path} is damaged: ${entry === null ? '' : `${shownName(entry)}: `}${detail}`;

const shownName = (name: string): string =>
  /^[\p{L}\p{N}\p{P}\p{S}]+( [\p{L}\p{N}\p{P}\p{S}]+)*$/u.test(name) ? name : JSON.stringify(name);

/** What the file system said; anything else was not expected and stays as it is. */
function unreadable(error: unknown, path: string): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error;
  return new OpsError('conflict', `${path} cannot be read: ${error.message}. Run this as somebody who may`, {
    cause: error,
  });
}
