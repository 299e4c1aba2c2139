/** `opsloop deploy status`, `list`, `plan`, and what people decide: `approve`, `reject`, `abort`, `rollback`, `promote`. */
import type { DeploymentVerb } from '../../../domain/deployment.js';
import { defaultPerson, withStack, type CliContext, type GlobalFlags } from '../context.js';
import { planLines } from '../deployment-plan-screen.js';
import { deploymentColumns, deploymentLines, nextStep } from '../deployment-screen.js';
import { deploymentFormat } from '../style.js';
import { formatTable } from '../table.js';
import { plainText } from '../text-width.js';

export async function listCommand(
  this: CliContext,
  { limit }: GlobalFlags & { limit: number },
  target?: string,
): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { listDeployments } = await import('../../deployments.js');
    const deployments = await listDeployments(stack, { target: target ?? null, limit });
    output.document(deployments);
    const options = { style: output.style, width: output.width() };
    const table = formatTable(deploymentColumns(Date.now()), deployments, options);
    const none = target === undefined ? 'no deployments yet' : `no deployments of ${plainText(target)} yet`;
    output.lines(deployments.length === 0 ? [none] : table);
  });
}

export async function statusCommand(
  this: CliContext,
  { number }: GlobalFlags & { number?: number },
  target: string,
): Promise<void> {
  const { output } = this;
  await withStack(this, { needsTemporal: false }, async (stack) => {
    const { showDeployment } = await import('../../deployments.js');
    const deployment = await showDeployment(stack, target, number ?? null);
    output.document(deployment);
    const options = { style: output.style, width: output.width(), now: Date.now() };
    output.lines(deploymentLines(deployment, options));
  });
}

export async function planCommand(
  this: CliContext,
  _flags: GlobalFlags,
  target: string,
  version: string,
): Promise<void> {
  const { output, env } = this;
  const { requireVersion } = await import('../../deployment-request.js');
  requireVersion(version);
  const by = await defaultPerson(env);
  await withStack(this, { needsTemporal: true }, async (stack) => {
    const { planDeployment } = await import('../../deployment-plan.js');
    const plan = await planDeployment(stack, { target, version, by });
    output.document(plan);
    output.lines(planLines(plan, { style: output.style }));
    if (!plan.isPossible) this.setExitCode(1);
  });
}

const done: Record<DeploymentVerb, string> = {
  approve: 'approved',
  reject: 'rejected',
  abort: 'aborted',
  rollBack: 'told to roll back',
  promote: 'promoted',
};

type DecisionFlags = GlobalFlags & { by?: string; note?: string };

const decide = (verb: DeploymentVerb) =>
  async function decideCommand(this: CliContext, flags: DecisionFlags, target: string): Promise<void> {
    const { output, env } = this;
    const { note } = flags;
    const by = flags.by ?? (await defaultPerson(env));
    await withStack(this, { needsTemporal: true }, async (stack) => {
      const { controlDeployment } = await import('../../deployment-control.js');
      const input = note === undefined ? { by } : { by, note };
      const deployment = await controlDeployment(stack, target, { verb, input });
      output.document(deployment);
      const { number, state, phase, versionRequested } = deployment;
      const next = nextStep(deployment);
      output.lines([
        `${plainText(target)}, deployment ${number} (${plainText(versionRequested)}): ${done[verb]}; ` +
          `it is ${output.style(deploymentFormat[state], state)} now, in phase ${phase}`,
        ...(next === '' ? [] : [`next: ${next}`]),
      ]);
    });
  };

export const approveCommand = decide('approve');
export const rejectCommand = decide('reject');
export const abortCommand = decide('abort');
export const rollBackCommand = decide('rollBack');
export const promoteCommand = decide('promote');
