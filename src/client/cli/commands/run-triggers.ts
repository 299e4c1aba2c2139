/** `opsloop runs triggers`. */
import { OpsError } from '../../../domain/errors.js';
import { requireContextConfig, type CliContext, type GlobalFlags } from '../context.js';

export async function triggersCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  const { applied, file } = await requireContextConfig(this);
  const { source } = applied.runs;
  if (source === null) {
    const example = 'runs: {source: {url: "${env:PIPELINE_DB}", runs: public.runs, steps: public.steps}}';
    const message =
      `runs.source: ${file} names no tables of another database, and opsloop's own have their triggers already. ` +
      `For example ${example}`;
    throw new OpsError('invalidInput', message, { field: 'runs.source' });
  }
  const { runTriggersSql } = await import('../../../domain/run-triggers.js');
  const sql = runTriggersSql(source);
  this.output.document({ sql });
  if (!this.output.isJson) this.output.raw(sql);
}
