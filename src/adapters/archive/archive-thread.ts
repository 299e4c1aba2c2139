/** The thread in which archives are made, one after the other: it waits for disks and deflates, and holds up nobody. */
import { parentPort } from 'node:worker_threads';
import type { ArchiveOutcome, ArchiveProgress, MakeArchiveOptions } from './archive.js';
import { makeArchive } from './make-archive.js';

/** What it is given. */
export type ArchiveJob = Omit<MakeArchiveOptions, 'onProgress' | 'signal'>;

/** What it is told. */
export type ArchiveOrder = { kind: 'make'; job: ArchiveJob } | { kind: 'stop' };

/** What it says. The last two end a job, when nothing of it is left to write. */
export type ArchiveWord =
  | { kind: 'progress'; progress: ArchiveProgress }
  | { kind: 'done'; outcome: ArchiveOutcome }
  | { kind: 'failed'; message: string; stack: string };

/** What it last said is said again while it waits for a disk; when this thread itself hangs, nothing is. */
const progressEveryMs = 500;

const packThread = new URL('./pack-thread.js', import.meta.url);
const say = (word: ArchiveWord): void => parentPort?.postMessage(word);
let stop = new AbortController();

parentPort?.on('message', (order: ArchiveOrder) => {
  if (order.kind === 'stop') return stop.abort();
  stop = new AbortController();
  void make(order.job, stop.signal).then(say);
});

async function make(job: ArchiveJob, signal: AbortSignal): Promise<ArchiveWord> {
  let last: ArchiveProgress | null = null;
  let phase = '';
  const tell = (): void => {
    if (last !== null) say({ kind: 'progress', progress: last });
  };
  const telling = setInterval(tell, progressEveryMs);
  try {
    const onProgress = (progress: ArchiveProgress): void => {
      last = progress;
      if (progress.phase !== phase) tell();
      ({ phase } = progress);
    };
    return { kind: 'done', outcome: await makeArchive({ ...job, signal, onProgress }, packThread) };
  } catch (error) {
    const { message, stack = '' } = error instanceof Error ? error : new Error(String(error));
    return { kind: 'failed', message, stack };
  } finally {
    clearInterval(telling);
  }
}
