/** `opsloop watch`: the status screen, live; or one line per change where the output is no terminal. */
import { OpsError } from '../../../domain/errors.js';
import type { StatusReading } from '../../status-view.js';
import type { Stack } from '../../stack.js';
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import { lookRepeatedly, onScreen } from '../live-screen.js';
import { errorText } from '../output.js';
import { statusScreen } from '../status-screen.js';
import { plainText } from '../text-width.js';
import { localTime } from '../time-text.js';

const pollMs = 2_000;

async function watchScreen({ output }: CliContext, stack: Stack): Promise<void> {
  const { readStatusView, webUiOf } = await import('../../status-view.js');
  const webUi = await webUiOf(stack);
  let last: StatusReading | null = null;
  await onScreen(output, (draw) =>
    lookRepeatedly({
      pollMs,
      read: () => readStatusView(stack),
      show: async (reading) => {
        const problem = reading instanceof OpsError ? reading : null;
        if (!(reading instanceof OpsError)) last = reading;
        const options = { style: output.style, width: output.width(), now: Date.now() };
        draw(
          last === null ? [] : statusScreen({ ...last, webUi, api: stack.endpoints.apiUrl }, options),
          problem,
        );
        return false;
      },
    }),
  );
}

async function watchChanges({ output }: CliContext, stack: Stack): Promise<void> {
  const [{ changesBetween }, { readStatusView }] = await Promise.all([
    import('../../changes.js'),
    import('../../status-view.js'),
  ]);
  let last: StatusReading | null = null;
  let wasReachable = true;
  await lookRepeatedly({
    pollMs,
    read: () => readStatusView(stack),
    show: async (reading) => {
      if (reading instanceof OpsError) {
        if (wasReachable) output.note(errorText(reading));
        wasReachable = false;
        return false;
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
      return false;
    },
  });
}

export async function watchCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  await withStack(this, { needsTemporal: true }, (stack) =>
    this.output.isTty && !this.output.isJson ? watchScreen(this, stack) : watchChanges(this, stack),
  );
}
