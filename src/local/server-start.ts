/** Brings a server up: chooses its ports, starts it, waits until it serves, and tries again when a port was lost meanwhile. */

import { setTimeout as sleep } from 'node:timers/promises';
import { OpsError } from '../domain/errors.js';
import { waitUntil } from './deadline.js';
import { lastLogLines, logSizeBytes, readLog } from './log-file.js';
import { describeExit, type ManagedProcess, type ProcessLedger } from './managed-process.js';
import { findFreePort, isPortFree, loopback } from './port.js';
import type { Report } from './progress.js';

/** What the start of every embedded server takes. */
export interface ServerOptions {
  /** Holds the server's data; made when missing. */
  directory: string;
  /** Preferred; the next free one is taken unless `isPortFixed`. */
  port?: number;
  isPortFixed?: boolean;
  /** Default: a file in `directory`. */
  logPath?: string;
  ledger?: ProcessLedger | undefined;
  report?: Report;
  signal?: AbortSignal | undefined;
}

export interface ServerStart<Ports> {
  /** For messages: `Redis (/usr/bin/redis-server)`. */
  label: string;
  logPath: string;
  choosePorts(): Promise<Ports>;
  spawn(ports: Ports): Promise<ManagedProcess>;
  /** Whether it serves; must not take another server on the same port for it. */
  isServing(child: ManagedProcess, ports: Ports, logOffset: number): boolean | Promise<boolean>;
  /** What the log says when trying again can help. */
  passing: RegExp;
  timeoutMs: number;
  stopGraceMs: number;
  /** Added to the error when it does not come up. */
  advice?: (log: string) => string;
  signal?: AbortSignal | undefined;
}

const retryPauseMs = 250;

/** Throws OpsError `unavailable` with the end of the log when the server does not come up within `timeoutMs`. */
export async function startServer<Ports>(
  start: ServerStart<Ports>,
): Promise<{ child: ManagedProcess; ports: Ports }> {
  const deadlineMs = performance.now() + start.timeoutMs;
  for (;;) {
    const ports = await start.choosePorts();
    const logOffset = logSizeBytes(start.logPath);
    const child = await start.spawn(ports);
    try {
      if (await isUp(start, child, ports, logOffset)) return { child, ports };
    } catch (error) {
      await child.stop(start.stopGraceMs);
      throw error;
    }
    const log = readLog(start.logPath, logOffset);
    const reason = child.isRunning()
      ? `it did not serve within ${start.timeoutMs / 1000} s`
      : describeExit(await child.exited);
    await child.stop(start.stopGraceMs);
    if (!start.passing.test(log) || performance.now() > deadlineMs)
      throw startFailure(start, reason, logOffset, log);
    await sleep(retryPauseMs, undefined, start.signal ? { signal: start.signal } : {});
  }
}

async function isUp<Ports>(
  { isServing, timeoutMs, signal }: ServerStart<Ports>,
  child: ManagedProcess,
  ports: Ports,
  logOffset: number,
): Promise<boolean> {
  let isReady = false;
  const isDecided = async (): Promise<boolean> => {
    isReady = child.isRunning() && (await isServing(child, ports, logOffset));
    return isReady || !child.isRunning();
  };
  await waitUntil(isDecided, { timeoutMs, signal });
  return isReady && child.isRunning();
}

function startFailure<Ports>(
  start: ServerStart<Ports>,
  reason: string,
  logOffset: number,
  log: string,
): OpsError {
  const tail = lastLogLines(start.logPath, 5, logOffset);
  const advice = start.advice?.(log) ?? '';
  return new OpsError(
    'unavailable',
    `${start.label} did not start: ${reason}.${advice}\nThe last lines of ${start.logPath}:\n${tail}`,
  );
}

/** The port of `options`, or `fallback`; when taken the next free one, or OpsError `unavailable` if it is fixed. */
export async function choosePort(label: string, options: ServerOptions, fallback: number): Promise<number> {
  const port = options.port ?? fallback;
  if (!options.isPortFixed) return findFreePort(port);
  if (await isPortFree(port)) return port;
  throw new OpsError(
    'unavailable',
    `${label} cannot listen on ${loopback}:${port}: another process does; end that one`,
  );
}
