/** How a stage ends when it does not go on: nothing was changed, or what was changed is undone. */
import type { DeploymentPhaseName } from '../domain/deployment.js';
import { fail, recordChange, type DeploymentMemory, type DeploymentStage } from './deployment-memory.js';

export const isStopped = (memory: DeploymentMemory) => (): boolean => memory.stopped !== null;

/** Who ended it and why, for the phase in which that happened. */
export const stopText = ({ stopped }: DeploymentMemory): string => {
  if (stopped === null) return '';
  const words = { abort: 'aborted', reject: 'rejected', rollBack: 'rolled back', approve: '', promote: '' };
  return `${words[stopped.verb]} by ${stopped.by}${stopped.note === null ? '' : `: ${stopped.note}`}`;
};

/** Nothing was changed: that is how it ends. */
export async function refuse(
  memory: DeploymentMemory,
  phase: DeploymentPhaseName,
  reason: string,
): Promise<DeploymentStage> {
  await fail(memory, phase, reason);
  await recordChange(memory, { state: 'refused', versionAfter: memory.record.versionBefore });
  return 'document';
}

/** Something was changed, or may have been. */
export async function giveUp(
  memory: DeploymentMemory,
  phase: DeploymentPhaseName,
  reason: string,
): Promise<DeploymentStage> {
  await fail(memory, phase, reason);
  return 'rollBack';
}
