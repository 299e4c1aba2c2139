/** The worker of a stack under a supervisor that starts it again at once, so that it can be killed often. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { commandOf } from './process-usage.js';
import type { Stack } from './stack.js';

export interface WorkerProcess {
  /** SIGKILL; returns the instant, epoch ms. It is started again at once. */
  kill(): Promise<number>;
  stop(): void;
}

/**
 * Takes the place of the worker that `opsloop up` keeps: that supervisor waits up to 10 s before it starts a program
 * that ends again and again, and the kills would meet nobody.
 */
export async function takeOverWorker(stack: Stack, folder: string): Promise<WorkerProcess> {
  const up = stack.parts.get('up');
  const worker = stack.parts.get('worker');
  if (up === undefined || worker === undefined) throw new Error('the stack has no worker');
  const [file = process.execPath, ...args] = commandOf(worker);
  const env = environmentOf(worker);
  process.kill(up, 'SIGSTOP');
  const start = (): ChildProcess => spawn(file, args, { cwd: folder, env, stdio: 'ignore' });
  process.kill(worker, 'SIGKILL');
  let child = start();
  return {
    kill: async () => {
      const killedAt = Date.now();
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      child = start();
      return killedAt;
    },
    stop: () => {
      child.kill('SIGTERM');
      process.kill(up, 'SIGCONT');
    },
  };
}

const environmentOf = (pid: number): NodeJS.ProcessEnv =>
  Object.fromEntries(
    readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter((entry) => entry.includes('='))
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
