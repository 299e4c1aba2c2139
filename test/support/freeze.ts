/** Parts of a stack that stand still (SIGSTOP): they hold their connections, and answer nothing. */
import { execFileSync } from 'node:child_process';
import type { Stack, StackPart } from './stack.js';

export interface Frozen {
  /** It goes on where it stood. */
  thaw(): void;
}

/** Stops a part and the processes that it has started; PostgreSQL has one for each connection. */
export function freeze(stack: Stack, part: StackPart): Frozen {
  const parent = stack.pidOf(part);
  // The parent first: it starts no others then.
  process.kill(parent, 'SIGSTOP');
  const pids = [parent, ...childrenOf(parent)];
  for (const pid of pids) signal(pid, 'SIGSTOP');
  return {
    thaw: () => {
      for (const pid of pids.toReversed()) signal(pid, 'SIGCONT');
    },
  };
}

function childrenOf(parent: number): number[] {
  const lines = execFileSync('ps', ['-Ao', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return lines
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([pid, ppid]) => (pid !== undefined && ppid === parent ? [pid] : []));
}

function signal(pid: number, name: 'SIGSTOP' | 'SIGCONT'): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile: a connection that was closed.
  }
}
