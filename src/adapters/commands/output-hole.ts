/** Gives back the space of what was read of a file, while a program goes on appending to it. */
import { spawn } from 'node:child_process';

export interface OutputHole {
  /** False: this system or file system cannot do that. Known after the first attempt. */
  isPossible(): boolean;
  /** How much of the beginning has its space given back, or will in a moment. */
  freedBytes(): number;
  /** Gives back the space before this offset; offsets stay as they are, so that nothing that comes meanwhile is lost. */
  free(untilBytes: number): void;
  /** The file was emptied. */
  reset(): void;
}

/** `file` is open for writing. Node.js has no call for it; the command is part of util-linux. That of BusyBox cannot do it, which counts as impossible. */
export const openOutputHole = (file: number): OutputHole => {
  let isPossible = process.platform === 'linux';
  let isBusy = false;
  let freedBytes = 0;

  const over = (isDone: boolean): void => {
    isBusy = false;
    if (!isDone) isPossible = false;
  };

  return {
    isPossible: () => isPossible,
    freedBytes: () => freedBytes,
    free: (untilBytes) => {
      if (isBusy || !isPossible) return;
      isBusy = true;
      freedBytes = untilBytes;
      // By its descriptor: a file that a program goes on writing to may have no name any more.
      const range = ['--punch-hole', '--offset', '0', '--length', String(untilBytes), '/proc/self/fd/3'];
      const child = spawn('fallocate', range, { stdio: ['ignore', 'ignore', 'ignore', file] });
      child.once('error', () => over(false));
      child.once('exit', (exitCode) => over(exitCode === 0));
      child.unref();
    },
    reset: () => {
      freedBytes = 0;
    },
  };
};
