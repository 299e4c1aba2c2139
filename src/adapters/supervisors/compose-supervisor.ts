/** A service of a Compose file: Compose names its containers, the Docker engine tells about them. */
import { performance } from 'node:perf_hooks';
import type { Supervisor } from '../../domain/service.js';
import { describeEnding, runCommand } from '../child-process.js';
import { composeProgram, containerIds, errandLabel, noCompose } from './compose-program.js';
import { dockerEngine } from './docker-engine.js';
import { containerStatus } from './docker-supervisor.js';
import { programLimits, runAction } from './program-action.js';
import {
  combineInstances,
  stoppedStatus,
  unknownStatus,
  type SupervisorDriver,
  type SupervisorOptions,
  type SupervisorVerb,
} from './supervisor-control.js';

type ComposeSupervisor = Extract<Supervisor, { kind: 'compose' }>;

const wordsOfVerb: Record<SupervisorVerb, string[]> = {
  restart: ['restart'],
  reload: ['kill', '-s', 'HUP'],
  stop: ['stop'],
  start: ['start'],
};

export const composeSupervisor = (
  { file, service }: ComposeSupervisor,
  environment: NodeJS.ProcessEnv,
): SupervisorDriver => {
  const engine = dockerEngine(environment);
  return {
    status: async (options) => {
      const deadline = performance.now() + options.timeoutMs;
      const rest = (): SupervisorOptions => ({
        ...options,
        timeoutMs: Math.max(1, Math.ceil(deadline - performance.now())),
      });
      const program = await composeProgram(environment, rest());
      if (program === null) return unknownStatus(noCompose);
      const result = await runCommand({
        command: [...program, '--file', file, 'ps', '--all', '--quiet', service],
        env: environment,
        ...programLimits,
        ...rest(),
      });
      if (result.error !== undefined || result.exitCode !== 0) {
        return unknownStatus(`compose cannot tell the containers of ${service}: ${describeEnding(result)}`);
      }
      const ids = containerIds(result.stdout);
      const found = await Promise.all(ids.map((id) => containerStatus(engine, id, rest())));
      const instances = found.filter(({ labels }) => labels[errandLabel] !== 'True');
      if (instances.length === 0) {
        return stoppedStatus(
          `${service} has no container: run docker compose --file ${file} up --detach ${service}`,
        );
      }
      return combineInstances(instances.map(({ status }) => status));
    },
    act: async (verb, options) => {
      const words = ['--file', file, ...wordsOfVerb[verb], service];
      const program = await composeProgram(environment, options);
      if (program !== null) return runAction([...program, ...words], environment, options);
      const endpoint = ['docker', 'compose', ...words].join(' ');
      return { method: 'exec', endpoint, isSuccess: false, exitCode: null, durationMs: 0, error: noCompose };
    },
  };
};
