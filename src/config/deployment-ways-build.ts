/** Builds the ways to deploy from their valid shape. */
import { resolve } from 'node:path';
import type { DeploymentWay, ReleaseDirectory } from '../domain/deployment-settings.js';
import { configDefaults } from './defaults.js';
import type { WayShape } from './deployment-ways-shape.js';

const { way: defaults } = configDefaults;

/** `directory`: the folder of opsloop.yaml. */
export const buildWay = (shape: WayShape, directory: string): DeploymentWay => {
  if ('directory' in shape)
    return { kind: 'directory', ...buildReleaseDirectory(shape.directory, directory) };
  if ('docker' in shape) {
    const { container, image } = shape.docker;
    return { kind: 'docker', container, image: image ?? defaults.image };
  }
  if ('compose' in shape) {
    const { file, service, variable } = shape.compose;
    return {
      kind: 'compose',
      file: resolve(directory, file),
      service,
      variable: variable ?? defaults.composeVariable,
    };
  }
  if ('pm2' in shape) return buildPm2(shape.pm2, directory);
  if ('systemd' in shape) return buildSystemd(shape.systemd, directory);
  const { deploy, rollback, current, variable } = shape.command;
  return {
    kind: 'command',
    deploy,
    rollback: rollback ?? defaults.rollback,
    current,
    variable: variable ?? defaults.variable,
  };
};

const buildReleaseDirectory = (
  given: string | { root: string; keep?: number | undefined },
  directory: string,
): ReleaseDirectory => {
  const { root, keep } = typeof given === 'string' ? { root: given } : { keep: undefined, ...given };
  return { root: resolve(directory, root), keep: keep ?? defaults.keep };
};

const buildPm2 = (shape: Extract<WayShape, { pm2: unknown }>['pm2'], directory: string): DeploymentWay => {
  const common = { kind: 'pm2', app: shape.app } as const;
  return 'directory' in shape
    ? {
        ...common,
        directory: buildReleaseDirectory(shape.directory, directory),
        interpreterArguments: null,
      }
    : { ...common, directory: null, interpreterArguments: shape.interpreterArguments };
};

const buildSystemd = (
  shape: Extract<WayShape, { systemd: unknown }>['systemd'],
  directory: string,
): DeploymentWay => {
  const unit = unitName(shape.unit);
  const common = { kind: 'systemd', unit } as const;
  if ('directory' in shape)
    return { ...common, directory: buildReleaseDirectory(shape.directory, directory), dropIn: null };
  const { variable, path = `/etc/systemd/system/${unit}.d/opsloop.conf` } = shape.dropIn;
  return { ...common, directory: null, dropIn: { variable, path: resolve(directory, path) } };
};

const unitSuffixes = /\.(?:service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/;

/** As systemctl understands it: `api` and `api.v2` are services. */
export const unitName = (written: string): string =>
  unitSuffixes.test(written) ? written : `${written}.service`;
