/** From a configured way to deploy to the means of doing it. */
import type { DeploymentWay } from '../../domain/deployment-settings.js';
import { commandWay } from './command-way.js';
import { composeWay } from './compose-way.js';
import type { DeploymentDriver } from './deployment-driver.js';
import { directoryWay } from './directory-way.js';
import { dockerWay } from './docker-way.js';
import { pm2Way } from './pm2-way.js';
import { systemdWay } from './systemd-way.js';

/**
 * Connects to nothing before it is asked; secrets in vectors are filled in before. `environment` is searched for PATH, PM2_HOME,
 * OPSLOOP_PM2 and DOCKER_HOST.
 */
export const createDeploymentDriver = (
  way: DeploymentWay,
  environment: NodeJS.ProcessEnv = process.env,
): DeploymentDriver => {
  switch (way.kind) {
    case 'directory':
      return directoryWay(way);
    case 'command':
      return commandWay(way);
    case 'pm2':
      return pm2Way(way, environment);
    case 'systemd':
      return systemdWay(way, environment);
    case 'docker':
      return dockerWay(way, environment);
    case 'compose':
      return composeWay(way, environment);
  }
};
