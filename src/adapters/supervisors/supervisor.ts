/** From a configured supervisor to the means of asking it. */
import type { Supervisor } from '../../domain/service.js';
import { commandSupervisor } from './command-supervisor.js';
import { composeSupervisor } from './compose-supervisor.js';
import { dockerSupervisor } from './docker-supervisor.js';
import { pm2Supervisor } from './pm2-supervisor.js';
import type { SupervisorControl, SupervisorDriver } from './supervisor-control.js';
import { systemdSupervisor } from './systemd-supervisor.js';

/**
 * Connects to nothing before it is asked. `environment` is searched for PATH, PM2_HOME, OPSLOOP_PM2 and
 * DOCKER_HOST, and is what the programs get.
 */
export const createSupervisor = (
  supervisor: Supervisor,
  environment: NodeJS.ProcessEnv = process.env,
): SupervisorControl => {
  const driver = driverOf(supervisor, environment);
  return {
    status: (options) => driver.status(options),
    restart: (options) => driver.act('restart', options),
    reload: (options) => driver.act('reload', options),
    stop: (options) => driver.act('stop', options),
    start: (options) => driver.act('start', options),
  };
};

const driverOf = (supervisor: Supervisor, environment: NodeJS.ProcessEnv): SupervisorDriver => {
  switch (supervisor.kind) {
    case 'pm2':
      return pm2Supervisor(supervisor, environment);
    case 'docker':
      return dockerSupervisor(supervisor, environment);
    case 'compose':
      return composeSupervisor(supervisor, environment);
    case 'systemd':
      return systemdSupervisor(supervisor, environment);
    case 'command':
      return commandSupervisor(supervisor, environment);
  }
};
