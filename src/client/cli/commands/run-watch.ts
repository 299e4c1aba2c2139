/** `opsloop runs watch`: runs, live; or one line per change where the output is no terminal. */
import { OpsError } from '../../../domain/errors.js';
import type { RunDetailDocument } from '../../../domain/documents.js';
import type { WatchedRun } from '../../run-watching.js';
import type { Stack } from '../../stack.js';
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import { lookRepeatedly, onScreen } from '../live-screen.js';
import { errorText, type Output } from '../output.js';
import { progressText, runColumns, runLines } from '../run-screen.js';
import { formatTable } from '../table.js';
import { plainText } from '../text-width.js';
import { localTime } from '../time-text.js';

const pollMs = 1_000;

/** One look: the runs, and the lines of a screen that shows them. */
interface Look {
  runs: WatchedRun[];
  screen: (output: Output) => string[];
  /** True: nothing more will happen by itself. */
  isSettled: boolean;
}

async function lookAtAll(stack: Stack): Promise<Look> {
  const { readWatchedRuns } = await import('../../run-watching.js');
  const runs = await readWatchedRuns(stack);
  return {
    runs,
    isSettled: false,
    screen: ({ style, width }) => [
      style('bold', `Runs of ${plainText(stack.environment)}`),
      '',
      ...(runs.length === 0 ? ['none goes on, and none has just ended'] : []),
      ...formatTable(runColumns(Date.now()), runs, { style, width: width() }),
      ...runs.flatMap(({ id, progress }) =>
        progress === null ? [] : ['', `${plainText(id)}: ${progressText(progress)}`],
      ),
    ],
  };
}

async function lookAtOne(stack: Stack, id: string): Promise<Look> {
  const [{ isSettled }, { showRun }] = await Promise.all([
    import('../../run-watching.js'),
    import('../../runs.js'),
  ]);
  const run: RunDetailDocument = await showRun(stack, id);
  return {
    runs: [run],
    isSettled: isSettled(run, Date.now()),
    screen: ({ style, width }) => runLines(run, { style, width: width(), now: Date.now() }),
  };
}

/** What a line of a change tells. */
function changeText(run: WatchedRun): string {
  const { id, state, steps, archiveState, problem, progress } = run;
  const parts = [
    `${plainText(id)}: ${state}, ${steps.succeeded} of ${steps.total} steps`,
    ...(steps.failed === 0 ? [] : [`${steps.failed} failed`]),
    ...(archiveState === 'none' ? [] : [`archive ${archiveState}`]),
    ...(progress === null ? [] : [progressText(progress)]),
    ...(problem === null ? [] : [plainText(problem)]),
  ];
  return parts.join(', ');
}

/** Writes what differs from the look before. */
function tellChanges(output: Output, look: Look, told: Map<string, string>): void {
  for (const run of look.runs) {
    const document = JSON.stringify(run);
    if (told.get(run.id) === document) continue;
    told.set(run.id, document);
    if (output.isJson) output.raw(`${document}\n`);
    output.lines([`${localTime(new Date().toISOString())} ${changeText(run)}`]);
  }
}

async function watchScreen({ output }: CliContext, read: () => Promise<Look>): Promise<Look | null> {
  let last: Look | null = null;
  await onScreen(output, (draw) =>
    lookRepeatedly({
      pollMs,
      read,
      show: async (look) => {
        if (!(look instanceof OpsError)) last = look;
        draw(last?.screen(output) ?? [], look instanceof OpsError ? look : null);
        return last?.isSettled ?? false;
      },
    }),
  );
  // What the alternate screen showed last would be gone otherwise.
  output.lines((last as Look | null)?.screen(output) ?? []);
  return last;
}

async function watchChanges({ output }: CliContext, read: () => Promise<Look>): Promise<Look | null> {
  const told = new Map<string, string>();
  let last: Look | null = null;
  let wasReachable = true;
  await lookRepeatedly({
    pollMs,
    read,
    show: async (look) => {
      if (look instanceof OpsError) {
        if (wasReachable) output.note(errorText(look));
        wasReachable = false;
        return false;
      }
      wasReachable = true;
      last = look;
      tellChanges(output, look, told);
      return look.isSettled;
    },
  });
  return last;
}

/** Of one run it ends by itself, with exit code 1 when that failed. */
export async function watchCommand(this: CliContext, _flags: GlobalFlags, id?: string): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const read = () => (id === undefined ? lookAtAll(stack) : lookAtOne(stack, id));
    const last = await (output.isTty && !output.isJson ? watchScreen(this, read) : watchChanges(this, read));
    if (id !== undefined && last?.runs[0]?.state === 'failed') this.setExitCode(1);
  });
}
