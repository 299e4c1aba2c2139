/** `opsloop runs verify` and `runs restore`. */
import { resolve } from 'node:path';
import { formatByteSize } from '../../../domain/byte-size.js';
import type { RunDetailDocument } from '../../../domain/documents.js';
import { OpsError } from '../../../domain/errors.js';
import type { RunArchiveProgress } from '../../../local/run-archive.js';
import { requireArchive, requireWorkDirectory } from '../../run-archives.js';
import { withStack, type CliContext, type GlobalFlags } from '../context.js';

export interface RestoreFlags extends GlobalFlags {
  readonly to?: string;
}

/** A skipped file is named; of more than so many only how many there are. */
const mostSkippedLines = 20;

export async function verifyCommand(this: CliContext, _flags: GlobalFlags, id: string): Promise<void> {
  await verifyRun(this, await readRunOf(this, id));
}

export async function restoreCommand(this: CliContext, { to }: RestoreFlags, id: string): Promise<void> {
  await restoreRun(this, await readRunOf(this, id), to);
}

/** Nothing of the stack stays open while files are read, which may take long. */
async function readRunOf(context: CliContext, id: string): Promise<RunDetailDocument> {
  const { findRun } = await import('../../runs.js');
  return withStack(context, { needsTemporal: false }, (stack) => findRun(stack, id));
}

/** Exit code 1 when the archive is not whole or not there. */
export async function verifyRun(context: CliContext, run: RunDetailDocument): Promise<void> {
  const archive = requireArchive(run);
  const { verifyRunArchive, damageText } = await import('../../../local/run-archive.js');
  const found = await interruptible((options) => verifyRunArchive({ archive, ...options }));
  const { output } = context;
  const nothing = { entry: null, detail: null, entries: null, bytes: null, sha256: null };
  output.document({ run: run.id, ...nothing, ...found });
  if (found.state === 'whole') {
    output.lines([`${found.entries} entries, ${found.bytes} bytes, all whole`]);
    return;
  }
  context.setExitCode(1);
  output.lines([found.state === 'damaged' ? damageText(archive.path, found) : found.detail]);
}

/** Without `to` into the run's own work directory. */
export async function restoreRun(
  context: CliContext,
  run: RunDetailDocument,
  to: string | undefined,
): Promise<void> {
  const archive = requireArchive(run);
  const target = to === undefined ? requireWorkDirectory(run) : resolve(context.directory, requireName(to));
  const { restoreRunArchive } = await import('../../../local/run-archive.js');
  const restored = await interruptible((options) => restoreRunArchive({ archive, to: target, ...options }));
  const { output } = context;
  output.document({ run: run.id, to: target, ...restored });
  const { files, folders, bytes, skipped } = restored;
  const more = skipped.length - mostSkippedLines;
  output.lines([
    `restored ${files} files in ${folders} folders, ${formatByteSize(bytes)}, to ${target}`,
    ...skipped
      .slice(0, mostSkippedLines)
      .map((file) => `not in the archive: ${JSON.stringify(file.path)} (${skippedText(file)})`),
    ...(more > 0 ? [`and ${more} more that are not in the archive`] : []),
  ]);
}

const skippedText = ({ kind, target }: { kind: string; target?: string }): string =>
  target === undefined ? kind : `${kind} to ${JSON.stringify(target)}`;

function requireName(to: string): string {
  if (to !== '') return to;
  throw new OpsError('invalidInput', '--to names no folder; for example --to /tmp/restored', { field: 'to' });
}

interface LongWork {
  signal: AbortSignal;
  onProgress: (progress: RunArchiveProgress) => void;
}

/** Shows how far it is on a terminal, and tidies up before a signal ends it. */
async function interruptible<T>(work: (options: LongWork) => Promise<T>): Promise<T> {
  const { createReport } = await import('../../../local/progress.js');
  const terminal = process.stderr.isTTY ? process.stderr : undefined;
  const report = createReport({ print: () => {}, terminal });
  const stop = new AbortController();
  const onSignal = (): void =>
    stop.abort(new OpsError('conflict', 'stopped before it was done; nothing was changed'));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.once(name, onSignal);
  try {
    return await work({
      signal: stop.signal,
      onProgress: (progress) => report.progress(progressText(progress)),
    });
  } finally {
    for (const name of signals) process.off(name, onSignal);
    // Clears the passing line.
    report.line('');
  }
}

function progressText({ phase, bytes, totalBytes, entries, totalEntries }: RunArchiveProgress): string {
  const percent = totalBytes === 0 ? 100 : Math.floor((bytes / totalBytes) * 100);
  return (
    `${phase} ${String(percent).padStart(3)} %  ${formatByteSize(bytes)} of ${formatByteSize(totalBytes)}, ` +
    `${entries} of ${totalEntries} entries`
  );
}
