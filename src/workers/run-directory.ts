/** Removes the work directory of a run by what its archive says was in it. */
import { removeWorkDirectory } from '../adapters/archive/remove-work-directory.js';
import { readArchiveManifest } from '../adapters/archive/verify-archive.js';
import type { RunArchive } from '../domain/run.js';

/** Gives why the directory stays, for people; null: it is gone. */
export async function removeArchivedDirectory({
  workDirectory,
  root,
  archive,
  signal,
}: {
  workDirectory: string;
  root: string;
  archive: RunArchive;
  signal: AbortSignal;
}): Promise<string | null> {
  const manifest = await readArchiveManifest(archive.path);
  if (manifest === null) return `its work directory stays: the archive ${archive.path} cannot be read`;
  const outcome = await removeWorkDirectory({ workDirectory, root, manifest, signal });
  return outcome.kind === 'removed' ? null : `its work directory stays: ${outcome.reason}`;
}
