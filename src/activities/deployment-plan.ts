/** What a deployment would do: the version that is live, the one that shall be, and the way between them. */
import type { DeploymentHook, DeploymentSettings } from '../domain/deployment-settings.js';
import type { DeploymentRef, DeploymentRequest } from '../domain/deployment.js';
import type { DeploymentPlanDocument } from '../domain/documents.js';
import { formatDuration } from '../domain/duration.js';
import { OpsError } from '../domain/errors.js';
import { lookBefore } from './deployment-checks.js';
import type { DeploymentHostActivities, DeploymentPlan } from './deployment-contract.js';
import type { DeploymentHostDependencies } from './deployment-dependencies.js';
import { lookContextOf, placeOf } from './deployment-place.js';
import { proveService } from './service-proof.js';

export interface Asked {
  ref: DeploymentRef;
  request: DeploymentRequest;
  signal: AbortSignal;
}

export async function planDeployment(
  deps: DeploymentHostDependencies,
  { ref, request, signal }: Asked,
): ReturnType<DeploymentHostActivities['planDeployment']> {
  const place = await placeOf(deps, ref);
  const { settings, driver, services } = place;
  const context = lookContextOf(place, signal);
  try {
    await refuseDatabases(deps, settings);
    const before = await driver.current(context);
    const { versionAfter, changes } = await driver.plan(request.version, before, context);
    const { isReady } = await driver.describe(context);
    const proofs = await Promise.all(services.map((service) => proveService(deps, service)));
    const plan: DeploymentPlan = {
      via: settings.via.kind,
      services: settings.services,
      healthyBefore: services.filter((_, index) => proofs[index]?.isHealthy === true).map(({ name }) => name),
      versionBefore: before.version,
      isReadyBefore: isReady !== false,
      versionAfter,
      changes: changes.map(deps.scrub),
      isReversible: settings.reversible,
      approval: approvalOf(settings),
      hooks: Object.keys(settings.hooks) as DeploymentHook[],
      hasRestart: settings.restart !== null,
      restoredDatabases: settings.backup.databases
        .filter(({ isRestored }) => isRestored)
        .map(({ name }) => name),
      verifyWithinMs: settings.verifyWithinMs,
      watchForMs: settings.watchForMs,
      rollBack: settings.rollBack,
    };
    return { kind: 'plan', plan };
  } catch (error) {
    if (signal.aborted) throw error;
    // What cannot be seen now is not deployed: whoever started it hears why at once, and may start it again.
    return { kind: 'refused', reason: deps.scrub(error instanceof Error ? error.message : String(error)) };
  }
}

/** Later, when it would have to be put back, would be too late to say so. */
async function refuseDatabases(
  deps: DeploymentHostDependencies,
  { backup }: DeploymentSettings,
): Promise<void> {
  for (const { name, url, isRestored } of backup.databases) {
    const obstacle = await deps.databaseObstacle({ name, url: await deps.resolve(url), isRestored });
    if (obstacle !== null) throw new OpsError('invalidInput', obstacle, { field: 'backup.database' });
  }
}

/** Null: nobody has to approve. Without a way back somebody has to; with one only where that is configured. */
const approvalOf = ({ approval, reversible }: DeploymentSettings): DeploymentPlan['approval'] => {
  if (approval === null || (reversible && !approval.isAlways)) return null;
  const { by, withinMs, remindAfterMs, isStarterAllowed } = approval;
  return { by, withinMs, remindAfterMs, isStarterAllowed };
};

export async function describePlan(
  deps: DeploymentHostDependencies,
  { ref, request, signal }: Asked,
): Promise<DeploymentPlanDocument> {
  const place = await placeOf(deps, ref);
  const { settings, driver } = place;
  const context = lookContextOf(place, signal);
  const common = { target: ref.target, versionRequested: request.version, via: settings.via.kind };
  const { services } = settings;
  let versionBefore: string | null = null;
  try {
    await refuseDatabases(deps, settings);
    const before = await driver.current(context);
    versionBefore = before.version;
    const { versionAfter, changes, steps } = await driver.plan(request.version, before, context);
    const checks = await lookBefore(deps, place, request);
    const bad = checks.find(({ isGood }) => !isGood);
    return {
      ...common,
      services,
      versionBefore,
      versionAfter,
      isPossible: bad === undefined,
      reason: bad?.note ?? null,
      steps: stepsOf(settings, steps).map(deps.scrub),
      changes: changes.map(deps.scrub),
      checks,
    };
  } catch (error) {
    if (!(error instanceof OpsError) || signal.aborted) throw error;
    const reason = deps.scrub(error.message);
    const nothing = { versionAfter: null, steps: [], changes: [], checks: [] };
    return { ...common, services, versionBefore, isPossible: false, reason, ...nothing };
  }
}

/** What would be done, one line each; vectors as they are written, without their secrets. */
function stepsOf(settings: DeploymentSettings, waySteps: readonly string[]): string[] {
  const { preChecks, hooks, backup, restart, services, verifyWithinMs, watchForMs, analysis } = settings;
  const rule = approvalOf(settings);
  const hook = (name: DeploymentHook): string[] =>
    (hooks[name] ?? []).map((command) => `hook ${name}: ${command.join(' ')}`);
  return [
    ...hook('pre-connect'),
    ...preChecks.commands.map((command) => `pre-check: ${command.join(' ')}`),
    ...(rule === null
      ? []
      : [`wait for an approval by ${rule.by.join(', ')}, ${formatDuration(rule.withinMs)} at most`]),
    'put aside what is replaced',
    ...backup.databases.map(
      ({ name, isRestored }) => `dump database ${name}${isRestored ? ' (put back on rollback)' : ''}`,
    ),
    ...hook('pre-deploy'),
    ...waySteps,
    ...hook('pre-app-boot'),
    ...(restart === null ? [] : [`run ${restart.join(' ')}`]),
    `wait until ${services.join(', ') || 'it'} is healthy, ${formatDuration(verifyWithinMs)} at most`,
    ...hook('post-app-boot'),
    ...(watchForMs === 0 ? [] : [`watch for ${formatDuration(watchForMs)}`]),
    ...(watchForMs === 0 ? [] : analysis.map(({ name }) => `measure ${name} meanwhile`)),
    ...hook('post-deploy'),
  ];
}
