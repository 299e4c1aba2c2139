/** One deployment: forward phase by phase, or back to what was live before. One at a time per target: its workflow id is the lock. */
import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  log,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { problemOfDecision } from '../domain/deployment-decision.js';
import { readDeploymentDecision, readDeploymentRequest } from '../domain/deployment-input.js';
import {
  deploymentVerbs,
  type DeploymentRecord,
  type DeploymentRequest,
  type DeploymentVerb,
} from '../domain/deployment.js';
import type { DeploymentPlanDocument } from '../domain/documents.js';
import { deploymentId } from '../domain/ids.js';
import { deploymentActivities, deploymentSteps } from './activity-proxies.js';
import { rollBack } from './deployment-back.js';
import { document } from './deployment-end.js';
import { approval } from './deployment-approval.js';
import { backup, deploy, preCheck, validate, verify, watch } from './deployment-forward.js';
import {
  newDeploymentMemory,
  showDeployment,
  type DeploymentMemory,
  type DeploymentStage,
} from './deployment-memory.js';
import { ignoreOtherSignals, refuse } from './loop-control.js';
import { continueLoop, shouldContinueAsNew, type LoopLimits } from './loop-limits.js';
import { deploymentSignals, deploymentStateQuery, deploymentUpdates } from './signals.js';

export interface DeploymentInput extends DeploymentRequest {
  limits?: LoopLimits;
  /** What the run before handed over. */
  memory?: DeploymentMemory;
}

const stages: Record<
  Exclude<DeploymentStage, 'end'>,
  (memory: DeploymentMemory, isFull: () => boolean) => Promise<DeploymentStage>
> = { validate, preCheck, approval, backup, deploy, verify, watch, rollBack, document };

/** Gives the record as it is at the end, or the plan when only that was asked for. */
export async function deployment(input: DeploymentInput): Promise<DeploymentRecord | DeploymentPlanDocument> {
  const { limits, memory: handedOver, ...asked } = input ?? {};
  const read = readDeploymentRequest(asked);
  if (!read.ok) throw ApplicationFailure.nonRetryable(`deployment: ${read.problem}`, 'invalidInput');
  if (read.value.isDryRun) return plan(read.value);
  requireLock(read.value);
  const memory = handedOver ?? newDeploymentMemory(read.value, workflowInfo().startTime.getTime());
  memory.signals = 0;
  listen(memory);
  // Whoever cancels the workflow wants what `abort` does; a deployment is never left half-way.
  CancellationScope.current().cancelRequested.catch(() =>
    decide(memory, 'abort', { by: 'somebody who cancelled its workflow', note: null }),
  );
  return CancellationScope.nonCancellable(async () => {
    showDeployment(memory.record);
    const isFull = (): boolean => shouldContinueAsNew(limits, memory.signals);
    while (memory.next !== 'end') {
      memory.next = await stages[memory.next](memory, isFull);
      if (memory.next !== 'end' && isFull()) {
        await condition(allHandlersFinished);
        await continueLoop<typeof deployment>({ ...input, memory });
      }
    }
    await condition(allHandlersFinished);
    return memory.record;
  });
}

/** The id is the lock: under another one a second deployment of the same target could go on beside this one. */
function requireLock({ environment, target }: DeploymentRequest): void {
  const id = deploymentId(environment, target);
  if (workflowInfo().workflowId !== id)
    throw ApplicationFailure.nonRetryable(`deployment: the workflow id has to be ${id}`, 'invalidInput');
}

async function plan(request: DeploymentRequest): Promise<DeploymentPlanDocument> {
  const startedAt = workflowInfo().startTime.getTime();
  const begun = await deploymentActivities.beginDeployment({ request, startedAt });
  if (begun.kind === 'refused') throw ApplicationFailure.nonRetryable(begun.reason, 'notFound');
  return deploymentSteps(begun.host).describePlan({ ref: begun.ref, request });
}

function listen(memory: DeploymentMemory): void {
  setHandler(deploymentStateQuery, () => memory.record);
  for (const verb of deploymentVerbs) {
    const readDecision = (input: unknown) => readDeploymentDecision(verb, input);
    setHandler(deploymentSignals[verb], (input?: unknown) => {
      memory.signals += 1;
      const read = readDecision(input);
      const problem = read.ok ? decide(memory, verb, read.value) : read.problem;
      if (problem !== null) log.warn(`signal ${verb} ignored: ${problem}`);
    });
    setHandler(
      deploymentUpdates[verb],
      (input?: unknown) => {
        const read = readDecision(input);
        const problem = read.ok ? decide(memory, verb, read.value) : read.problem;
        if (problem !== null) throw ApplicationFailure.nonRetryable(problem, 'conflict');
        return memory.record;
      },
      { validator: refuse(readDecision) },
    );
  }
  ignoreOtherSignals();
}

/** Takes a decision; gives why not. The same one a second time changes nothing. */
function decide(
  memory: DeploymentMemory,
  verb: DeploymentVerb,
  { by, note }: { by: string; note: string | null },
): string | null {
  const { plan: known, record } = memory;
  const taken = memory.stopped ?? (verb === 'promote' || verb === 'approve' ? memory.promoted : null);
  if (taken !== null) return taken.verb === verb ? null : `${taken.by} has decided already: ${taken.verb}`;
  if (verb === 'approve' && memory.approved !== null && record.phase === 'approval') return null;
  const rules = { approval: known?.approval ?? null, isReversible: known?.isReversible ?? true };
  const problem = problemOfDecision(record, { verb, by }, rules);
  if (problem !== null) return problem;
  const decision = { verb, by, note, at: Date.now() };
  // Whoever asks next sees that it goes on; the stage writes it down.
  const answered = record.state === 'waitingForApproval' ? { state: 'running' as const, reason: null } : {};
  memory.record = { ...record, ...answered, decisions: [...record.decisions, decision] };
  if (verb === 'approve' && record.phase === 'approval') memory.approved = decision;
  else if (verb === 'approve' || verb === 'promote') memory.promoted = decision;
  else memory.stopped = decision;
  return null;
}
