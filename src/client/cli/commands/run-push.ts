/** `opsloop runs push`. */
import { OpsError } from '../../../domain/errors.js';
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import { readInputFile } from '../input-file.js';
import { plainText } from '../text-width.js';

export interface PushFlags extends GlobalFlags {
  readonly file?: string;
  readonly step?: string;
  readonly state?: string;
  readonly error?: string;
}

/** Everything is kept in memory while it is checked. */
const most = { bytes: 64 * 1024 * 1024, text: '64 MiB' };

export async function pushCommand(this: CliContext, flags: PushFlags, run: string): Promise<void> {
  checkFlags(flags, run);
  const text =
    flags.file === undefined ? eventText(flags) : await readInputFile(flags.file, this.directory, most);
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { pushRunEvents } = await import('../../run-push.js');
    const { taken } = await pushRunEvents(stack, run, text);
    this.output.document({ run, taken });
    this.output.lines([`${plainText(run)}: ${taken} event${taken === 1 ? '' : 's'} taken`]);
  });
}

function refuse(field: string, message: string): never {
  throw new OpsError('invalidInput', `--${field}: ${message}`, { field });
}

function checkFlags({ file, step, state, error }: PushFlags, run: string): void {
  const example = `opsloop runs push ${/^[\w.-]+$/.test(run) ? run : 'RUN'}`;
  if (file !== undefined) {
    const [other] = Object.entries({ step, state, error }).find(([, value]) => value !== undefined) ?? [];
    if (other !== undefined)
      refuse(other, `not together with --file; say either ${example} --file EVENTS.jsonl`);
    return;
  }
  if (step !== undefined && state === undefined)
    refuse('state', `missing; for example ${example} --step build --state succeeded`);
  if (error !== undefined && step === undefined)
    refuse('error', `is of a step; for example ${example} --step build --state failed --error "disk full"`);
  if (state === undefined)
    refuse('file', `missing; say ${example} --file EVENTS.jsonl, or --step build --state succeeded`);
}

const eventText = ({ step, state, error }: PushFlags): string => JSON.stringify({ step, state, error });
