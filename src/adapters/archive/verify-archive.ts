/** Verifies an archive: reads the whole file, and says that it is whole or which entry is not. */
import type { RunArchive } from '../../domain/run.js';
import { ArchiveDamage } from './archive-damage.js';
import type { ArchiveManifest, ArchiveProgress, VerifyOutcome } from './archive.js';
import { openArchive, type OpenArchive } from './open-archive.js';
import { readEntries } from './read-entries.js';

export interface VerifyOptions {
  /** What was recorded when it was made; a whole archive that is another one is damaged, with entry null. */
  expected?: Pick<RunArchive, 'bytes' | 'sha256'> | null;
  onProgress?(progress: ArchiveProgress): void;
  signal?: AbortSignal;
}

/**
 * Compares every header with the table of contents, every entry's data with its size, CRC-32 and SHA-256, and leaves no
 * byte of the file unexplained. Takes a few MB of memory and what table and manifest take. Throws the reason of `signal`,
 * and what the file system says when the file cannot be read.
 */
export async function verifyArchive(path: string, options: VerifyOptions = {}): Promise<VerifyOutcome> {
  try {
    const archive = await openArchive(path, options.signal);
    if (archive === null) return { kind: 'missing' };
    try {
      return await verifyOpenArchive(archive, options);
    } finally {
      await archive.file.close();
    }
  } catch (error) {
    if (error instanceof ArchiveDamage) return { kind: 'damaged', entry: error.entry, detail: error.message };
    throw error;
  }
}

/** The same of one that is open; it stays open. Throws ArchiveDamage. */
export async function verifyOpenArchive(
  archive: OpenArchive,
  { expected, onProgress, signal }: VerifyOptions,
): Promise<VerifyOutcome & { kind: 'whole' }> {
  const sha256 = await readEntries(archive, { phase: 'verifying', onProgress, signal });
  const { fileBytes: bytes, manifest, records } = archive;
  if (expected && (expected.bytes !== bytes || expected.sha256 !== sha256))
    throw new ArchiveDamage(
      null,
      `it is whole, but not the archive that was recorded: ${bytes} bytes with SHA-256 ${sha256} instead of ` +
        `${expected.bytes} bytes with ${expected.sha256}`,
    );
  return { kind: 'whole', manifest, bytes, sha256, entries: records.length };
}

/** The manifest alone; null when the archive is not there or cannot be read as one. Not all of it is verified. */
export async function readArchiveManifest(path: string): Promise<ArchiveManifest | null> {
  try {
    const archive = await openArchive(path);
    await archive?.file.close();
    return archive?.manifest ?? null;
  } catch (error) {
    if (error instanceof ArchiveDamage) return null;
    throw error;
  }
}
