/** `opsloop runs push`. */
import { OpsError } from '../../../domain/errors.js';
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import { plainText } from '../text-width.js';

export interface PushFlags extends GlobalFlags {
  readonly file?: string;
  readonly step?: string;
  readonly state?: string;
  readonly error?: string;
}

/** Everything is kept in memory while it is checked. */
const mostBytes = 64 * 1024 * 1024;

export async function pushCommand(this: CliContext, flags: PushFlags, run: string): Promise<void> {
  checkFlags(flags, run);
  const text = flags.file === undefined ? eventText(flags) : await readEvents(flags.file, this.directory);
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

async function readEvents(file: string, directory: string): Promise<string> {
  if (file === '-') return readStandardInput();
  const { readFile, stat } = await import('node:fs/promises');
  const { resolve } = await import('node:path');
  const path = resolve(directory, file);
  try {
    if ((await stat(path)).size > mostBytes) return refuse('file', `${file} is larger than 64 MiB`);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof OpsError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return refuse('file', `${file} cannot be read: ${reason}`);
  }
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const part = Buffer.from(chunk as Uint8Array);
    bytes += part.length;
    if (bytes > mostBytes) refuse('file', 'standard input is larger than 64 MiB');
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString();
}
