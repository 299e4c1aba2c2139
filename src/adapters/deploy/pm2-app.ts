/** One app of a running PM2, as a deployment needs it. */
import { OpsError } from '../../domain/errors.js';
import { combineInstances } from '../supervisors/supervisor-control.js';
import { pm2Daemon, type Pm2Process } from '../supervisors/pm2-daemon.js';
import { statusOfInstance } from '../supervisors/pm2-supervisor.js';
import type { DriverContext } from './deployment-driver.js';
import { runStep } from './program-step.js';

export interface Pm2App {
  name: string;
  /** The vector that `run` runs. */
  command(verb: 'reload' | 'restart' | 'stop', ...options: string[]): string[];
  /** Throws `unavailable` without a daemon; wakes none. Empty: there is no such app. */
  instances(context: DriverContext): Promise<Pm2Process[]>;
  /** The same; throws `notFound` with how to start it first. */
  requireInstances(example: string, context: DriverContext): Promise<Pm2Process[]>;
  run(verb: 'reload' | 'restart' | 'stop', context: DriverContext, ...options: string[]): Promise<void>;
  /** Never throws. */
  look(context: DriverContext): Promise<{ instances: Pm2Process[]; text: string; isReady: boolean | null }>;
}

export const pm2App = (name: string, environment: NodeJS.ProcessEnv): Pm2App => {
  const daemon = pm2Daemon(environment);
  const requireDaemon = async (): Promise<void> => {
    // Any pm2 command starts a daemon where there is none, which would then run nothing.
    if (!(await daemon.isListening())) throw new OpsError('unavailable', daemon.noDaemon);
  };
  const instances: Pm2App['instances'] = async ({ timeoutMs }) => {
    await requireDaemon();
    const found = await daemon.instancesOf(name, timeoutMs);
    if (typeof found === 'string') throw new OpsError('unavailable', found);
    return found;
  };
  const command: Pm2App['command'] = (verb, ...options) => [daemon.program, verb, name, ...options];
  const home = environment['PM2_HOME'];
  return {
    name,
    command,
    instances,
    requireInstances: async (example, context) => {
      const found = await instances(context);
      if (found.length > 0) return found;
      throw new OpsError('notFound', `pm2 has no app named ${name}: start it once, for example ${example}`);
    },
    run: async (verb, context, ...options) => {
      await requireDaemon();
      const env = home === undefined ? {} : { PM2_HOME: home };
      await runStep({ name: verb, command: command(verb, ...options), env }, context);
    },
    look: async (context) => {
      try {
        const found = await instances(context);
        if (found.length === 0)
          return { instances: found, text: `pm2 has no app named ${name}`, isReady: false };
        const { state, detail } = combineInstances(found.map(statusOfInstance));
        const text = detail ?? `${found.length} of ${found.length} instances of ${name} online`;
        return { instances: found, text, isReady: state === 'running' };
      } catch (error) {
        return { instances: [], text: error instanceof Error ? error.message : String(error), isReady: null };
      }
    },
  };
};
