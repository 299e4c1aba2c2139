/** What live commands share: looking until it is time to leave, and drawing over what was there. */
import { OpsError } from '../../domain/errors.js';
import type { Output } from './output.js';
import { errorText } from './output.js';
import { plainText } from './text-width.js';
import { localTime } from './time-text.js';

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
async function pause(ended: Promise<void>, pollMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const passed = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, pollMs);
  });
  await Promise.race([passed, ended]);
  clearTimeout(timer);
}

export interface Looking<Reading> {
  pollMs: number;
  read: () => Promise<Reading>;
  /** Shows what was read, or why it could not be; true: there is nothing more to look at. */
  show: (reading: Reading | OpsError) => Promise<boolean>;
}

/** Looks until it is time to leave; a look that fails in a way that may pass is shown, and the next one tried. */
export async function lookRepeatedly<Reading>({ pollMs, read, show }: Looking<Reading>): Promise<void> {
  const end = waitForEnd();
  try {
    while (!end.isEnded()) {
      const reading = await read().catch((error: unknown) => {
        if (error instanceof OpsError && error.retryable) return error;
        throw error;
      });
      if (await show(reading)) return;
      await pause(end.ended, pollMs);
    }
  } finally {
    end.stop();
  }
}

/** Draws on the alternate screen for the time of `use`: what was in the terminal before comes back at the end. */
export async function onScreen(
  output: Output,
  use: (draw: (lines: readonly string[], problem: OpsError | null) => void) => Promise<void>,
): Promise<void> {
  output.raw('\u001b[?1049h\u001b[?25l');
  try {
    await use((screen, problem) => {
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
