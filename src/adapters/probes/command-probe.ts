/** A check by somebody's own program: its exit code, and its output as the body. */
import type { Observation } from '../../domain/observation.js';
import type { CommandCheck } from '../../domain/service.js';
import { describeEnding, runCommand } from '../child-process.js';
import type { ProbeOptions } from './probe-options.js';

const maxOutputBytes = 64 * 1024;
const killAfterMs = 1_000;

/**
 * `body` is the end of stdout, 64 KiB at most. `error` says why the exit code is not 0, with the end of stderr.
 * A program that cannot be run is `unknown`: that tells nothing about the service. The vector is used as it
 * is (secrets are filled in before).
 */
export const probeCommand = async (
  { command }: CommandCheck,
  options: ProbeOptions,
): Promise<Observation> => {
  const { timeoutMs, signal } = options;
  const result = await runCommand({
    command,
    timeoutMs,
    killAfterMs,
    maxOutputBytes,
    ...(signal === undefined ? {} : { signal }),
  });
  const observation: Observation = {
    connected: result.hasStarted && result.error === undefined,
    responseTimeMs: result.durationMs,
  };
  if (result.error !== undefined) {
    // Too slow is the service's fault; a missing program or a cancelled check says nothing about it.
    const unknown = result.isTimedOut ? {} : { unknown: true };
    return { ...observation, ...unknown, body: result.stdout, error: result.error };
  }
  const problem = result.exitCode === 0 ? {} : { error: describeEnding(result) };
  return {
    ...observation,
    body: result.stdout,
    ...(result.exitCode === null ? {} : { exitCode: result.exitCode }),
    ...problem,
  };
};
