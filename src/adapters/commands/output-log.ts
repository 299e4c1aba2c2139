/** All of a program's output in a file that is rotated, so that it never fills the disk. */
import { closeSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export interface LogSettings {
  /** Absolute; `path.1` is the part before, and so on. */
  path: string;
  /** Of each file. */
  maxBytes: number;
  /** How many there are at most, the newest among them. */
  files: number;
}

export interface OutputLog {
  maxBytes: number;
  write(bytes: Buffer): void;
  /** Notes that bytes came too fast to be kept. */
  skip(bytes: number): void;
  close(): void;
}

/** Never throws: a disk that is full costs the log, and not the program. */
export const openOutputLog = ({ path, maxBytes, files }: LogSettings): OutputLog => {
  let file: number | null = null;
  let written = 0;

  const open = (): number | null => {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      return openSync(path, 'w', 0o600);
    } catch {
      return null;
    }
  };

  const close = (): void => {
    if (file !== null) closeSync(file);
    file = null;
  };

  const rotate = (): void => {
    close();
    written = 0;
    for (let number = files - 1; number >= 1; number -= 1) {
      try {
        renameSync(number === 1 ? path : `${path}.${number - 1}`, `${path}.${number}`);
      } catch {
        // The first time there is none.
      }
    }
  };

  const write = (bytes: Buffer): void => {
    for (let from = 0; from < bytes.length;) {
      if (written >= maxBytes) rotate();
      file ??= open();
      if (file === null) return;
      const part = bytes.subarray(from, from + Math.min(bytes.length - from, maxBytes - written));
      try {
        writeSync(file, part);
      } catch {
        return;
      }
      written += part.length;
      from += part.length;
    }
  };

  return {
    maxBytes,
    write,
    skip: (bytes) => write(Buffer.from(`\n[opsloop: ${bytes} bytes came too fast and are left out]\n`)),
    close,
  };
};
