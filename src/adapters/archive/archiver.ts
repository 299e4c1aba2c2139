/** Makes archives in threads of their own, and ends them when they are told to, also when a disk does not answer. */
import { Worker } from 'node:worker_threads';
import type { ArchiveOutcome, MakeArchiveOptions } from './archive.js';
import type { ArchiveOrder, ArchiveWord } from './archive-thread.js';

/** A thread that was told to stop tidies up for this long, then it is ended; the next try removes what it leaves. */
const tidyMs = 5_000;
/** A thread that has nothing to do is kept for this long: starting one takes longer than a small archive. */
const idleMs = 10_000;

/**
 * `thread` is the compiled `archive-thread`. The returned function is `makeArchive`: expected failures are outcomes, it rejects
 * with the signal's reason when it is aborted.
 */
export function createArchiver(thread: URL): (options: MakeArchiveOptions) => Promise<ArchiveOutcome> {
  const idle: { worker: Worker; timer: NodeJS.Timeout }[] = [];
  const hire = (): Worker => {
    const found = idle.pop();
    clearTimeout(found?.timer);
    // Options of the process (loaders, `--input-type`) are not for compiled files.
    const worker = found?.worker ?? new Worker(thread, { name: 'archive', execArgv: [] });
    worker.removeAllListeners();
    worker.ref();
    return worker;
  };
  const rest = (worker: Worker): void => {
    worker.removeAllListeners();
    // Nobody waits for it: neither its end nor its failure is news.
    worker.on('error', () => undefined);
    worker.unref();
    const timer = setTimeout(() => {
      const at = idle.findIndex((each) => each.worker === worker);
      if (at >= 0) idle.splice(at, 1);
      void worker.terminate();
    }, idleMs);
    timer.unref();
    idle.push({ worker, timer });
  };
  return ({ onProgress, signal, ...job }) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(asError(signal.reason));
      const worker = hire();
      const order = (given: ArchiveOrder): void => worker.postMessage(given);
      let timer: NodeJS.Timeout | undefined;
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        if (signal.aborted) reject(asError(signal.reason));
        else settle();
      };
      const stop = (): void => {
        order({ kind: 'stop' });
        timer = setTimeout(() => {
          // A thread that waits for a disk does not end before the disk answers.
          worker.unref();
          void worker.terminate();
          end(() => undefined);
        }, tidyMs);
      };
      signal.addEventListener('abort', stop, { once: true });
      worker.on('message', (word: ArchiveWord) => {
        if (word.kind === 'progress') return onProgress(word.progress);
        rest(worker);
        end(() => (word.kind === 'done' ? resolve(word.outcome) : reject(new Error(word.message))));
      });
      worker.on('error', (error) => end(() => reject(asError(error))));
      worker.on('exit', () =>
        end(() => reject(new Error('the thread that makes the archive ended without a word'))),
      );
      order({ kind: 'make', job });
    });
}

const asError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));
