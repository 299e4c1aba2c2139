/** Keeps a process running: when it ends by itself it is started again, at once first, then ever more slowly. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describeExit, type ManagedProcess, type ProcessExit } from './managed-process.js';
import type { Report } from './progress.js';

const firstDelayMs = 200;
const longestDelayMs = 10_000;
/** After a life this long an end counts as the first one again. */
const steadyAfterMs = 60_000;

/** Pause before the next start after so many ends in a row, the first being 0: 0.2 s doubling to 10 s. */
export const restartDelayMs = (endsInRow: number): number =>
  Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(endsInRow, 10));

export interface SuperviseOptions {
  /** For people: `worker`. */
  name: string;
  /** Resolves when it serves; rejects when it cannot be started. */
  start: (signal: AbortSignal) => Promise<ManagedProcess>;
  report: Report;
  /** Where its last words are, added to the line about its end. */
  logPath?: string;
}

export interface Supervised {
  name: string;
  isRunning(): boolean;
  /** How often it was started again since the beginning. */
  restarts(): number;
  /** Ends supervision and the process; kills it when it has not ended after `graceMs`. */
  stop(graceMs: number): Promise<void>;
  kill(): void;
}

/** Resolves after the first start; rejects when that one fails. */
export async function supervise(options: SuperviseOptions): Promise<Supervised> {
  const stopping = new AbortController();
  let current = await options.start(stopping.signal);
  let restarts = 0;

  const watch = async (): Promise<void> => {
    let endsInRow = 0;
    while (!stopping.signal.aborted) {
      const startedAtMs = performance.now();
      const exit = await current.exited;
      if (stopping.signal.aborted) return;
      if (performance.now() - startedAtMs >= steadyAfterMs) endsInRow = 0;
      current = await bringBack(options, exit, endsInRow, stopping.signal);
      endsInRow += 1;
      restarts += 1;
    }
  };
  const watching = watch().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });
  return {
    name: options.name,
    isRunning: () => current.isRunning(),
    restarts: () => restarts,
    async stop(graceMs) {
      stopping.abort();
      // Before the watch has ended a start under way might still bring a new process.
      if (current.isRunning()) await current.stop(graceMs);
      await watching;
      await current.stop(graceMs);
    },
    kill: () => {
      stopping.abort();
      current.kill();
    },
  };
}

async function bringBack(
  { name, start, report, logPath }: SuperviseOptions,
  exit: ProcessExit,
  endsInRow: number,
  signal: AbortSignal,
): Promise<ManagedProcess> {
  const how = logPath && exit.code !== null ? `${describeExit(exit)}, see ${logPath}` : describeExit(exit);
  for (let failures = 0; ; failures += 1) {
    await sleep(restartDelayMs(endsInRow + failures), undefined, { signal });
    try {
      const started = await start(signal);
      report.line(`${name} ended (${how}), started again`);
      return started;
    } catch (error) {
      signal.throwIfAborted();
      // Told once: the next line about it says that it is back.
      if (failures === 0)
        report.line(`${name} ended (${how}) and does not start yet: ${(error as Error).message}`);
    }
  }
}
