/** A child process in a process group of its own, whose end is always noticed and which can be stopped for certain. */

import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { closeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { OpsError } from '../domain/errors.js';
import { waitUntil } from './deadline.js';
import { openLog } from './log-file.js';
import { identifyProcess, sendSignal, type ProcessIdentity } from '../adapters/process-identity.js';

/** Where children are written down before anything else happens, so that a later start finds those left behind. */
export interface ProcessLedger {
  add(entry: ProcessIdentity & { name: string; command: string; stopSignal: NodeJS.Signals }): void;
  remove(pid: number): void;
}

export interface ProcessSpec {
  name: string;
  command: readonly [file: string, ...args: string[]];
  env: NodeJS.ProcessEnv;
  cwd?: string;
  /** Run as this account; only root can. */
  account?: { uid: number; gid: number } | null | undefined;
  /** Written to the child's standard input, which is then closed. */
  input?: string;
  /** stderr goes here, and stdout too unless `onLine` takes it. */
  logPath: string;
  onLine?: (line: string) => void;
  /** Lets the child notice (`disconnect`) that this process was killed. */
  hasChannel?: boolean;
  /** Asks the child to end; default SIGTERM. */
  stopSignal?: NodeJS.Signals;
  ledger?: ProcessLedger | undefined;
}

export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ManagedProcess {
  name: string;
  pid: number;
  exited: Promise<ProcessExit>;
  isRunning(): boolean;
  /** Asks it to end, kills the whole group when it has not after `graceMs`. Resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
  /** Kills the whole group at once. */
  kill(): void;
}

/** `exit code 1` or `SIGKILL`. */
export const describeExit = ({ code, signal }: ProcessExit): string =>
  signal ?? `exit code ${code ?? 'unknown'}`;

/** Starts a child. Throws OpsError `invalidInput` when the file cannot be run. */
export async function startProcess(spec: ProcessSpec): Promise<ManagedProcess> {
  const stopSignal = spec.stopSignal ?? 'SIGTERM';
  const child = spawnChild(spec);
  if (child.pid === undefined) throw await spawnFailure(spec, child);
  const pid = child.pid;
  const identity = identifyProcess(pid);
  if (identity)
    spec.ledger?.add({ ...identity, name: spec.name, command: spec.command.join(' '), stopSignal });

  let exit: ProcessExit | null = null;
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      // Whatever it started in its own group ends with it.
      sendSignal(-pid, 'SIGKILL');
      spec.ledger?.remove(pid);
      resolve(exit);
    });
  });
  child.on('error', () => {}); // a signal that came too late, a channel already closed: `exit` tells what matters
  if (child.stdout && spec.onLine) createInterface({ input: child.stdout }).on('line', spec.onLine);
  child.stdin?.on('error', () => {}).end(spec.input);

  const isRunning = (): boolean => exit === null;
  const kill = (): void => {
    if (isRunning()) sendSignal(-pid, 'SIGKILL');
  };
  const stop = async (graceMs: number): Promise<void> => {
    if (isRunning()) sendSignal(pid, stopSignal);
    if (!(await waitUntil(() => exit !== null, { timeoutMs: graceMs, intervalMs: 10 }))) kill();
    await exited;
  };
  return { name: spec.name, pid, exited, isRunning, stop, kill };
}

function spawnChild(spec: ProcessSpec): ChildProcess {
  const [file, ...args] = spec.command;
  const log = openLog(spec.logPath);
  const stdio: StdioOptions = [spec.input === undefined ? 'ignore' : 'pipe', spec.onLine ? 'pipe' : log, log];
  if (spec.hasChannel) stdio.push('ipc');
  try {
    return spawn(file, args, {
      env: spec.env,
      stdio,
      // A terminal's Ctrl-C goes to its foreground group: the children are stopped by us, in order.
      detached: true,
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      ...(spec.account ?? {}),
    });
  } finally {
    closeSync(log);
  }
}

function spawnFailure(spec: ProcessSpec, child: ChildProcess): Promise<OpsError> {
  return new Promise((resolve) => {
    child.once('error', (cause) => {
      const message = `${spec.name} cannot be started: ${spec.command[0]}: ${cause.message}`;
      resolve(new OpsError('invalidInput', message, { cause }));
    });
  });
}
