/** The end of a deployment: its records, what people are told, and what was held back for its time. */
import { isCancellation, log } from '@temporalio/workflow';
import { deploymentAlert } from '../domain/deployment-alerts.js';
import { closePhases, endPhase } from '../domain/deployment-phases.js';
import type { DeploymentHook } from '../domain/deployment-settings.js';
import { deploymentActivities, deploymentFiles, deploymentSteps } from './activity-proxies.js';
import { asOutcome, messageOf } from './deployment-interruption.js';
import {
  begin,
  placeOf,
  recordChange,
  tellProgress,
  type DeploymentMemory,
  type DeploymentStage,
} from './deployment-memory.js';

export async function document(memory: DeploymentMemory): Promise<DeploymentStage> {
  // Without a number it never was: there is nothing to write down.
  if (memory.ref === null) {
    await recordChange(memory, { ...closePhases(memory.record), finishedAt: Date.now() });
    return 'end';
  }
  await begin(memory, 'document');
  const notes = memory.plan === null ? [] : await tidy(memory);
  const report = await writeRecords(memory);
  const now = Date.now();
  const done = endPhase(memory.record, 'document', { isGood: report !== null, note: notes.join('; '), now });
  await recordChange(memory, {
    ...closePhases({ ...memory.record, ...done }),
    finishedAt: now,
    report,
  });
  await tell(memory);
  return 'end';
}

/** What is left to do when it is decided; a failure is noted, and changes nothing of what was decided. */
async function tidy(memory: DeploymentMemory): Promise<string[]> {
  const { ref, host, plan } = placeOf(memory);
  const { state } = memory.record;
  const hook: DeploymentHook | null =
    state === 'succeeded' ? 'post-deploy' : state === 'rolledBack' ? 'post-rollback' : null;
  const steps = [
    ...(hook !== null && plan.hooks.includes(hook) ? [{ kind: 'hook', hook } as const] : []),
    ...(state === 'succeeded' ? [{ kind: 'settle' } as const] : []),
  ];
  const notes: string[] = [];
  for (const step of steps) {
    const name = step.kind === 'hook' ? step.hook : step.kind;
    tellProgress(memory, 'document', name);
    const outcome = await asOutcome(() =>
      deploymentSteps(host).takeDeploymentStep.executeWithOptions({ summary: name }, [
        { ref, versionAfter: plan.versionAfter, by: memory.request.by, step },
      ]),
    );
    if (!outcome.isGood) notes.push(`${name} failed: ${outcome.note}`);
  }
  return notes;
}

/** The path of the Markdown record; null when it could not be written. */
async function writeRecords(memory: DeploymentMemory): Promise<string | null> {
  const { record, host } = memory;
  if (host === null) return null;
  try {
    const now = Date.now();
    const whole = {
      ...record,
      ...closePhases({ ...record, ...endPhase(record, 'document', { isGood: true, note: '', now }) }),
      finishedAt: now,
    };
    const { report } = await deploymentFiles(host).documentDeployment.executeWithOptions(
      { summary: 'writes the records' },
      [{ record: whole }],
    );
    return report;
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('the records of the deployment could not be written', { error: messageOf(error) });
    return null;
  }
}

/** Each of these has to arrive: however long the other side is away, it is waited for. */
async function tell({ record }: DeploymentMemory): Promise<void> {
  const { state, environment, services } = record;
  const at = record.finishedAt ?? Date.now();
  if (state === 'succeeded' || state === 'rolledBack') {
    const event = state === 'succeeded' ? 'deployment_succeeded' : 'deployment_rolled_back';
    await deploymentActivities.tellDeployment.executeWithOptions({ summary: event }, [
      { alert: deploymentAlert(record, event, { at }) },
    ]);
  }
  if (state === 'succeeded')
    await deploymentActivities.reportDeployment.executeWithOptions(
      { summary: 'what failed before is over' },
      [{ record, kind: 'recover' }],
    );
  if (state === 'failed')
    await deploymentActivities.reportDeployment.executeWithOptions({ summary: 'deployment_failed' }, [
      { record, kind: 'open' },
    ]);
  // What was held back for the time of the deployment is told now, when it is still so.
  if (state !== 'refused' && services.length > 0)
    await deploymentActivities.askHeartbeat.executeWithOptions(
      { summary: `looks at ${services.join(', ')}`.slice(0, 200) },
      [{ environment, services }],
    );
}
