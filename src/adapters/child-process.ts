/** The one place where opsloop runs somebody's program: an argument vector, a time limit, the end of its output. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate as nextLoopTurn, setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { formatDuration } from '../domain/duration.js';
import { endOfOutput, type OutputEnd } from './output-end.js';
import { endProcessGroup, killGraceMs } from './process-group.js';

export interface CommandRun {
  /** The program and its arguments. Never given to a shell. */
  command: readonly string[];
  /** After this long the whole process group gets SIGTERM. */
  timeoutMs: number;
  /** This long after SIGTERM, what is left of the group gets SIGKILL. */
  killAfterMs: number;
  /** How much of each of stdout and stderr is kept: its end. */
  maxOutputBytes: number;
  /** Added to this process's environment; `undefined` takes a variable out. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Stops the program in the same way as the time limit. */
  signal?: AbortSignal;
}

export interface CommandResult {
  /** False when the program could not be run at all: missing, not executable, no such folder. */
  hasStarted: boolean;
  /** Null when it did not start or was ended by a signal. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** The end of what was written, cut at a whole character. */
  stdout: string;
  stderr: string;
  isTimedOut: boolean;
  durationMs: number;
  /** Why it did not start or was stopped from outside. Absent when it ended by itself, whatever its exit code. */
  error?: string;
}

/** What the program and all that it started used, as far as the system tells. */
export interface ProgramUsage {
  cpuMs: number | null;
  /** Most memory of all its processes at one look. */
  peakBytes: number | null;
}

/** Output still in the pipe when the program has ended is read until the pipe is quiet this long. */
const quietMs = 25;
const drainLimitMs = 1_000;

interface Ending {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

/** What cut a run. */
export type Cut = 'timedOut' | 'cancelled';

/**
 * Runs a program in a process group of its own and never throws: a missing program is a value, too. Resolves
 * when the program has ended, also when processes that it left behind hold its output open; those are left
 * alone unless the time limit or the signal cut the run, which ends the whole group.
 */
export const runCommand = async (run: CommandRun): Promise<CommandResult> => {
  const startedAt = performance.now();
  const durationMs = (): number => performance.now() - startedAt;
  if (run.signal?.aborted === true) return notStarted(cancelledBeforeStart, durationMs());
  let child: ChildProcess;
  try {
    child = start(run);
  } catch (error) {
    return notStarted(startProblem(run, error), durationMs());
  }
  const stdout = endOfOutput(child.stdout, run.maxOutputBytes);
  const stderr = endOfOutput(child.stderr, run.maxOutputBytes);
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const ended = new Promise<Ending | Error>((resolve) => {
    child.once('error', resolve);
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });

  const limit = timeLimit(run);
  const first = await Promise.race([ended, limit.reached]);
  limit.clear();
  const cut = typeof first === 'string' ? first : null;
  const wasKilled =
    cut !== null && child.pid !== undefined && (await endProcessGroup(child.pid, run.killAfterMs));
  const ending =
    cut === null ? await ended : await Promise.race([ended, delay(killGraceMs, null, { ref: false })]);
  if (ending instanceof Error) return notStarted(startProblem(run, ending), durationMs());

  await drain(closed, [stdout, stderr]);
  leaveOutputToOthers(child);
  return {
    hasStarted: true,
    exitCode: ending?.exitCode ?? null,
    signal: ending?.signal ?? null,
    stdout: stdout.text(),
    stderr: stderr.text(),
    isTimedOut: cut === 'timedOut',
    durationMs: durationMs(),
    ...(cut === null ? {} : { error: cutProblem(run, { cut, wasKilled, isStillThere: ending === null }) }),
  };
};

/** How a program failed, for people: exit code or signal, and the last words of stderr (or stdout). */
export const describeEnding = (result: CommandResult): string => {
  if (result.error !== undefined) return result.error;
  const how = result.signal === null ? `exit code ${result.exitCode}` : `ended by ${result.signal}`;
  const lastWords = plainText(result.stderr) || plainText(result.stdout);
  return lastWords === '' ? how : `${how}: ${lastWords}`;
};

const lastWordsLength = 500;

/** Without the colours of terminals, on one line, its end. */
const plainText = (text: string): string => {
  const line = stripVTControlCharacters(text).replaceAll(/\s+/g, ' ').trim();
  return line.length <= lastWordsLength ? line : `…${line.slice(-lastWordsLength)}`;
};

const start = ({ command, env, cwd }: CommandRun): ChildProcess => {
  const [file, ...args] = command;
  if (file === undefined || file === '') throw new Error('the command is empty; for example [/usr/bin/true]');
  return spawn(file, args, {
    // A group of its own: a Ctrl-C in the terminal does not reach it, and the whole tree can be ended at once.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: false,
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
  });
};

/** The `error` when the signal had fired before. */
export const cancelledBeforeStart = 'not run: the work that needed it was cancelled';

/** The result of a program that did not start. */
export const notStarted = (error: string, durationMs: number): CommandResult => ({
  hasStarted: false,
  exitCode: null,
  signal: null,
  stdout: '',
  stderr: '',
  isTimedOut: false,
  durationMs,
  error,
});

/** Resolves when the time is up or the signal fires; `clear` frees the timer and the listener. */
const timeLimit = ({ timeoutMs, signal }: CommandRun): { reached: Promise<Cut>; clear: () => void } => {
  let clear = (): void => {};
  const reached = new Promise<Cut>((resolve) => {
    const onAbort = (): void => resolve('cancelled');
    const timer = setTimeout(() => resolve('timedOut'), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    clear = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
  });
  return { reached, clear };
};

/** `exit` may come before the last output: read on until the pipes close or bring nothing more. */
const drain = async (closed: Promise<void>, outputs: OutputEnd[]): Promise<void> => {
  const received = (): number => outputs.reduce((sum, output) => sum + output.receivedBytes(), 0);
  const hasClosed = closed.then(() => true);
  const deadline = performance.now() + drainLimitMs;
  for (let before = received(); performance.now() < deadline; before = received()) {
    if (await Promise.race([hasClosed, delay(quietMs, false)])) return;
    // Timers run before the pipes are polled: a busy loop would otherwise miss what is already there.
    if (await Promise.race([hasClosed, nextLoopTurn(false)])) return;
    if (received() === before) return;
  }
};

/**
 * A service that a start command left running may still write to our pipe. Closing it would kill that service
 * at its next line, so what it writes is read and dropped, without keeping this process alive.
 */
const leaveOutputToOthers = (child: ChildProcess): void => {
  for (const stream of [child.stdout, child.stderr]) {
    stream?.removeAllListeners('data').resume();
    (stream as Socket | null)?.unref();
  }
  child.unref();
};

/** Why a program did not start, for people; `error` is what `spawn` threw or emitted. */
export const startProblem = (
  { command, cwd }: Pick<CommandRun, 'command' | 'cwd'>,
  error: unknown,
): string => {
  const file = command[0] ?? '';
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    if (cwd !== undefined && !existsSync(cwd)) return `cannot run ${file}: the folder ${cwd} does not exist`;
    if (!file.includes('/')) return `no program named ${file} on PATH: install it, or give its full path`;
    return existsSync(file)
      ? `cannot run ${file}: the interpreter in its first line does not exist`
      : `no such program: ${file}`;
  }
  if (code === 'EACCES')
    return `${file} may not be executed: check its mode (chmod +x) and that of its folders`;
  if (code === 'E2BIG') return `cannot run ${file}: its arguments and environment are too long`;
  return `cannot run ${file === '' ? 'a command' : file}: ${message}`;
};

/** How a run was cut. `isStillThere`: something of it was not gone long after SIGKILL. */
export interface CutFacts {
  cut: Cut;
  wasKilled: boolean;
  isStillThere: boolean;
}

/** Why a program was stopped, for people. */
export const cutProblem = (
  { command, timeoutMs }: Pick<CommandRun, 'command' | 'timeoutMs'>,
  { cut, wasKilled, isStillThere }: CutFacts,
): string => {
  const name = basename(command[0] ?? '');
  const why = cut === 'timedOut' ? `did not end within ${formatDuration(timeoutMs)}` : 'was cancelled';
  if (isStillThere) return `${name} ${why}, and does not react to SIGKILL either (waiting for a device?)`;
  return `${name} ${why} and was ${wasKilled ? 'killed (it ignored SIGTERM)' : 'terminated'}`;
};
