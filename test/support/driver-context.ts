/** Means of a way to deploy whose programs do not outlive the test. */
import { runCommand } from '../../src/adapters/child-process.js';
import type { DriverContext } from '../../src/adapters/deploy/deployment-driver.js';

interface Changes extends Partial<DriverContext> {
  /** Added to what programs get. */
  environment?: NodeJS.ProcessEnv;
}

export const driverContext = ({ environment = {}, ...changes }: Changes = {}): DriverContext => {
  const context: DriverContext = {
    timeoutMs: 30_000,
    signal: new AbortController().signal,
    report: () => {},
    run: (_name, command, { env, cwd, timeoutMs } = {}) =>
      runCommand({
        command,
        env: { ...environment, ...env },
        timeoutMs: timeoutMs ?? context.timeoutMs,
        killAfterMs: 1_000,
        maxOutputBytes: 64 * 1024,
        signal: context.signal,
        ...(cwd === undefined ? {} : { cwd }),
      }),
    ...changes,
  };
  return context;
};
