/** What asks `opsloop up` to end: signals, and the death of the npm that started it. */

import {
  identifyProcess,
  isSameProcessRunning,
  readProcess,
  type ProcessIdentity,
} from '../adapters/process-identity.js';

/** npm passes a Ctrl-C on that the terminal has already sent: two so close together are one. */
const sameRequestWithinMs = 700;
const parentCheckIntervalMs = 500;
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopRequestOptions {
  env: NodeJS.ProcessEnv;
  /** Called once. */
  onStop: (reason: string) => void;
  /** Asked again, in a hurry. */
  onForce: () => void;
}

/** Returns what ends the watch. */
export function watchStopRequests({ env, onStop, onForce }: StopRequestOptions): () => void {
  let stoppedAtMs: number | null = null;
  const request = (reason: string): void => {
    if (stoppedAtMs === null) {
      stoppedAtMs = performance.now();
      onStop(reason);
    } else if (performance.now() - stoppedAtMs > sameRequestWithinMs) {
      onForce();
    }
  };
  const handlers = stopSignals.map((signal) => [signal, () => request(signal)] as const);
  for (const [signal, handler] of handlers) process.on(signal, handler);
  const unwatchParents = watchParents(env, () => {
    if (stoppedAtMs === null) request('npm has gone');
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
    unwatchParents();
  };
}

/** npm that is killed, or told to end alone, does not tell what it started. */
function watchParents(env: NodeJS.ProcessEnv, onGone: () => void): () => void {
  if (!env['npm_lifecycle_event']) return () => {};
  const ancestors = findLauncher(process.ppid);
  if (ancestors.length === 0) return () => {};
  const timer = setInterval(() => {
    if (!ancestors.every(isSameProcessRunning)) onGone();
  }, parentCheckIntervalMs);
  return () => clearInterval(timer);
}

/** The parent, and when that is the shell which npm runs scripts with, npm itself behind it. */
function findLauncher(parentPid: number): ProcessIdentity[] {
  const parent = readProcess(parentPid);
  if (!parent) return [];
  const isScriptShell = /^(\S*\/)?(sh|bash|dash|zsh) -c /.test(parent.command);
  const grandparent = isScriptShell ? identifyProcess(parent.parentPid) : null;
  return grandparent ? [parent, grandparent] : [parent];
}
