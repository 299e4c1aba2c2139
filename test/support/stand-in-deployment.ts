/** Workflow code that stands in for a deployment: it takes decisions, and is over when one ends it. For tests of the client. */
import {
  ApplicationFailure,
  condition,
  setHandler,
  defineQuery,
  defineUpdate,
  workflowInfo,
} from '@temporalio/workflow';
import { readDeploymentDecision, readDeploymentRequest } from '../../src/domain/deployment-input.js';
import {
  deploymentPhases,
  deploymentVerbs,
  type DeploymentRecord,
  type DeploymentState,
  type DeploymentVerb,
} from '../../src/domain/deployment.js';
import type { DeploymentPlanDocument } from '../../src/domain/documents.js';

const endOf: Partial<Record<DeploymentVerb, DeploymentState>> = {
  reject: 'refused',
  abort: 'rolledBack',
  rollBack: 'rolledBack',
  promote: 'succeeded',
};

function refuse(verb: DeploymentVerb, input: unknown, record: DeploymentRecord): void {
  const read = readDeploymentDecision(verb, input);
  if (!read.ok) throw ApplicationFailure.nonRetryable(read.problem, 'invalidInput');
  if (verb !== 'approve') return;
  if (record.state !== 'waitingForApproval')
    throw ApplicationFailure.nonRetryable('it does not wait for approval', 'refused');
  if (read.value.by !== 'alice')
    throw ApplicationFailure.nonRetryable(`${read.value.by} may not approve; alice may`, 'conflict');
}

/** Versions say what happens: `approval…` waits for one, `broken…` fails as a workflow, others are watched until a decision. */
export async function deployment(input: unknown): Promise<DeploymentRecord | DeploymentPlanDocument> {
  const read = readDeploymentRequest(input);
  if (!read.ok) throw ApplicationFailure.nonRetryable(read.problem, 'invalidInput');
  const { environment, target, version, by, force, isDryRun } = read.value;
  if (version.startsWith('broken')) throw ApplicationFailure.nonRetryable('the way is broken', 'broken');
  if (isDryRun) return planOf(target, version);
  const startedAt = workflowInfo().startTime.getTime();
  const isApprovalNeeded = version.startsWith('approval');
  const record: DeploymentRecord = {
    environment,
    target,
    number: 1,
    state: isApprovalNeeded ? 'waitingForApproval' : 'running',
    phase: isApprovalNeeded ? 'approval' : 'watch',
    phases: deploymentPhases.map((name) => ({
      name,
      state: 'pending',
      startedAt: null,
      finishedAt: null,
      note: '',
    })),
    versionRequested: version,
    versionBefore: 'v1',
    versionAfter: version,
    startedBy: by,
    startedAt,
    finishedAt: null,
    via: 'directory',
    services: ['api'],
    reason: null,
    force,
    changes: [],
    backups: [],
    decisions: [],
    leftBehind: [],
    report: null,
    revision: 1,
  };
  setHandler(defineQuery<DeploymentRecord>('state'), () => record);
  for (const verb of deploymentVerbs)
    setHandler(
      defineUpdate<DeploymentRecord, [unknown]>(verb),
      (decision) => decide(record, verb, decision),
      { validator: (decision) => refuse(verb, decision, record) },
    );
  await condition(() => record.finishedAt !== null);
  return record;
}

function decide(record: DeploymentRecord, verb: DeploymentVerb, input: unknown): DeploymentRecord {
  const read = readDeploymentDecision(verb, input);
  if (!read.ok) return record;
  record.decisions.push({ verb, ...read.value, at: Date.now() });
  record.revision += 1;
  const end = endOf[verb];
  if (end === undefined) Object.assign(record, { state: 'running', phase: 'watch' });
  else
    Object.assign(record, { state: end, phase: 'document', finishedAt: Date.now(), reason: read.value.note });
  return record;
}

const planOf = (target: string, version: string): DeploymentPlanDocument => ({
  target,
  versionRequested: version,
  versionBefore: 'v1',
  versionAfter: version,
  via: 'directory',
  services: ['api'],
  isPossible: version !== 'missing',
  reason: version === 'missing' ? 'there is no release missing' : null,
  steps: ['point current to it'],
  changes: [],
  checks: [],
});
