/** The steps of a deployment that change something, each safe to repeat. */
import { join } from 'node:path';
import type { DriverVersions, LiveVersion } from '../adapters/deploy/deployment-driver.js';
import { formatByteSize } from '../domain/byte-size.js';
import type { DeploymentHook } from '../domain/deployment-settings.js';
import type { DeploymentBackup, DeploymentRef } from '../domain/deployment.js';
import { OpsError } from '../domain/errors.js';
import type { DeploymentStep, Outcome } from './deployment-contract.js';
import type { DeploymentHostDependencies } from './deployment-dependencies.js';
import {
  asOutcome,
  contextOf,
  lookContextOf,
  namesVersion,
  placeOf,
  runConfigured,
  snapshotOf,
  type DeploymentPlace,
} from './deployment-place.js';
import { type WorkMeans } from './work-once.js';

export async function backUp(
  deps: DeploymentHostDependencies,
  ref: DeploymentRef,
  means: WorkMeans,
): Promise<Outcome & { backups: DeploymentBackup[] }> {
  const place = await placeOf(deps, ref);
  const { settings, driver } = place;
  const backups: DeploymentBackup[] = [];
  const outcome = await asOutcome(deps, async () => {
    const known = await deps.files.readSnapshot(ref);
    const before = known?.before ?? (await driver.current(lookContextOf(place, means.signal)));
    const { before: kept } = await deps.files.writeSnapshot(ref, { before });
    backups.push({
      what: `${kept.version ?? 'nothing'}, as it was live`,
      path: deps.files.folderOf(ref),
      bytes: null,
      sha256: null,
    });
    for (const { name, url } of settings.backup.databases) {
      means.tell(`dumps database ${name}`);
      const context = contextOf(deps, place, { step: 'backup', timeoutMs: dumpLimitMs, ...means });
      const path = dumpPath(deps, ref, name);
      const { bytes, sha256 } = await deps.dumpDatabase({
        name,
        url: await deps.resolve(url),
        path,
        run: (program, ...rest) => context.run(`${name}-${program}`, ...rest),
        signal: means.signal,
        timeoutMs: dumpLimitMs,
      });
      backups.push({ what: `database ${name}, pg_dump -Fc`, path, bytes, sha256 });
    }
    const sizes = backups.flatMap(({ what, bytes }) =>
      bytes === null ? [] : [`${what}: ${formatByteSize(bytes)}`],
    );
    return { isGood: true, note: sizes.join('; ') || `${before.version ?? 'nothing'} is put aside` };
  });
  return { ...outcome, backups };
}

/** `name` is one of ours: safe as a file name. */
const dumpPath = (deps: DeploymentHostDependencies, ref: DeploymentRef, name: string): string =>
  join(deps.files.folderOf(ref), `${name}.dump`);

/** A dump or a restore of a large database takes hours. */
const dumpLimitMs = 24 * 3_600_000;

interface Taken {
  ref: DeploymentRef;
  versionAfter: string;
  by: string;
  step: DeploymentStep;
  means: WorkMeans;
}

export async function takeStep(deps: DeploymentHostDependencies, taken: Taken): Promise<Outcome> {
  // A database that is away is waited for; only what the step itself meets is its outcome.
  const place = await placeOf(deps, taken.ref);
  return asOutcome(deps, () => takeStepAt(deps, place, taken));
}

async function takeStepAt(
  deps: DeploymentHostDependencies,
  place: DeploymentPlace,
  taken: Taken,
): Promise<Outcome> {
  const { ref, versionAfter, step, means } = taken;
  const { settings, driver } = place;
  const before = await beforeOf(deps, place, { ref, step, means });
  const versions: DriverVersions = { before, after: versionAfter, number: ref.number };
  const name = 'attempt' in step ? `${step.kind}-${step.attempt}` : step.kind;
  const options = { step: name, timeoutMs: settings.deployWithinMs, ...means };
  const context = contextOf(deps, place, options);
  const done = (note: string): Outcome => ({ isGood: true, note });
  switch (step.kind) {
    case 'hook':
      return runHook(deps, place, { ...taken, hook: step.hook, versionBefore: before.version });
    case 'prepare':
      await driver.prepare(versions, context);
      return done('');
    case 'switch':
      await driver.switch(versions, context);
      return done(`${versionAfter} is live`);
    case 'settle':
      await driver.settle(versions, context);
      return done('');
    case 'undo':
      await endWayForward(deps, ref);
      await driver.undo(versions, context);
      return done(`${before.version ?? 'nothing'} is live again`);
    case 'restart':
      return restart(deps, place, { taken, context, version: versionAfter });
    case 'restartAfterUndo':
      return before.version === null
        ? restartNothing(deps, place, { taken, context, version: '' })
        : restart(deps, place, { taken, context, version: before.version });
    case 'restoreDatabase':
      return restore(deps, place, { database: step.database, context });
  }
}

/** What is live before: one hook comes before anything is put aside, and may only be told what is live now. */
function beforeOf(
  deps: DeploymentHostDependencies,
  place: DeploymentPlace,
  { ref, step, means }: Pick<Taken, 'ref' | 'step' | 'means'>,
): Promise<LiveVersion> {
  if (step.kind === 'hook' && step.hook === 'pre-connect')
    return place.driver.current(lookContextOf(place, means.signal));
  return snapshotOf(deps, ref);
}

/** A worker that died may have left a program behind that still goes forward: nothing may run beside the way back. */
async function endWayForward(deps: DeploymentHostDependencies, ref: DeploymentRef): Promise<void> {
  const { environment, target, number } = ref;
  for (const step of ['pre-deploy', 'prepare', 'pre-app-boot', 'switch', 'restart', 'post-app-boot'])
    await deps.commands.forget([environment, target, String(number), step]);
}

interface Restart {
  taken: Taken;
  context: ReturnType<typeof contextOf>;
  /** The one that is live afterwards. */
  version: string;
}

/** Nothing was live before, so nothing has to run again: a restart that does not work is noted, and hinders no rollback. */
async function restartNothing(
  deps: DeploymentHostDependencies,
  place: DeploymentPlace,
  order: Restart,
): Promise<Outcome> {
  if (namesVersion(place.settings.restart ?? []))
    return { isGood: true, note: 'nothing was live before, so nothing is restarted' };
  const { note } = await restart(deps, place, order);
  return { isGood: true, note };
}

function restart(
  deps: DeploymentHostDependencies,
  { settings, ref }: DeploymentPlace,
  { taken, context, version }: Restart,
): Promise<Outcome> {
  return runConfigured(deps, context, {
    name: 'restart',
    command: settings.restart ?? [],
    version,
    env: { OPSLOOP_TARGET: ref.target, OPSLOOP_VERSION: version, OPSLOOP_PERFORMER: taken.by },
  });
}

async function runHook(
  deps: DeploymentHostDependencies,
  place: DeploymentPlace,
  {
    hook,
    by,
    versionAfter,
    versionBefore,
    means,
  }: Taken & { hook: DeploymentHook; versionBefore: string | null },
): Promise<Outcome> {
  const { settings, ref } = place;
  const context = contextOf(deps, place, { step: hook, timeoutMs: settings.deployWithinMs, ...means });
  const isBack = hook === 'post-rollback';
  const version = isBack ? (versionBefore ?? '') : versionAfter;
  const env = {
    OPSLOOP_HOOK: hook,
    OPSLOOP_TARGET: ref.target,
    OPSLOOP_DEPLOYMENT: String(ref.number),
    OPSLOOP_VERSION: version,
    OPSLOOP_VERSION_BEFORE: versionBefore ?? '',
    OPSLOOP_PERFORMER: by,
    // Hooks written for Kamal find what they know.
    KAMAL_VERSION: version,
    KAMAL_PERFORMER: by,
    KAMAL_SERVICE: ref.target,
    KAMAL_SERVICE_VERSION: `${ref.target}@${version}`,
    KAMAL_COMMAND: isBack ? 'rollback' : 'deploy',
  };
  for (const [index, command] of (settings.hooks[hook] ?? []).entries()) {
    const outcome = await runConfigured(deps, context, { name: `hook-${index + 1}`, command, env, version });
    if (!outcome.isGood) return { isGood: false, note: `hook ${hook}: ${outcome.note}` };
  }
  return { isGood: true, note: hook };
}

async function restore(
  deps: DeploymentHostDependencies,
  { settings, ref }: DeploymentPlace,
  { database: name, context }: { database: string; context: ReturnType<typeof contextOf> },
): Promise<Outcome> {
  const database = settings.backup.databases.find((candidate) => candidate.name === name);
  if (database === undefined)
    throw new OpsError('notFound', `there is no database ${name} in the configuration`);
  const { note, problems } = await deps.restoreDatabase({
    name,
    url: await deps.resolve(database.url),
    path: dumpPath(deps, ref, name),
    number: ref.number,
    run: (program, ...rest) => context.run(`${name}-${program}`, ...rest),
    signal: context.signal,
    timeoutMs: dumpLimitMs,
  });
  return { isGood: true, note: [note, ...problems].join('; ') };
}
