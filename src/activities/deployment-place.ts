/** One deployment on this host: its settings, its way, and the means of its steps. */
import { cutTo } from '../domain/bounded-text.js';
import { commandWithVersion } from '../adapters/deploy/version-name.js';
import type { DeploymentDriver, DriverContext, LiveVersion } from '../adapters/deploy/deployment-driver.js';
import { describeEnding, runCommand } from '../adapters/child-process.js';
import type { AppliedConfiguration } from '../domain/configuration.js';
import type { DeploymentSettings } from '../domain/deployment-settings.js';
import type { DeploymentRef } from '../domain/deployment.js';
import { OpsError } from '../domain/errors.js';
import type { Secretive, Service } from '../domain/service.js';
import type { Outcome } from './deployment-contract.js';
import type { DeploymentHostDependencies, RunProgram } from './deployment-dependencies.js';

/** What is kept of a program's output: its end tells why it failed. */
const maxOutputBytes = 64 * 1024;
/** Between SIGTERM and SIGKILL. */
const killAfterMs = 10_000;

export interface DeploymentPlace {
  ref: DeploymentRef;
  settings: DeploymentSettings;
  configuration: AppliedConfiguration;
  /** Those that have to be healthy. */
  services: Service[];
  driver: DeploymentDriver;
}

/** Throws `notFound` when the revision has no such target. */
export async function placeOf(
  deps: DeploymentHostDependencies,
  ref: DeploymentRef,
): Promise<DeploymentPlace> {
  const configuration = await deps.configurationOf(ref.environment, ref.revision);
  const settings = configuration.deployments?.find(({ name }) => name === ref.target);
  if (settings === undefined)
    throw new OpsError('notFound', `${ref.target} is no deployment of revision ${ref.revision}`);
  return {
    ref,
    settings,
    configuration,
    services: configuration.services.filter(({ name }) => settings.services.includes(name)),
    driver: await deps.driverOf(settings.via),
  };
}

export interface StepOptions {
  /** Names the step: with the deployment it is the identity of every program that it runs. */
  step: string;
  timeoutMs: number;
  signal: AbortSignal;
  /** Hears how far it is. */
  tell: (progress: string) => void;
}

/** Of one question about what is there, ms. */
const lookLimitMs = 30_000;

/** For looking only: what it runs ends with this process, and leaves nothing behind. */
export const lookContextOf = (
  { settings }: Pick<DeploymentPlace, 'settings'>,
  signal: AbortSignal,
): DriverContext => ({
  timeoutMs: lookLimitMs,
  stepTimeoutMs: settings.deployWithinMs,
  signal,
  run: (_name, command, { env = {}, cwd = settings.directory, timeoutMs = lookLimitMs } = {}) =>
    runCommand({ command, env, cwd, timeoutMs, killAfterMs: 1_000, maxOutputBytes, signal }),
  report: () => undefined,
});

/** For what changes something. */
export function contextOf(
  deps: DeploymentHostDependencies,
  { ref, settings }: Pick<DeploymentPlace, 'ref' | 'settings'>,
  { step, timeoutMs, signal, tell }: StepOptions,
): DriverContext {
  const { environment, target, number } = ref;
  const run: RunProgram = (name, command, options = {}) =>
    deps.commands.run({
      key: [environment, target, String(number), step, name],
      command,
      timeoutMs: options.timeoutMs ?? timeoutMs,
      killAfterMs,
      maxOutputBytes,
      cwd: options.cwd ?? settings.directory,
      ...(options.env === undefined ? {} : { env: options.env }),
      signal,
    });
  return { timeoutMs, signal, run, report: tell };
}

/** Whether a vector cannot be run where no version is live. */
export const namesVersion = (command: readonly Secretive[]): boolean =>
  command.some((word) => word.includes('{version}'));

/** Runs a configured program; a good end is exit code 0. */
export async function runConfigured(
  deps: DeploymentHostDependencies,
  context: DriverContext,
  {
    name,
    command,
    env,
    version,
  }: { name: string; command: readonly Secretive[]; env: Record<string, string>; version: string },
): Promise<Outcome> {
  const resolved = await deps.resolve([...command]);
  const vector = namesVersion(resolved) ? commandWithVersion(resolved, version) : resolved;
  const result = await context.run(name, vector, { env });
  const shown = cutTo(deps.scrub(vector.join(' ')), 200);
  if (result.exitCode === 0 && result.error === undefined) return { isGood: true, note: shown };
  return { isGood: false, note: deps.scrub(`${shown}: ${describeEnding(result)}`) };
}

/** What a step meets is its outcome, whatever it is: nothing of it is tried for ever, it is gone back from. */
export async function asOutcome<T extends Outcome>(
  deps: Pick<DeploymentHostDependencies, 'scrub'>,
  work: () => Promise<T>,
): Promise<T | Outcome> {
  try {
    return await work();
  } catch (error) {
    return { isGood: false, note: deps.scrub(error instanceof Error ? error.message : String(error)) };
  }
}

/** What was live before, as it was put aside; throws `notFound` when nothing was. */
export async function snapshotOf(deps: DeploymentHostDependencies, ref: DeploymentRef): Promise<LiveVersion> {
  const { target, number } = ref;
  const snapshot = await deps.files.readSnapshot(ref);
  if (snapshot !== null) return snapshot.before;
  throw new OpsError(
    'notFound',
    `what was live before deployment ${number} of ${target} was not put aside, so it cannot be brought back`,
  );
}
