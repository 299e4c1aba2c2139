/** An `opsloop up` in a process of its own, on a folder of its own, for tests. */

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { UpConfig } from '../../src/local/up-context.js';

export interface UpProcess {
  child: ChildProcess;
  pid: number;
  /** All of stdout and stderr so far. */
  output(): string;
  /** Resolves with its endpoints when the ready line has come; rejects when it ends before. */
  ready: Promise<StackEndpoints>;
  exited: Promise<number | null>;
}

export interface StackEndpoints {
  pid: number;
  startedAt: string;
  temporal: { address: string; namespace: string; webUi: string | null };
  database: { url: string };
  redis: { url: string } | null;
  api: { url: string };
}

export interface UpProcessOptions {
  /** The project's folder: state goes to `.opsloop` in it unless the configuration says otherwise. */
  directory: string;
  config?: Partial<UpConfig>;
  env?: NodeJS.ProcessEnv;
}

/** What the stand-ins for worker, API, migrations and apply wrote down. */
export const recordPathOf = (directory: string): string => join(directory, 'record.jsonl');

function configOf({ directory, config = {} }: UpProcessOptions): UpConfig {
  return {
    file: join(directory, 'opsloop.yaml'),
    directory,
    environment: 'shop',
    stateDir: join(directory, '.opsloop'),
    temporal: { address: null, namespace: 'default', cli: null },
    database: null,
    redis: null,
    api: { listen: { host: '127.0.0.1', port: 7700 }, isListenGiven: false, token: null, pingKey: null },
    ...config,
  };
}

export const readEndpoints = (stateDir: string): StackEndpoints | null => {
  try {
    return JSON.parse(readFileSync(join(stateDir, 'run', 'endpoints.json'), 'utf8')) as StackEndpoints;
  } catch {
    // Not there, or taken away by a stop at this very moment.
    return null;
  }
};

export interface UpCommand {
  file: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  stateDir: string;
}

/** What this test's own start and its servers have set is not passed on. */
const notPassedOn = ['npm_lifecycle_event', 'DATABASE_URL', 'REDIS_URL', 'TEMPORAL_ADDRESS'];

export function upCommand(options: UpProcessOptions): UpCommand {
  mkdirSync(options.directory, { recursive: true });
  const config = configOf(options);
  const program = fileURLToPath(new URL('up-program.ts', import.meta.url));
  const argument = JSON.stringify({ config, recordPath: recordPathOf(options.directory) });
  const passedOn = Object.entries(process.env).filter(([name]) => !notPassedOn.includes(name));
  return {
    file: process.execPath,
    args: ['--import', 'tsx', program, argument],
    env: { ...Object.fromEntries(passedOn), ...options.env },
    stateDir: config.stateDir,
  };
}

function startUp(options: UpProcessOptions): UpProcess {
  const { file, args, env, stateDir } = upCommand(options);
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const ready = new Promise<StackEndpoints>((resolve, reject) => {
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
      const endpoints = /^opsloop is ready$/m.test(output) ? readEndpoints(stateDir) : null;
      if (endpoints) resolve(endpoints);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    void exited.then((code) => reject(new Error(`up ended with ${code}:\n${output}`)));
  });
  ready.catch(() => {}); // not every test waits for it
  return { child, pid: child.pid ?? 0, output: () => output, ready, exited };
}

/** Pids of the stack's children by name; none when nothing is written down. */
export function childrenOf(directory: string): Record<string, number> {
  const path = join(directory, '.opsloop', 'run', 'processes.json');
  if (!existsSync(path)) return {};
  const { processes } = JSON.parse(readFileSync(path, 'utf8')) as {
    processes: { name: string; pid: number }[];
  };
  return Object.fromEntries(processes.map(({ name, pid }) => [name, pid]));
}

/** Started at once; stopped at the end of the test should it still run. */
export function upForTest(options: UpProcessOptions): UpProcess {
  const started = startUp(options);
  onTestFinished(async () => {
    started.child.kill('SIGTERM');
    await started.exited;
  });
  return started;
}

/** Prefers ports that no other test uses, so that a stack finds the same ones free again at its next start. */
export async function preferOwnPorts(directory: string): Promise<void> {
  const names = ['temporal', 'webUi', 'postgres', 'redis', 'api', 'workerMetrics'];
  // Below the range from which the system gives ports to connections.
  const first = 12_000 + Math.floor(Math.random() * 900) * 20;
  const ports = names.map((name, index) => [name, first + index * 3]);
  const run = join(directory, '.opsloop', 'run');
  mkdirSync(run, { recursive: true });
  await writeFile(join(run, 'ports.json'), JSON.stringify(Object.fromEntries(ports)));
}
