/** What the parts of this folder agree on: what goes in, what comes out, and what an archive says about itself. */
import type { RunArchive } from '../../domain/run.js';

/** Told while it goes on, at least once a second, so that a killed worker is noticed and people see how far it is. */
export interface ArchiveProgress {
  phase: 'listing' | 'writing' | 'verifying';
  /** Read so far in this phase; of uncompressed data. */
  bytes: number;
  totalBytes: number;
  entries: number;
  totalEntries: number;
}

export interface MakeArchiveOptions {
  /** Absolute. */
  workDirectory: string;
  /** Absolute path of the finished archive; `<target>.<something>.tmp` beside it while it is made. */
  target: string;
  /** Written into the manifest; what was made for the same completion of a run is adopted and not made again. */
  identity: ArchiveIdentity;
  /** Make it anew though a whole one of the same completion is there; without a work directory that one is kept all the same. */
  isAnew?: boolean;
  onProgress(progress: ArchiveProgress): void;
  /** Aborting stops it within a second or so, and leaves nothing behind. */
  signal: AbortSignal;
}

/** Which completion of which run an archive holds. */
export interface ArchiveIdentity {
  environment: string;
  run: string;
  completion: number;
}

/** Left out of an archive, and listed in its manifest. */
export interface SkippedFile {
  path: string;
  kind: 'link' | 'socket' | 'device' | 'fifo';
  /** Where a link leads, as it is written. */
  target?: string;
}

export type ArchiveOutcome =
  | {
      kind: 'archived';
      archive: RunArchive;
      /** Uncompressed bytes of all files. */
      contentBytes: number;
      files: number;
      skipped: SkippedFile[];
      /** True when a finished archive of the same completion was found, and found whole. */
      isAdopted: boolean;
    }
  /** There is no such folder. */
  | { kind: 'noDirectory' }
  /** Expected, and worth another try later; nothing was left behind. `detail` is for people, one line, and says what to do. */
  | { kind: 'failed'; reason: ArchiveFailure; detail: string };

export type ArchiveFailure =
  /** Before it began, or in the middle. */
  | 'noSpace'
  /** The work directory changed while it was read, also on the second try. */
  | 'changed'
  /** A file or folder may not be read, or the archive's folder not written. */
  | 'denied'
  /** What was written is not what is read back. */
  | 'damaged'
  /** Anything else that the file system says. */
  | 'broken';

/** The last entry of every archive: JSON. */
export interface ArchiveManifest {
  format: 'opsloop-archive';
  version: 1;
  identity: ArchiveIdentity;
  createdAt: string;
  /** In the order of the archive. */
  entries: ManifestEntry[];
  skipped: SkippedFile[];
}

export interface ManifestEntry {
  /** As in the ZIP, `/` between folders, and at the end of a folder. Bytes that are no UTF-8 are replaced; see `rawPath`. */
  path: string;
  /** Base64 of the name's bytes, when they are no UTF-8. */
  rawPath?: string;
  kind: 'file' | 'folder';
  /** Permission bits, octal text: `0644`. */
  mode: string;
  /** Time of the last change, nanoseconds since 1970, as text: it is more than a number holds. */
  mtimeNs: string;
  /** Uncompressed. */
  bytes: number;
  /** Hex; of a folder null. */
  sha256: string | null;
}

export const manifestName = '.opsloop-manifest.json';

/** What reading an archive back found. `entry` names what is damaged; null: the file as a whole. */
export type VerifyOutcome =
  | { kind: 'whole'; manifest: ArchiveManifest; bytes: number; sha256: string; entries: number }
  | { kind: 'missing' }
  | { kind: 'damaged'; entry: string | null; detail: string };
