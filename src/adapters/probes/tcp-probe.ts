/** Checks that a TCP port accepts connections. */
import type { Observation } from '../../domain/observation.js';
import type { TcpCheck } from '../../domain/service.js';
import { parseAddress } from './address.js';
import { runAttempt } from './attempt.js';
import { dial, ipOf } from './dial.js';
import type { ProbeOptions } from './probe-options.js';

/** Connects and closes. `responseTimeMs` includes the name. */
export function probeTcp(check: TcpCheck, options: ProbeOptions): Promise<Observation> {
  return runAttempt(options, async (attempt) => {
    const socket = await dial(attempt, parseAddress(check.address));
    const observation: Observation = { connected: true, responseTimeMs: attempt.elapsedMs() };
    const ip = ipOf(socket);
    if (ip !== undefined) observation.ip = ip;
    return observation;
  });
}
