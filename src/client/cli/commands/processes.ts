/** `opsloop worker` and `opsloop api`: one part of opsloop alone, against servers that exist. */
import { requireContextConfig, usableContextConfig, type CliContext, type GlobalFlags } from '../context.js';

export async function workerCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  // A worker that `up` starts again must come up, whatever is being typed into the file meanwhile.
  const config = process.connected ? await usableContextConfig(this) : await requireContextConfig(this);
  // The worker is no part of the client: it is a program that this one becomes.
  const { runWorker } = await import('../../../workers/main.js');
  const reapply = (): void => void applyAgain(this);
  process.on('SIGHUP', reapply);
  try {
    this.setExitCode(await runWorker({ config, env: this.env }));
  } finally {
    process.off('SIGHUP', reapply);
  }
}

/** SIGHUP: the file is read and applied again; a wrong one changes nothing, and the worker goes on. */
async function applyAgain(context: CliContext): Promise<void> {
  try {
    const config = await requireContextConfig(context);
    const { applyToStack } = await import('../../apply-to-stack.js');
    const { plan } = await applyToStack({ config, env: context.env, by: 'SIGHUP', isDryRun: false });
    process.stderr.write(`SIGHUP: ${config.file} is in force as revision ${plan.revision}\n`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`SIGHUP: nothing changed: ${message}\n`);
  }
}

export async function apiCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  const config = await requireContextConfig(this);
  const { runApi } = await import('../../../web/main.js');
  this.setExitCode(await runApi({ config, env: this.env }));
}
