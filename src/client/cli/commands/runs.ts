/** `opsloop runs list`, `show`, `archive` and `cancel`. */
import type { RunProgressDocument } from '../../../domain/documents.js';
import { formatByteSize } from '../../../domain/byte-size.js';
import type { RunState } from '../../../domain/run.js';
import { defaultPerson, withStack, type CliContext, type GlobalFlags } from '../context.js';
import type { Output } from '../output.js';
import { progressText, runColumns, runLines } from '../run-screen.js';
import { formatTable } from '../table.js';
import { plainText, truncateText } from '../text-width.js';

type ListFlags = GlobalFlags & { state?: readonly RunState[]; limit: number };

export async function listCommand(this: CliContext, { state = [], limit }: ListFlags): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { listRuns } = await import('../../runs.js');
    const runs = await listRuns(stack, { states: state.length === 0 ? null : state, limit });
    output.document(runs);
    const table = formatTable(runColumns(Date.now()), runs, { style: output.style, width: output.width() });
    const none = state.length === 0 ? 'no runs yet' : `no runs that are ${state.join(' or ')}`;
    output.lines(runs.length === 0 ? [none] : table);
  });
}

export async function showCommand(this: CliContext, _flags: GlobalFlags, id: string): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { showRun } = await import('../../runs.js');
    const run = await showRun(stack, id);
    output.document(run);
    output.lines(runLines(run, { style: output.style, width: output.width(), now: Date.now() }));
  });
}

/** One line of a terminal, written over as it goes on; nothing where the output is none. */
function progressLine(output: Output): {
  show: (progress: RunProgressDocument | null) => void;
  clear: () => void;
} {
  const isShown = output.isTty && !output.isJson;
  return {
    show: (progress) => {
      if (!isShown) return;
      const text =
        progress === null ? 'asked for; nothing is archived at this moment' : progressText(progress);
      // A terminal that does not know its width says 0.
      output.raw(`\r${truncateText(text, (output.width() || 80) - 1)}\u001b[K`);
    },
    clear: () => {
      if (isShown) output.raw('\r\u001b[K');
    },
  };
}

export async function archiveCommand(
  this: CliContext,
  flags: GlobalFlags & { by?: string },
  id: string,
): Promise<void> {
  const { output, env } = this;
  const by = flags.by ?? (await defaultPerson(env));
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { archiveRun } = await import('../../run-control.js');
    const line = progressLine(output);
    const { run, problem } = await archiveRun(stack, id, { by, onProgress: line.show }).finally(line.clear);
    output.document(run);
    if (problem !== null) {
      this.setExitCode(1);
      output.note(`run ${plainText(id)} is not archived: ${plainText(problem)}`);
      return;
    }
    const { archive } = run;
    output.lines([
      archive === null
        ? `run ${plainText(id)} has no archive`
        : `${plainText(archive.path)}: ${formatByteSize(archive.bytes)}, ${archive.entries} entries, verified`,
    ]);
  });
}

export async function cancelCommand(this: CliContext, _flags: GlobalFlags, id: string): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { cancelArchive } = await import('../../run-control.js');
    const run = await cancelArchive(stack, id);
    output.document(run);
    const name = plainText(id);
    if (run.archiveState === 'cancelled') {
      output.lines([
        `the archive of run ${name} is given up; to make it after all: opsloop runs archive ${name}`,
      ]);
    } else if (run.archiveState === 'done') {
      output.lines([`run ${name} keeps the archive that it has: ${plainText(run.archive?.path ?? '')}`]);
    } else {
      output.note(`run ${name}: the request waits and is served when a worker runs`);
    }
  });
}
