/** Deploys a unit of systemd: its version is a release directory, or an environment variable in a drop-in. */
import type { DeploymentWay } from '../../domain/deployment-settings.js';
import { OpsError } from '../../domain/errors.js';
import { lookAtUnit } from '../supervisors/systemd-supervisor.js';
import type { DeploymentDriver, DriverContext } from './deployment-driver.js';
import { runStep } from './program-step.js';
import { releaseDirectory } from './release-directory.js';
import { restartingWay, type RestartedProcesses } from './restarting-way.js';
import { systemdDropIn } from './systemd-drop-in.js';

/** The worker has to be allowed to restart the unit: no password is ever asked for. `environment` is for questions. */
export const systemdWay = (
  way: Extract<DeploymentWay, { kind: 'systemd' }>,
  environment: NodeJS.ProcessEnv,
): DeploymentDriver => {
  const { unit, directory, dropIn } = way;
  const systemctl = (verb: 'restart' | 'stop') => ['systemctl', '--no-ask-password', verb, '--', unit];
  const reload = ['systemctl', '--no-ask-password', 'daemon-reload'];

  const restart = async (context: DriverContext): Promise<void> => {
    if (dropIn !== null) await runStep({ name: 'daemon-reload', command: reload }, context);
    await runStep({ name: 'restart', command: systemctl('restart') }, context);
  };

  const processes: RestartedProcesses = {
    plan: async (_versionAfter, _before, context) => {
      const { status, isThere } = await lookAtUnit(unit, environment, context);
      if (isThere === null) throw new OpsError('unavailable', status.detail ?? 'systemd cannot be asked');
      if (!isThere)
        throw new OpsError('notFound', status.detail ?? `no such unit: ${unit}`, {
          field: 'via.systemd.unit',
        });
      const commands = dropIn === null ? [systemctl('restart')] : [reload, systemctl('restart')];
      return commands.map((command) => `run ${command.join(' ')}`);
    },
    restart,
    // Without a drop-in the unit runs as it did before there was one; without a release there is nothing to run.
    restOf: async (context) => {
      if (dropIn !== null) return restart(context);
      await runStep({ name: 'stop', command: systemctl('stop') }, context);
    },
    look: async (_version, context) => {
      const { status, isThere } = await lookAtUnit(unit, environment, context);
      const text = status.detail ?? `${unit} is active`;
      return { text, isReady: isThere === null ? null : status.state === 'running' };
    },
  };

  if (directory !== null) return restartingWay(releaseDirectory(directory), processes);
  if (dropIn !== null) return restartingWay(systemdDropIn(dropIn), processes);
  throw new OpsError(
    'invalidInput',
    'via.systemd does not say where the version is: set directory, for example {root: /srv/shop}, or dropIn, for ' +
      'example {variable: SHOP_VERSION, path: /etc/systemd/system/shop.service.d/version.conf}',
    { field: 'via.systemd' },
  );
};
