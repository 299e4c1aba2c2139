/** Runs the program of a keeper: its output goes to files, and at its limit everything that it started is ended. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { cutProblem, notStarted, startProblem, type Cut } from '../child-process.js';
import { identifyProcess, parseProcStat, type ProcessIdentity } from '../process-identity.js';
import type { DurableResult } from './durable-command.js';
import type { KeeperOrder } from './keeper-order.js';
import { drainOutput } from './output-drain.js';
import type { OutputFile } from './output-file.js';
import { meterUsage, type UsageMeter } from './program-usage.js';
import { endStarted, markVariable } from './started-processes.js';

export interface ProgramMeans {
  id: string;
  stdout: OutputFile;
  stderr: OutputFile;
  /** Asked often; true: it shall be ended before its limit. */
  isCancelled(): boolean;
  /** Called as soon as it runs. */
  onStart(program: ProcessIdentity): void;
}

interface Ending {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

export interface ProgramEnd {
  result: DurableResult;
  cut: Cut | null;
}

const lookMs = 20;
/** When this much came between two looks, the next one comes sooner. */
const floodBytes = 1024 * 1024;
const floodLookMs = 2;
/** How long the end of the program itself may take to be seen after all of it is gone. */
const exitGraceMs = 2_000;

/** Never throws for what the program does. A program that ends by itself leaves alone what it started. */
export const runKeptProgram = async (order: KeeperOrder, means: ProgramMeans): Promise<ProgramEnd> => {
  const startedAt = performance.now();
  const startedAtWall = Date.now();
  const durationMs = (): number => performance.now() - startedAt;
  let child: ChildProcess;
  try {
    child = start(order, means);
  } catch (error) {
    return { result: notStarted(startProblem(subjectOf(order), error), durationMs()), cut: null };
  }
  const ended = new Promise<Ending | Error>((resolve) => {
    child.once('error', resolve);
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  const program = identify(child.pid);
  if (program !== null) means.onStart(program);

  const usage = meterUsage(child.pid);
  usage.look(performance.now());
  const watch = watchProgram(startedAt + order.timeoutMs, means, usage);
  const first = await Promise.race([ended, watch.cut]);
  const cut = typeof first === 'string' ? first : null;
  const traces = {
    id: means.id,
    program,
    isGroupHeld: true,
    outputs: [means.stdout.path, means.stderr.path],
  };
  const { wasKilled, left } =
    cut === null
      ? { wasKilled: false, left: [] }
      : await endStarted(traces, cut === 'cancelled' ? order.cancelKillAfterMs : order.killAfterMs);
  const ending = cut === null ? await ended : await Promise.race([ended, delay(exitGraceMs, null)]);
  watch.stop();
  if (ending instanceof Error)
    return { result: notStarted(startProblem(subjectOf(order), ending), durationMs()), cut: null };

  // What it leaves has had its time: the program is over.
  if (cut === null && order.endsTree) await endStarted({ ...traces, isGroupHeld: false }, order.killAfterMs);
  await drainOutput({
    readOn: () => means.stdout.readOn() + means.stderr.readOn(),
    isGroupThere: () => program !== null && hasGroup(program.pid),
    pause: (ms) => delay(ms),
    now: () => performance.now(),
  });
  const isStillThere = left.length > 0 || ending === null;
  const result = {
    hasStarted: true,
    exitCode: ending?.exitCode ?? null,
    signal: ending?.signal ?? null,
    stdout: means.stdout.end.text(),
    stderr: means.stderr.end.text(),
    isTimedOut: cut === 'timedOut',
    durationMs: durationMs(),
    startedAt: startedAtWall,
    usage: usage.read(),
    ...(order.headBytes === 0 ? {} : { head: means.stdout.head() }),
    ...(cut === null ? {} : { error: cutProblem(order, { cut, wasKilled, isStillThere }) }),
  };
  return { result, cut };
};

const start = (
  { command, env, cwd, combineOutput }: KeeperOrder,
  { id, stdout, stderr }: ProgramMeans,
): ChildProcess => {
  const [file, ...args] = command;
  if (file === undefined || file === '') throw new Error('the command is empty; for example [/usr/bin/true]');
  return spawn(file, args, {
    detached: true,
    stdio: ['ignore', stdout.writer, combineOutput ? stdout.writer : stderr.writer],
    shell: false,
    ...(cwd === null ? {} : { cwd }),
    env: { ...env, [markVariable]: id },
  });
};

const subjectOf = ({ command, cwd }: KeeperOrder): { command: readonly string[]; cwd?: string } => ({
  command,
  ...(cwd === null ? {} : { cwd }),
});

/** Also of one that has ended already: until we have collected its exit code, it keeps its pid. */
const identify = (pid: number | undefined): ProcessIdentity | null => {
  if (pid === undefined) return null;
  if (process.platform !== 'linux') return identifyProcess(pid);
  try {
    const stat = parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return stat && { pid, startToken: stat.startToken };
  } catch {
    return null;
  }
};

/** Reads its output all the while, and looks whether its time is up. A timer of that length would overflow after 24 days. */
const watchProgram = (
  deadline: number,
  { stdout, stderr, isCancelled }: ProgramMeans,
  usage: UsageMeter,
): { cut: Promise<Cut>; stop: () => void } => {
  let timer: NodeJS.Timeout | undefined;
  const cut = new Promise<Cut>((resolve) => {
    const look = (): void => {
      const cameBytes = stdout.readOn() + stderr.readOn();
      usage.look(performance.now());
      if (isCancelled()) resolve('cancelled');
      else if (performance.now() >= deadline) resolve('timedOut');
      timer = setTimeout(look, cameBytes > floodBytes ? floodLookMs : lookMs);
    };
    timer = setTimeout(look, lookMs);
  });
  return { cut, stop: () => clearTimeout(timer) };
};

const hasGroup = (leader: number): boolean => {
  try {
    process.kill(-leader, 0);
    return true;
  } catch {
    return false;
  }
};
