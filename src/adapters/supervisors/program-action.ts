/** An action of a supervisor that is done by running a program. */
import { describeEnding, runCommand } from '../child-process.js';
import type { SupervisorAction, SupervisorOptions } from './supervisor-control.js';

/** What any supervisor's program may say, and how long it may take to go. */
export const programLimits = { killAfterMs: 1_000, maxOutputBytes: 64 * 1024 } as const;

/** Success is exit code 0. */
export const runAction = async (
  command: readonly string[],
  environment: NodeJS.ProcessEnv,
  { timeoutMs, signal }: SupervisorOptions,
): Promise<SupervisorAction> => {
  const result = await runCommand({
    command,
    env: environment,
    timeoutMs,
    ...programLimits,
    ...(signal === undefined ? {} : { signal }),
  });
  const isSuccess = result.exitCode === 0 && result.error === undefined;
  return {
    method: 'exec',
    endpoint: command.join(' '),
    isSuccess,
    exitCode: result.exitCode,
    durationMs: result.durationMs,
    error: isSuccess ? null : describeEnding(result),
  };
};
