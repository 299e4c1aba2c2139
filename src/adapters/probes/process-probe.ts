/** A process as its supervisor sees it. */
import { performance } from 'node:perf_hooks';
import type { Observation } from '../../domain/observation.js';
import type { ProcessCheck } from '../../domain/service.js';
import { createSupervisor } from '../supervisors/supervisor.js';
import type { ProbeOptions } from './probe-options.js';

/** Figures that the supervisor does not tell are absent. A supervisor that gives no answer makes it `unknown`. */
export const probeProcess = async (_check: ProcessCheck, options: ProbeOptions): Promise<Observation> => {
  const { supervisor, timeoutMs, signal } = options;
  const startedAt = performance.now();
  if (supervisor === null) {
    const error =
      'a process check needs to know who runs the process: set supervisor, for example {pm2: api}';
    return { connected: false, unknown: true, responseTimeMs: 0, error };
  }
  const status = await createSupervisor(supervisor).status({
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
  const observation: Observation = {
    connected: status.state === 'running',
    responseTimeMs: performance.now() - startedAt,
    state: status.state,
  };
  for (const name of ['pid', 'memoryBytes', 'memoryLimitBytes', 'cpuPercent', 'restarts'] as const) {
    const value = status[name];
    if (value !== null) observation[name] = value;
  }
  if (status.state === 'unknown') observation.unknown = true;
  if (status.detail !== null) observation.error = status.detail;
  return observation;
};
