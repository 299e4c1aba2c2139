/** `opsloop guard push`. */
import { OpsError } from '../../../domain/errors.js';
import { withStack, type CliContext, type GlobalFlags } from '../context.js';
import { readInputFile } from '../input-file.js';
import { plainText } from '../text-width.js';

export interface PushFlags extends GlobalFlags {
  readonly file?: string;
}

/** As much as the API takes. */
const most = { bytes: 1024 * 1024, text: '1 MiB' };

export async function pushCommand(this: CliContext, { file }: PushFlags): Promise<void> {
  if (file === undefined)
    throw new OpsError(
      'invalidInput',
      '--file: missing; say opsloop guard push --file ALERT.json, or --file - for standard input',
      { field: 'file' },
    );
  const text = await readInputFile(file, this.directory, most);
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { pushGuardAlert } = await import('../../guard.js');
    const taken = await pushGuardAlert(stack, text);
    this.output.document(taken);
    const what = taken.metric === null ? taken.service : `${taken.service} ${taken.metric}`;
    this.output.lines([
      `${plainText(what)}: ${taken.level === null ? 'resolved' : `${taken.level} until ${taken.expiresAt}`}`,
    ]);
  });
}
