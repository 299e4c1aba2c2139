/** The approval: one of the people who may says yes, in time. */
import { condition } from '@temporalio/workflow';
import { deploymentAlert } from '../domain/deployment-alerts.js';
import { formatDuration } from '../domain/duration.js';
import { deploymentActivities } from './activity-proxies.js';
import {
  begin,
  placeOf,
  recordChange,
  skip,
  succeed,
  type DeploymentMemory,
  type DeploymentStage,
} from './deployment-memory.js';
import { refuse, stopText } from './deployment-verdict.js';

/** Waits for one of the people who may; a reminder on the way, and no longer than the deadline. */
export async function approval(memory: DeploymentMemory, isFull: () => boolean): Promise<DeploymentStage> {
  const { approval: rule } = placeOf(memory).plan;
  if (rule === null) {
    await skip(memory, 'approval', 'it can be rolled back, so nobody has to approve');
    return 'backup';
  }
  if (memory.approveBy === null) {
    memory.approveBy = Date.now() + rule.withinMs;
    const who = rule.by.join(', ');
    await begin(memory, 'approval', {
      state: 'waitingForApproval',
      reason: `waits for an approval by ${who}, until ${new Date(memory.approveBy).toISOString()}`,
    });
    await askForApproval(memory, '');
  }
  const { approveBy } = memory;
  const remindAt = approveBy - rule.withinMs + rule.remindAfterMs;
  const isAnswered = (): boolean => memory.approved !== null || memory.stopped !== null;
  const isCalled = (): boolean => isAnswered() || isFull();
  if (!memory.isReminded && !(await isCalledBy(memory, isCalled, Math.min(remindAt, approveBy)))) {
    memory.isReminded = true;
    if (Date.now() < approveBy) await askForApproval(memory, 'reminder');
  }
  await isCalledBy(memory, isCalled, approveBy);
  const { approved, stopped } = memory;
  if (!isAnswered() && Date.now() < approveBy) return 'approval';
  await recordChange(memory, { state: 'running', reason: null });
  if (stopped !== null) return refuse(memory, 'approval', stopText(memory));
  if (approved === null)
    return refuse(memory, 'approval', `nobody approved it within ${formatDuration(rule.withinMs)}`);
  await succeed(
    memory,
    'approval',
    `approved by ${approved.by}${approved.note === null ? '' : `: ${approved.note}`}`,
  );
  return 'backup';
}

/** True when it was called by then. An answer that comes with the deadline counts. */
async function isCalledBy(
  { record }: DeploymentMemory,
  isCalled: () => boolean,
  until: number,
): Promise<boolean> {
  const leftMs = until - Date.now();
  if (isCalled()) return true;
  if (leftMs <= 0) return false;
  await condition(isCalled, leftMs, { summary: (record.reason ?? 'waits for an answer').slice(0, 200) });
  return isCalled();
}

async function askForApproval({ record }: DeploymentMemory, mark: string): Promise<void> {
  const { target } = record;
  const advice = `opsloop deploy approve ${target} --by NAME, or opsloop deploy reject ${target}`;
  const alert = deploymentAlert(record, 'deployment_approval', { at: Date.now(), mark, advice });
  await deploymentActivities.tellDeployment.executeWithOptions(
    { summary: mark === '' ? 'asks for an approval' : 'reminds of the approval' },
    [{ alert }],
  );
}
