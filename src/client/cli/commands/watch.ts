/** `opsloop watch`: the status screen, live; or one line per change where the output is no terminal. */
import { OpsError } from '../../../domain/errors.js';
import type { StatusReading } from '../../status-view.js';
import type { Stack } from '../../stack.js';
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import { errorText } from '../output.js';
import { statusScreen } from '../status-screen.js';
import { plainText } from '../text-width.js';
import { localTime } from '../time-text.js';

const pollMs = 2_000;

/** Resolves when the person wants to leave: q, Ctrl-C, SIGTERM. `stop` takes the listeners away again. */
function waitForEnd(): { ended: Promise<void>; isEnded: () => boolean; stop: () => void } {
  const { stdin } = process;
  let hasEnded = false;
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = () => {
      hasEnded = true;
      resolve();
    };
  });
  const onKey = (key: Buffer): void => {
    // 3 is Ctrl-C in raw mode.
    if (key.toString() === 'q' || key[0] === 3) end();
  };
  process.once('SIGINT', end).once('SIGTERM', end);
  if (stdin.isTTY) stdin.setRawMode(true).on('data', onKey).resume();
  const stop = (): void => {
    process.off('SIGINT', end).off('SIGTERM', end);
    if (stdin.isTTY) stdin.setRawMode(false).off('data', onKey).pause();
  };
  return { ended, isEnded: () => hasEnded, stop };
}

/** Waits for the next look, or less when it is time to leave. */
async function pause(ended: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, pollMs);
  });
  await Promise.race([passed, ended]);
  clearTimeout(timer);
}

/** Looks until it is time to leave; a look that fails is shown, and the next one tried. */
async function lookRepeatedly(
  stack: Stack,
  show: (reading: StatusReading | OpsError) => Promise<void>,
): Promise<void> {
  const { readStatusView } = await import('../../status-view.js');
  const end = waitForEnd();
  try {
    while (!end.isEnded()) {
      const reading = await readStatusView(stack).catch((error: unknown) => {
        if (error instanceof OpsError && error.retryable) return error;
        throw error;
      });
      await show(reading);
      await pause(end.ended);
    }
  } finally {
    end.stop();
  }
}

async function watchScreen({ output }: CliContext, stack: Stack): Promise<void> {
  const { webUiOf } = await import('../../status-view.js');
  const webUi = await webUiOf(stack);
  let last: StatusReading | null = null;
  // The alternate screen: what was in the terminal before comes back at the end.
  output.raw('\u001b[?1049h\u001b[?25l');
  try {
    await lookRepeatedly(stack, async (reading) => {
      const problem = reading instanceof OpsError ? reading : null;
      if (!(reading instanceof OpsError)) last = reading;
      const options = { style: output.style, width: output.width(), now: Date.now() };
      const screen =
        last === null ? [] : statusScreen({ ...last, webUi, api: stack.endpoints.apiUrl }, options);
      const foot =
        problem === null ? `${localTime(new Date().toISOString())}  q ends` : plainText(errorText(problem));
      const rows = (process.stdout.rows ?? 24) - 2;
      const lines = [...screen.slice(0, rows), '', output.style(problem === null ? 'dim' : 'red', foot)];
      // Each line clears what is left of the old one; the end clears what is below: no flicker.
      output.raw(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\n')}\u001b[J`);
    });
  } finally {
    output.raw('\u001b[?25h\u001b[?1049l');
  }
}

async function watchChanges({ output }: CliContext, stack: Stack): Promise<void> {
  const { changesBetween } = await import('../../changes.js');
  let last: StatusReading | null = null;
  let wasReachable = true;
  await lookRepeatedly(stack, async (reading) => {
    if (reading instanceof OpsError) {
      if (wasReachable) output.note(errorText(reading));
      wasReachable = false;
      return;
    }
    wasReachable = true;
    for (const change of changesBetween(last, reading, new Date().toISOString())) {
      if (output.isJson) output.raw(`${JSON.stringify(change)}\n`);
      const { at, kind, name, from, to, reason } = change;
      const states = from === null ? to : `${from} -> ${to}`;
      output.lines([
        `${localTime(at)} ${kind} ${plainText(name)}: ${states}${reason === '' ? '' : ` (${plainText(reason)})`}`,
      ]);
    }
    last = reading;
  });
}

export async function watchCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  await withStack(this, { needsTemporal: true }, (stack) =>
    this.output.isTty && !this.output.isJson ? watchScreen(this, stack) : watchChanges(this, stack),
  );
}
