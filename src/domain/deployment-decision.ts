/** Which decision of a person a deployment takes, and when. */
import type { DeploymentRecord, DeploymentVerb } from './deployment.js';

export interface ApprovalRule {
  by: readonly string[];
  isStarterAllowed: boolean;
}

/** Why a decision cannot be taken now; null: it can. `approval`: null where nobody has to approve. */
export function problemOfDecision(
  record: DeploymentRecord,
  { verb, by }: { verb: DeploymentVerb; by: string },
  { approval, isReversible }: { approval: ApprovalRule | null; isReversible: boolean },
): string | null {
  const { target, phase, state } = record;
  if (record.finishedAt !== null || phase === 'document') return `the deployment of ${target} is over`;
  if (phase === 'rollBack' || phase === 'verifyRollBack')
    return `${target} is being rolled back to ${record.versionBefore ?? 'nothing'} already`;
  const isChanged = phase === 'deploy' || phase === 'verify' || phase === 'watch';
  switch (verb) {
    case 'approve':
      if (state !== 'waitingForApproval')
        return `nothing waits for an approval: ${target} is in phase ${phase}`;
      return problemOfApprover(by, record.startedBy, approval);
    case 'reject':
      if (state !== 'waitingForApproval')
        return `nothing waits for an approval: ${target} is in phase ${phase}; to end it: opsloop deploy abort ${target}`;
      return isChanged && !isReversible ? irreversible(target) : null;
    case 'promote':
      return phase === 'watch' ? null : `only a watch can be ended early: ${target} is in phase ${phase}`;
    case 'rollBack':
      if (!isChanged)
        return `nothing was changed yet: ${target} is in phase ${phase}; to end it: opsloop deploy abort ${target}`;
      return isReversible ? null : irreversible(target);
    case 'abort':
      return isChanged && !isReversible ? irreversible(target) : null;
  }
}

const irreversible = (target: string): string =>
  `${target} cannot be rolled back: its configuration says \`reversible: false\``;

function problemOfApprover(by: string, startedBy: string, approval: ApprovalRule | null): string | null {
  if (approval === null) return null;
  if (!approval.by.includes(by))
    return `"${by.slice(0, 100)}" may not approve it; these may: ${approval.by.join(', ')}`;
  if (by === startedBy && !approval.isStarterAllowed)
    return `${by} started it, so somebody else has to approve it: ${approval.by.filter((name) => name !== by).join(', ') || 'nobody else may; set approval.allowStarter: true'}`;
  return null;
}
