/** The built product as a person runs it: `opsloop up` on a folder of its own, and the commands asked of it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnvironment, opsloopProgram, readDocument, runOpsloop, type CliRun } from './cli-run.js';
import { processesOf } from './stack-processes.js';
import type { StackEndpoints } from './up-process.js';

export type StackPart = 'temporal' | 'postgres' | 'redis' | 'worker' | 'api';

/** A line of `logs/alerts.jsonl`. */
export interface AlertLine {
  at: string;
  key: string;
  event: string;
  status: string;
  severity: string;
  channel: string;
  loop: string;
  type: string;
  target: string;
  affected: string[];
  incident: string;
  episode: number;
  text: string;
  links: Record<string, string>;
}

export interface Stack {
  directory: string;
  stateDir: string;
  env: Readonly<Record<string, string>>;
  /** Of `up` that runs now. */
  pid(): number;
  /** All that `up` said since its last start. */
  output(): string;
  endpoints(): StackEndpoints;
  /** Pid of a part that `up` runs. */
  pidOf(part: StackPart): number;
  configure(configuration: object): void;
  /** Starts `up` and waits until it is ready; ms that took. */
  start(): Promise<number>;
  /** Starts `up` and waits for nothing. */
  launch(): ChildProcess;
  /** Resolves with the exit code of `up` when it has ended. */
  exited(): Promise<number | null>;
  /** Sends SIGTERM and waits for the end. */
  stop(): Promise<{ code: number | null; durationMs: number }>;
  cli(...words: string[]): Promise<CliRun>;
  /** The document of a command with `--json`. */
  ask<T>(...words: string[]): Promise<T>;
  alerts(): AlertLine[];
  /** Ends whatever still runs and removes the folder. */
  close(): Promise<void>;
}

const readyTimeoutMs = 60_000;

export interface StackOptions {
  configuration: object;
  env?: Readonly<Record<string, string>>;
  /** How `up` is started: file and arguments; default the built program. */
  command?: readonly [string, ...string[]];
  /** Starts it in a process group of its own. */
  isGroupLeader?: boolean;
}

/** A folder with a configuration; nothing runs yet. */
export function prepareStack(options: StackOptions): Stack {
  const directory = mkdtempSync(join(tmpdir(), 'stack-'));
  chmodSync(directory, 0o755); // the database server's account has to get through
  const { env = {}, command = [process.execPath, opsloopProgram, 'up'], isGroupLeader = false } = options;
  const stateDir = join(directory, '.opsloop');
  let child: ChildProcess | undefined;
  let output = '';
  let exited: Promise<number | null> = Promise.resolve(null);

  const stack: Stack = {
    directory,
    stateDir,
    env,
    pid: () => child?.pid ?? 0,
    output: () => output,
    endpoints: () => readJson<StackEndpoints>(join(stateDir, 'run', 'endpoints.json')),
    pidOf: (part) => pidOfPart(stateDir, part),
    configure: (configuration) =>
      writeFileSync(join(directory, 'opsloop.yaml'), `${JSON.stringify(configuration, null, 2)}\n`),
    launch: () => {
      output = '';
      const [file, ...words] = command;
      const started = spawn(file, words, {
        cwd: directory,
        env: cleanEnvironment(env),
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: isGroupLeader,
      });
      child = started;
      for (const stream of [started.stdout, started.stderr])
        stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      exited = new Promise((resolve) => started.once('close', (code) => resolve(code)));
      return started;
    },
    start: async () => {
      const startedAtMs = performance.now();
      await whenReady(stack.launch(), () => output);
      return performance.now() - startedAtMs;
    },
    exited: () => exited,
    stop: async () => {
      const startedAtMs = performance.now();
      child?.kill('SIGTERM');
      const code = await exited;
      return { code, durationMs: performance.now() - startedAtMs };
    },
    cli: (...words) => runOpsloop(words, { directory, env }),
    ask: (...words) => readDocument(words, { directory, env }),
    alerts: () => readAlerts(stateDir),
    close: async () => {
      if (child?.exitCode === null && child.signalCode === null) await stack.stop();
      for (const { pid } of processesOf(directory)) killQuietly(pid);
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  stack.configure(options.configuration);
  return stack;
}

/** A stack that is ready. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const stack = prepareStack(options);
  try {
    await stack.start();
    return stack;
  } catch (error) {
    await stack.close();
    throw error;
  }
}

const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;

function whenReady(child: ChildProcess, output: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`opsloop up ${why}:\n${output()}`));
    const timer = setTimeout(() => fail(`was not ready after ${readyTimeoutMs / 1000} s`), readyTimeoutMs);
    child.once('close', (code, signal) => fail(`ended with ${code ?? signal}`));
    child.stdout?.on('data', () => {
      if (!/^opsloop is ready$/m.test(output())) return;
      clearTimeout(timer);
      resolve();
    });
  });
}

interface ProcessEntry {
  name: string;
  pid: number;
}

function pidOfPart(stateDir: string, part: StackPart): number {
  const { processes } = readJson<{ processes: ProcessEntry[] }>(join(stateDir, 'run', 'processes.json'));
  const found = processes.find(({ name }) => name === part);
  if (found === undefined) throw new Error(`${part} is not among ${JSON.stringify(processes)}`);
  return found.pid;
}

function readAlerts(stateDir: string): AlertLine[] {
  const path = join(stateDir, 'logs', 'alerts.jsonl');
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as AlertLine);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
}
