/** The processes that run on a folder, found without asking the product. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

export interface FoundProcess {
  pid: number;
  command: string;
}

/** Those that work in the folder, or name it in their command line or environment. */
export const processesOf = (directory: string): FoundProcess[] =>
  process.platform === 'linux' ? fromProc(directory) : fromPs(directory);

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

function fromProc(directory: string): FoundProcess[] {
  return pids().flatMap((pid) => {
    const command = readQuietly(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ');
    const environment = readQuietly(() => readFileSync(`/proc/${pid}/environ`, 'utf8'));
    const folder = readQuietly(() => readlinkSync(`/proc/${pid}/cwd`));
    // A process that has ended and waits for its parent has neither.
    const isFound = [command, environment, folder].some((text) => text.includes(directory));
    return isFound && pid !== process.pid ? [{ pid, command }] : [];
  });
}

function fromPs(directory: string): FoundProcess[] {
  const lines = execFileSync('ps', ['-axwwEo', 'pid=,command='], { encoding: 'utf8', maxBuffer: 64 << 20 });
  return lines
    .split('\n')
    .filter((line) => line.includes(directory))
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line.trim() }))
    .filter(({ pid }) => pid !== process.pid);
}

function readQuietly(read: () => string): string {
  try {
    return read();
  } catch {
    return ''; // it ended meanwhile, or belongs to somebody else
  }
}

/** SIGKILL to each; those that went with the others meanwhile are gone, which is what is wanted. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}
