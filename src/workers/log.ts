/** Logs of the worker: JSON lines in a file, scrubbed of every secret that was resolved. */
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';

export interface Log {
  debug(message: string, detail?: object): void;
  info(message: string, detail?: object): void;
  warn(message: string, detail?: object): void;
  error(message: string, detail?: object): void;
  /** Writes out what is buffered. */
  flush(): void;
}

/** A file beyond this size is set aside when the process starts; one older generation is kept. */
const rotateBytes = 20 * 1024 * 1024;

/** Opens `<directory>/worker.log`, or the standard error when the folder cannot be written. */
export function openLog({
  directory,
  scrub,
  level,
}: {
  directory: string;
  scrub: (text: string) => string;
  level: string;
}): Log {
  const destination = pino.destination({ dest: writableFile(directory) ?? 2, sync: false, minLength: 0 });
  const scrubbing = { write: (line: string) => destination.write(scrub(line)) };
  const logger = pino(
    { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    scrubbing,
  );
  const write =
    (name: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, detail: object = {}): void =>
      logger[name](detail, message);
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    flush: () => destination.flushSync(),
  };
}

function writableFile(directory: string): string | null {
  const file = join(directory, 'worker.log');
  try {
    mkdirSync(directory, { recursive: true });
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > rotateBytes) renameSync(file, `${file}.1`);
    return file;
  } catch {
    return null;
  }
}
