/** The way forward: each stage does its part and says which one is next. */
import type { DeploymentStep, Outcome } from '../activities/deployment-contract.js';
import { deploymentAlert } from '../domain/deployment-alerts.js';
import type { DeploymentHook } from '../domain/deployment-settings.js';
import type { DeploymentPhaseName } from '../domain/deployment.js';
import { formatDuration } from '../domain/duration.js';
import { deploymentActivities, deploymentLooks, deploymentSteps } from './activity-proxies.js';
import { asOutcome, unlessInterrupted } from './deployment-interruption.js';
import {
  begin,
  placeOf,
  recordChange,
  skip,
  succeed,
  tellProgress,
  type DeploymentMemory,
  type DeploymentStage,
} from './deployment-memory.js';
import { giveUp, isStopped, refuse, stopText } from './deployment-verdict.js';

export async function validate(memory: DeploymentMemory): Promise<DeploymentStage> {
  await begin(memory, 'validate');
  const { request, record } = memory;
  const begun = await asOutcome(() =>
    deploymentActivities.beginDeployment.executeWithOptions(
      { summary: `gives ${request.target} ${request.version} its number`.slice(0, 200) },
      [{ request, startedAt: record.startedAt }],
    ),
  );
  if ('isGood' in begun) return refuse(memory, 'validate', begun.note);
  if (begun.kind === 'refused') return refuse(memory, 'validate', begun.reason);
  const { ref, host } = begun;
  Object.assign(memory, { ref, host });
  await recordChange(memory, { number: ref.number });
  const planned = await unlessInterrupted(isStopped(memory), () =>
    asOutcome(() =>
      deploymentSteps(host).planDeployment.executeWithOptions(
        { summary: `looks what is live, and whether ${request.version} can be`.slice(0, 200) },
        [{ ref, request }],
      ),
    ),
  );
  if (planned === null) return refuse(memory, 'validate', stopText(memory));
  if ('isGood' in planned) return refuse(memory, 'validate', planned.note);
  if (planned.kind === 'refused') return refuse(memory, 'validate', planned.reason);
  const { plan } = planned;
  memory.plan = plan;
  const { via, services, versionBefore, versionAfter, changes } = plan;
  await succeed(memory, 'validate', `${versionBefore ?? 'nothing'} is live`, {
    ...{ via, services, versionBefore, versionAfter, changes },
  });
  return 'preCheck';
}

export async function preCheck(memory: DeploymentMemory): Promise<DeploymentStage> {
  await begin(memory, 'preCheck');
  const { ref, plan, host } = placeOf(memory);
  if (plan.hooks.includes('pre-connect')) {
    const hook = await step(memory, 'preCheck', { kind: 'hook', hook: 'pre-connect' });
    if (hook === null) return refuse(memory, 'preCheck', stopText(memory));
    if (!hook.isGood) return refuse(memory, 'preCheck', hook.note);
  }
  const outcome = await unlessInterrupted(isStopped(memory), () =>
    asOutcome(() =>
      deploymentSteps(host).checkDeployment.executeWithOptions(
        { summary: 'resource guard, open incidents, ports, disk, commands' },
        [{ ref, request: memory.request }],
      ),
    ),
  );
  if (outcome === null) return refuse(memory, 'preCheck', stopText(memory));
  if (!outcome.isGood) return refuse(memory, 'preCheck', outcome.note);
  await succeed(memory, 'preCheck', outcome.note);
  return 'approval';
}

export async function backup(memory: DeploymentMemory): Promise<DeploymentStage> {
  await begin(memory, 'backup');
  const { ref, host } = placeOf(memory);
  const outcome = await unlessInterrupted(isStopped(memory), () =>
    asOutcome(() =>
      deploymentSteps(host).backUpDeployment.executeWithOptions({ summary: 'puts aside what is replaced' }, [
        { ref },
      ]),
    ),
  );
  if (outcome === null) return refuse(memory, 'backup', stopText(memory));
  if (!outcome.isGood) return refuse(memory, 'backup', outcome.note);
  await succeed(memory, 'backup', outcome.note, {
    backups: 'backups' in outcome ? outcome.backups : [],
  });
  return 'deploy';
}

/** From its first step on, whatever fails is undone. */
export async function deploy(memory: DeploymentMemory): Promise<DeploymentStage> {
  await begin(memory, 'deploy');
  if (memory.stopped !== null) return refuse(memory, 'deploy', stopText(memory));
  const { plan } = placeOf(memory);
  const hook = (name: DeploymentHook): DeploymentStep[] =>
    plan.hooks.includes(name) ? [{ kind: 'hook', hook: name }] : [];
  const steps: DeploymentStep[] = [
    ...hook('pre-deploy'),
    { kind: 'prepare' },
    ...hook('pre-app-boot'),
    { kind: 'switch' },
    ...(plan.hasRestart ? [{ kind: 'restart' } as const] : []),
  ];
  for (const next of steps) {
    const outcome = await step(memory, 'deploy', next);
    if (outcome === null) return giveUp(memory, 'deploy', stopText(memory));
    if (!outcome.isGood) return giveUp(memory, 'deploy', outcome.note);
  }
  await succeed(memory, 'deploy', `${plan.versionAfter} is in its place`);
  return 'verify';
}

/** One step that a person may end; null: somebody did. */
function step(
  memory: DeploymentMemory,
  phase: DeploymentPhaseName,
  next: DeploymentStep,
): Promise<Outcome | null> {
  const { ref, host, plan } = placeOf(memory);
  const name = next.kind === 'hook' ? next.hook : next.kind;
  tellProgress(memory, phase, name);
  return unlessInterrupted(isStopped(memory), () =>
    asOutcome(() =>
      deploymentSteps(host).takeDeploymentStep.executeWithOptions({ summary: name }, [
        { ref, versionAfter: plan.versionAfter, by: memory.request.by, step: next },
      ]),
    ),
  );
}

export async function verify(memory: DeploymentMemory): Promise<DeploymentStage> {
  await begin(memory, 'verify');
  const { ref, host, plan } = placeOf(memory);
  const outcome = await unlessInterrupted(isStopped(memory), () =>
    asOutcome(() =>
      deploymentLooks(host).verifyDeployment.executeWithOptions(
        {
          summary: `${plan.services.join(', ')}: healthy within ${formatDuration(plan.verifyWithinMs)}`.slice(
            0,
            200,
          ),
        },
        [
          {
            ref,
            version: plan.versionAfter,
            services: plan.services,
            isReadyWanted: true,
            withinMs: plan.verifyWithinMs,
          },
        ],
      ),
    ),
  );
  if (outcome === null) return giveUp(memory, 'verify', stopText(memory));
  if (!outcome.isGood) return giveUp(memory, 'verify', outcome.note);
  if (plan.hooks.includes('post-app-boot')) {
    const hook = await step(memory, 'verify', { kind: 'hook', hook: 'post-app-boot' });
    if (hook === null) return giveUp(memory, 'verify', stopText(memory));
    if (!hook.isGood) return giveUp(memory, 'verify', hook.note);
  }
  await succeed(memory, 'verify', outcome.note);
  return 'watch';
}

/** Watches until the time is over, somebody decides, or something fails. A metric that tells nothing pauses it. */
export async function watch(memory: DeploymentMemory, isFull: () => boolean): Promise<DeploymentStage> {
  const { ref, host, plan } = placeOf(memory);
  if (plan.watchForMs === 0) {
    await skip(memory, 'watch', 'no time to watch is configured');
    return conclude(memory);
  }
  if (memory.watchUntil === null) {
    memory.watchUntil = Date.now() + plan.watchForMs;
    await begin(memory, 'watch');
  }
  const until = memory.paused === null ? memory.watchUntil : (memory.approveBy ?? memory.watchUntil);
  const isAnalysed = memory.paused === null;
  const isDecided = (): boolean => memory.stopped !== null || memory.promoted !== null;
  const outcome = await unlessInterrupted(
    () => isDecided() || isFull(),
    () =>
      deploymentLooks(host).watchDeployment.executeWithOptions(
        {
          summary: `watches ${plan.services.join(', ')} until ${new Date(until).toISOString()}`.slice(0, 200),
        },
        [{ ref, version: plan.versionAfter, until, isAnalysed }],
      ),
  );
  if (memory.record.state !== 'running') await recordChange(memory, { state: 'running', reason: null });
  if (memory.stopped !== null) return giveUp(memory, 'watch', stopText(memory));
  if (memory.promoted !== null) {
    await succeed(memory, 'watch', `promoted by ${memory.promoted.by}`);
    return conclude(memory);
  }
  if (outcome === null) return 'watch';
  switch (outcome.kind) {
    case 'failed':
      return giveUp(memory, 'watch', outcome.reason);
    case 'inconclusive':
      await pause(memory, outcome.reason);
      return 'watch';
    case 'passed':
      if (memory.paused !== null) return giveUp(memory, 'watch', `nobody answered in time: ${memory.paused}`);
      await succeed(memory, 'watch', outcome.note);
      return conclude(memory);
  }
}

/** How long a person is waited for where no approval is configured, ms. */
const usualAnswerMs = 24 * 3_600_000;

async function pause(memory: DeploymentMemory, reason: string): Promise<void> {
  const { target } = memory.record;
  const withinMs = placeOf(memory).plan.approval?.withinMs ?? usualAnswerMs;
  memory.paused = reason;
  memory.approveBy = Date.now() + withinMs;
  const ask = `${reason}; promote it or roll it back until ${new Date(memory.approveBy).toISOString()}`;
  await recordChange(memory, { state: 'waitingForApproval', reason: ask });
  tellProgress(memory, 'watch', `paused: ${ask}`);
  const advice = `opsloop deploy promote ${target}, or opsloop deploy rollback ${target}`;
  const alert = deploymentAlert(memory.record, 'deployment_approval', {
    at: Date.now(),
    mark: 'watch',
    advice,
  });
  await deploymentActivities.tellDeployment.executeWithOptions({ summary: 'asks about the watch' }, [
    { alert },
  ]);
}

/** It stays. What is done now undoes nothing any more. */
async function conclude(memory: DeploymentMemory): Promise<DeploymentStage> {
  const { plan } = placeOf(memory);
  await recordChange(memory, { state: 'succeeded', versionAfter: plan.versionAfter, reason: null });
  return 'document';
}
