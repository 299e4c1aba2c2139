/** Runs one command of the built `opsloop` in a process of its own. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

export const opsloopProgram = resolve('bin/opsloop.js');

export interface CliRun {
  /** Exit code; null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CliRunOptions {
  directory: string;
  env?: Readonly<Record<string, string>>;
  timeoutMs?: number;
}

/** What would bring in servers, settings or colours of whoever runs the tests. */
const foreign = /^(TEMPORAL_|OPSLOOP_(?!TEST_|TEMPORAL_CLI$)|npm_|NODE_OPTIONS$|FORCE_COLOR$)/;

/** The environment of a person who has set nothing for opsloop, and `more`. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...rest } = process.env;
  const kept = Object.entries(rest).filter(([name]) => !foreign.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: '1', ...more };
}

/** Runs any program to its end; kills it after `timeoutMs`, and the exit code is null then. */
export function runProgram(
  file: string,
  words: readonly string[],
  { directory, env = {}, timeoutMs = 60_000 }: CliRunOptions,
): Promise<CliRun> {
  const child = spawn(file, words, {
    cwd: directory,
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ code, stdout, stderr }));
  });
}

export const runOpsloop = (words: readonly string[], options: CliRunOptions): Promise<CliRun> =>
  runProgram(process.execPath, [opsloopProgram, ...words], options);

/** The document of a command with `--json`. Throws with everything it said when stdout is not one JSON document. */
export async function readDocument<T>(words: readonly string[], options: CliRunOptions): Promise<T> {
  const { code, stdout, stderr } = await runOpsloop([...words, '--json'], options);
  try {
    return JSON.parse(stdout) as T;
  } catch (cause) {
    throw new Error(`opsloop ${words.join(' ')} ended with ${code}\nstdout: ${stdout}\nstderr: ${stderr}`, {
      cause,
    });
  }
}
