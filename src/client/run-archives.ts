/** What the record says about the archive of a run. */
import type { RunDetailDocument } from '../domain/documents.js';
import { OpsError } from '../domain/errors.js';
import type { RunArchive } from '../domain/run.js';

const whyNone: Record<RunDetailDocument['archiveState'], string> = {
  none: 'the run is not over, or had no work directory',
  pending: 'it is being made, or is tried again; see `opsloop runs show`',
  done: 'its record is gone',
  cancelled: 'it was cancelled; make it with `opsloop runs archive`',
  elsewhere: 'another opsloop that watches the same tables makes it: ask there',
};

/** Throws OpsError `notFound` when there is none. */
export function requireArchive({ id, archive, archiveState, problem }: RunDetailDocument): RunArchive {
  if (archive === null)
    throw new OpsError(
      'notFound',
      `run ${JSON.stringify(id)} has no archive: ${problem ?? whyNone[archiveState]}`,
    );
  return { ...archive, verifiedAt: Date.parse(archive.verifiedAt) };
}

/** The run's own work directory, where nobody names another. Throws OpsError `invalidInput` when none is recorded. */
export function requireWorkDirectory({ id, workDirectory }: RunDetailDocument): string {
  if (workDirectory?.startsWith('/') !== true)
    throw new OpsError(
      'invalidInput',
      `no work directory is recorded of run ${JSON.stringify(id)}; name a folder, for example --to /tmp/restored`,
      { field: 'to' },
    );
  return workDirectory;
}
