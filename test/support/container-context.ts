/** The means of one call of a deployment driver, without a worker around it. */
import { runCommand } from '../../src/adapters/child-process.js';
import type { DriverContext } from '../../src/adapters/deploy/deployment-driver.js';

export interface ContainerContext extends DriverContext {
  /** What was reported, in order. */
  reports: string[];
  /** The vectors that were run, joined by blanks. */
  runs: string[];
}

/** `environment`: the worker's, which programs get. */
export const containerContext = (
  timeoutMs = 60_000,
  environment: Record<string, string> = {},
): ContainerContext => {
  const reports: string[] = [];
  const runs: string[] = [];
  const { signal } = new AbortController();
  return {
    timeoutMs,
    signal,
    reports,
    runs,
    report: (progress) => void reports.push(progress),
    run: (_name, command, options = {}) => {
      runs.push(command.join(' '));
      const limits = { timeoutMs, killAfterMs: 1_000, maxOutputBytes: 64 * 1024 };
      return runCommand({ command, signal, ...limits, ...options, env: { ...environment, ...options.env } });
    },
  };
};
