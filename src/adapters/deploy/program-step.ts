/** A step of a deployment that is done by running a program. */
import { OpsError } from '../../domain/errors.js';
import { describeEnding, type CommandResult } from '../child-process.js';
import type { DriverContext } from './deployment-driver.js';

export interface ProgramStep {
  /** Unique within the call, see `DriverContext.run`. */
  name: string;
  command: readonly string[];
  env?: Record<string, string>;
}

/** Throws `unavailable`, or `timeout`, with how it ended unless the exit code is 0. */
export const runStep = async (
  { name, command, env }: ProgramStep,
  { run, report }: DriverContext,
): Promise<CommandResult> => {
  const line = command.join(' ');
  report(line);
  const result = await run(name, command, env === undefined ? {} : { env });
  if (result.error === undefined && result.exitCode === 0) return result;
  const reason = result.isTimedOut ? 'timeout' : 'unavailable';
  throw new OpsError(reason, `${line}: ${describeEnding(result)}`);
};
