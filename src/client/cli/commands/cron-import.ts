/** `opsloop cron import`: the `jobs` section for a crontab. */
import { jobsYaml, readCrontab } from '../../../domain/crontab.js';
import { readInputFile } from '../input-file.js';
import type { CliContext, GlobalFlags } from '../context.js';

const most = { bytes: 1024 * 1024, text: '1 MiB' };

export async function importCommand(
  this: CliContext,
  { userColumn }: GlobalFlags & { userColumn?: boolean },
  file = '-',
): Promise<void> {
  const { output } = this;
  const text = await readInputFile(file, this.directory, most);
  const reading = readCrontab(text, { hasUser: userColumn ?? false });
  output.document(reading);
  output.lines(jobsYaml(reading).trimEnd().split('\n'));
  for (const note of reading.notes) output.note(note);
}
