/** PM2 through its command line, without ever waking a daemon that is not there. */
import type { Supervisor } from '../../domain/service.js';
import { pm2Daemon, type Pm2Process } from './pm2-daemon.js';
import { runAction } from './program-action.js';
import {
  combineInstances,
  stoppedStatus,
  unknownStatus,
  type ProcessStatus,
  type SupervisorDriver,
} from './supervisor-control.js';

type Pm2Supervisor = Extract<Supervisor, { kind: 'pm2' }>;

export const pm2Supervisor = ({ app }: Pm2Supervisor, environment: NodeJS.ProcessEnv): SupervisorDriver => {
  const { program, noDaemon, isListening, instancesOf } = pm2Daemon(environment);
  return {
    status: async ({ timeoutMs }) => {
      // Any pm2 command starts a daemon where there is none; a check must not change what it looks at.
      if (!(await isListening())) return stoppedStatus(noDaemon);
      const instances = await instancesOf(app, timeoutMs);
      if (typeof instances === 'string') return unknownStatus(instances);
      if (instances.length === 0) return stoppedStatus(`pm2 has no app named ${app}; see pm2 list`);
      return combineInstances(instances.map(statusOfInstance));
    },
    act: async (verb, options) => {
      if (await isListening()) return runAction([program, verb, app], environment, options);
      const endpoint = [program, verb, app].join(' ');
      return { method: 'exec', endpoint, isSuccess: false, exitCode: null, durationMs: 0, error: noDaemon };
    },
  };
};

export const statusOfInstance = ({ pid, monit, pm2_env: env }: Pm2Process): ProcessStatus => {
  const isRunning = env?.status === 'online';
  const restarts = env?.restart_time ?? null;
  const afterExit =
    env?.exit_code === undefined || env.exit_code === 0 ? '' : ` after exit code ${env.exit_code}`;
  return {
    state: isRunning ? 'running' : 'stopped',
    pid: pid === undefined || pid === 0 ? null : pid,
    memoryBytes: isRunning ? (monit?.memory ?? null) : null,
    memoryLimitBytes: env?.max_memory_restart ?? null,
    cpuPercent: isRunning ? (monit?.cpu ?? null) : null,
    restarts,
    detail: isRunning
      ? null
      : `pm2 says ${env?.status ?? 'nothing'}${afterExit}, ${restarts ?? 'unknown'} restarts`,
  };
};
