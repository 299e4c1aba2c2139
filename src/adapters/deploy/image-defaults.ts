/** What was set on a container, told apart from what came with its image. */
import { isDeepStrictEqual } from 'node:util';
import type { ContainerConfig, ImageConfig } from './container-engine.js';

/** What the engine fills in by itself, and what belongs to one client's connection. */
const neverTaken = [
  'OnBuild',
  'AttachStdin',
  'AttachStdout',
  'AttachStderr',
  'ArgsEscaped',
  'NetworkDisabled',
] as const;

/**
 * The part of `config` that its image did not bring; the engine fills in the rest from the new image. `defaults` null: the image is
 * not known, and all of it counts as set. A value set to the very default of the old image cannot be told from it, and follows the new one.
 */
export const setOnContainer = (
  config: ContainerConfig,
  defaults: ImageConfig | null,
): Record<string, unknown> => {
  const others = Object.fromEntries(
    Object.entries(config).filter(([key]) => !(neverTaken as readonly string[]).includes(key)),
  );
  if (defaults === null) return withoutNothing({ ...others, Entrypoint: config.Entrypoint ?? [] });
  return withoutNothing({
    ...others,
    ...commandOf(config, defaults),
    User: unless(config.User, defaults.User),
    WorkingDir: unless(config.WorkingDir, defaults.WorkingDir),
    StopSignal: unless(config.StopSignal, defaults.StopSignal),
    Shell: unless(config.Shell, defaults.Shell),
    Env: (config.Env ?? []).filter((entry) => defaults.Env?.includes(entry) !== true),
    Labels: added(config.Labels, defaults.Labels),
    ExposedPorts: added(config.ExposedPorts, defaults.ExposedPorts),
    Volumes: added(config.Volumes, defaults.Volumes),
    Healthcheck: healthcheckOf(config, defaults),
  });
};

/**
 * Mirrors the engine: an image's command is taken only where neither entrypoint nor command was set, its entrypoint where none was.
 */
const commandOf = (
  { Cmd, Entrypoint }: ContainerConfig,
  defaults: ImageConfig,
): Pick<ContainerConfig, 'Cmd' | 'Entrypoint'> => {
  const [command, entrypoint] = [Cmd ?? [], Entrypoint ?? []];
  const [itsCommand, itsEntrypoint] = [defaults.Cmd ?? [], defaults.Entrypoint ?? []];
  if (!isDeepStrictEqual(entrypoint, itsEntrypoint)) {
    const isInherited = entrypoint.length === 0 && isDeepStrictEqual(command, itsCommand);
    return { Entrypoint: entrypoint, Cmd: isInherited || command.length === 0 ? null : command };
  }
  if (isDeepStrictEqual(command, itsCommand)) return { Entrypoint: null, Cmd: null };
  // Without a command of its own it would have got the image's, unless the entrypoint was set, to the same.
  return command.length === 0 ? { Entrypoint: entrypoint, Cmd: null } : { Entrypoint: null, Cmd: command };
};

/** Set field by field: what is left out comes from the image. */
const healthcheckOf = (config: ContainerConfig, defaults: ImageConfig): unknown => {
  if (!config.Healthcheck || !defaults.Healthcheck) return config.Healthcheck;
  const own = added(config.Healthcheck, defaults.Healthcheck);
  return Object.keys(own).length === 0 ? null : own;
};

const unless = <T>(value: T, byDefault: T): T | undefined =>
  isDeepStrictEqual(value ?? null, byDefault ?? null) ? undefined : value;

const added = (
  values: Record<string, unknown> | null | undefined,
  defaults: Record<string, unknown> | null | undefined,
): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(values ?? {}).filter(
      ([key, value]) =>
        !(Object.hasOwn(defaults ?? {}, key) && isDeepStrictEqual(value, (defaults ?? {})[key])),
    ),
  );

const withoutNothing = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null));

const namesOfDefaults: Record<string, string> = {
  Entrypoint: 'entrypoint',
  Cmd: 'command',
  Env: 'environment',
  Labels: 'labels',
  ExposedPorts: 'exposed ports',
  Volumes: 'volumes',
  Healthcheck: 'healthcheck',
  User: 'user',
  WorkingDir: 'working directory',
  StopSignal: 'stop signal',
};

/** Names of what the two images bring in different ways. */
export const differentDefaults = (before: ImageConfig | null, after: ImageConfig | null): string[] =>
  Object.entries(namesOfDefaults).flatMap(([key, name]) =>
    isDeepStrictEqual(before?.[key] ?? null, after?.[key] ?? null) ? [] : [name],
  );
