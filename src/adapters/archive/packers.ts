/** Threads that read and deflate for an archive, each one job at a time. */
import { availableParallelism } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ChangedFile } from './changed-file.js';
import type { Block } from './deflate.js';
import { doPackJob, type PackAnswer, type PackedFile, type PackJob } from './pack-job.js';
import type { ListedFile } from './read-file.js';

export interface Packers {
  /** Jobs that are worth having under way: one for each thread, and one that waits. */
  readonly atOnce: number;
  /** Reads and deflates small files; `data` is theirs, one after the other. Rejects with `ChangedFile` or the file system's error. */
  files(files: ListedFile[]): Promise<{ files: PackedFile[]; data: Buffer }>;
  /** Deflates a block of a stream. Its memory is handed over. */
  block(block: Block & { data: Uint8Array<ArrayBuffer> }): Promise<Buffer>;
  /** Ends the threads; jobs that wait are rejected. */
  close(): Promise<void>;
}

/** More would leave nothing to the other work of the machine. */
const mostThreads = 3;

interface Waiting {
  job: PackJob;
  resolve(answer: PackAnswer & { kind: 'packed' }): void;
  reject(error: Error): void;
}

/** `thread` is the compiled `pack-thread`. Threads start when there is work for them. */
export function createPackers(thread: URL): Packers {
  const most = Math.min(mostThreads, availableParallelism());
  const workers: Worker[] = [];
  const idle: Worker[] = [];
  const waiting: Waiting[] = [];
  const busy = new Map<Worker, Waiting>();

  const startNext = (): void => {
    if (waiting.length === 0) return;
    const worker = idle.pop() ?? (workers.length < most ? startWorker() : undefined);
    const next = worker === undefined ? undefined : waiting.shift();
    if (worker === undefined || next === undefined) return;
    busy.set(worker, next);
    const { job } = next;
    worker.postMessage(job, job.kind === 'block' ? [job.data.buffer as ArrayBuffer] : []);
  };
  const startWorker = (): Worker => {
    const worker = new Worker(thread, { name: 'archive-pack', execArgv: [] });
    workers.push(worker);
    worker.on('message', (answer: PackAnswer) => {
      const done = busy.get(worker);
      busy.delete(worker);
      idle.push(worker);
      if (done !== undefined) settle(done, answer);
      startNext();
    });
    const fail = (error: Error): void => {
      busy.get(worker)?.reject(error);
      busy.delete(worker);
      // Nobody may be left to take them.
      for (const { reject } of waiting.splice(0)) reject(error);
    };
    worker.on('error', fail);
    worker.on('exit', () => fail(new Error('a thread that packs ended without a word')));
    return worker;
  };
  const ask = (job: PackJob): Promise<PackAnswer & { kind: 'packed' }> =>
    new Promise((resolve, reject) => {
      waiting.push({ job, resolve, reject });
      startNext();
    });

  return {
    atOnce: most + 1,
    files: async (files) => {
      const { files: packed, data } = await ask({ kind: 'files', files });
      return { files: packed, data: asBuffer(data) };
    },
    block: async (block) => asBuffer((await ask({ kind: 'block', ...block })).data),
    close: async () => {
      for (const { reject } of waiting.splice(0)) reject(new Error('the archive is no longer made'));
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

/** Packs in the thread that asks: for little work, starting others takes longer than it. */
export function packersInPlace(): Packers {
  const ask = async (job: PackJob): Promise<PackAnswer & { kind: 'packed' }> => {
    // Progress is told, and a stop heard, between two jobs.
    await setImmediate();
    return new Promise((resolve, reject) => settle({ job, resolve, reject }, doPackJob(job)));
  };
  return {
    atOnce: 1,
    files: async (files) => {
      const { files: packed, data } = await ask({ kind: 'files', files });
      return { files: packed, data: asBuffer(data) };
    },
    block: async (block) => asBuffer((await ask({ kind: 'block', ...block })).data),
    close: () => Promise.resolve(),
  };
}

const asBuffer = (data: Uint8Array<ArrayBuffer>): Buffer =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength);

function settle({ resolve, reject }: Waiting, answer: PackAnswer): void {
  switch (answer.kind) {
    case 'packed':
      return resolve(answer);
    case 'changed':
      return reject(new ChangedFile(answer.file));
    case 'failed': {
      const { message, code, path } = answer;
      return reject(
        Object.assign(new Error(message), code === '' ? {} : { code }, path === null ? {} : { path }),
      );
    }
  }
}
