/** Starting a keeper, and noticing its end for as long as this process lives. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { endOfOutput } from '../output-end.js';
import type { KeeperOrder } from './keeper-order.js';

export interface KeeperProcess {
  /** Null while it runs. A negative number: it could not be started. */
  exitCode(): number | null;
  /** Of a keeper that failed. */
  lastWords(): string;
  /** Called once, when it has written its result or has ended. */
  onEnd(listener: () => void): void;
  stop(): void;
  /** It may go on alone (a service that the program left has its output). */
  release(): void;
}

/** Always the compiled one: it is as far from `src` as from `dist`. */
const keeperFile = fileURLToPath(new URL('../../../dist/adapters/commands/keeper.js', import.meta.url));
const lastWordsBytes = 2_048;

/** The folder in its arguments tells people what it is; it needs nothing of our environment. */
export const startKeeper = (order: KeeperOrder): KeeperProcess => {
  const child = spawn(process.execPath, [keeperFile, order.place], {
    detached: true,
    stdio: 'pipe',
    env: {},
  });
  const words = endOfOutput(child.stderr, lastWordsBytes);
  let exitCode: number | null = null;
  let problem = '';
  let onEnd = (): void => {};
  child.once('error', (error) => {
    problem = error.message;
    exitCode = -1;
    onEnd();
  });
  // Not `exit`: by now its last words have come.
  child.once('close', (code) => {
    exitCode = code ?? -1;
    onEnd();
  });
  child.stdout
    .once('end', () => onEnd())
    .on('error', () => {})
    .resume();
  child.stdin.on('error', () => {}).end(JSON.stringify(order));
  return {
    exitCode: () => exitCode,
    lastWords: () => problem || words.text().trim(),
    onEnd: (listener) => {
      onEnd = listener;
    },
    stop: () => void child.kill('SIGTERM'),
    release: () => {
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      child.unref();
    },
  };
};
