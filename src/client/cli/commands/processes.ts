/** `opsloop worker` and `opsloop api`: one part of opsloop alone, against servers that exist. */
import { requireContextConfig, type CliContext, type GlobalFlags } from '../context.js';

export async function workerCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  const config = await requireContextConfig(this);
  // The worker is no part of the client: it is a program that this one becomes.
  const { runWorker } = await import('../../../workers/main.js');
  this.setExitCode(await runWorker({ config, env: this.env }));
}

export async function apiCommand(this: CliContext, _flags: GlobalFlags): Promise<void> {
  const config = await requireContextConfig(this);
  const { runApi } = await import('../../../web/main.js');
  this.setExitCode(await runApi({ config, env: this.env }));
}
