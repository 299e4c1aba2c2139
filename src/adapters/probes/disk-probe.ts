/** Free and total space of the file system that holds a path. */
import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { formatDuration } from '../../domain/duration.js';
import type { Observation } from '../../domain/observation.js';
import type { DiskCheck } from '../../domain/service.js';
import type { ProbeOptions } from './probe-options.js';

/** Questions that outlived their time limit, by path, with the instant they were asked. */
const hanging = new Map<string, number>();
const inFlight = new Map<string, Promise<StatsFs>>();
/**
 * A file system that hangs (a lost NFS server) holds one of Node's four threads for file access until it
 * answers. It is asked only once, and never more than two at a time, so that the worker itself goes on.
 */
const maxHanging = 2;

/** `diskFreeBytes` is what programs other than root may still use. A path that hangs costs its time limit only. */
export const probeDisk = async ({ path }: DiskCheck, options: ProbeOptions): Promise<Observation> => {
  const startedAt = performance.now();
  const responseTimeMs = (): number => performance.now() - startedAt;
  const since = hanging.get(path);
  if (since !== undefined) {
    const error = `${path}: no answer from the file system for ${formatDuration(1_000 * Math.round((startedAt - since) / 1_000))}`;
    return { connected: false, responseTimeMs: responseTimeMs(), error };
  }
  if (hanging.size >= maxHanging && !inFlight.has(path)) {
    const error = `${path} was not asked: other file systems do not answer (${[...hanging.keys()].join(', ')})`;
    return { connected: false, unknown: true, responseTimeMs: responseTimeMs(), error };
  }
  try {
    const figures = await withinLimit(path, ask(path), options);
    return {
      connected: true,
      responseTimeMs: responseTimeMs(),
      diskFreeBytes: figures.bavail * figures.bsize,
      diskTotalBytes: figures.blocks * figures.bsize,
    };
  } catch (error) {
    const unknown = options.signal?.aborted === true ? { unknown: true } : {};
    return { connected: false, ...unknown, responseTimeMs: responseTimeMs(), error: problem(path, error) };
  }
};

/** Checks of the same path share one question. */
const ask = (path: string): Promise<StatsFs> => {
  const running = inFlight.get(path);
  if (running !== undefined) return running;
  const asked = statfs(path).finally(() => {
    inFlight.delete(path);
    hanging.delete(path);
  });
  inFlight.set(path, asked);
  return asked;
};

const withinLimit = async (
  path: string,
  answer: Promise<StatsFs>,
  { timeoutMs, signal }: ProbeOptions,
): Promise<StatsFs> => {
  const askedAt = performance.now();
  let release = (): void => {};
  const limit = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(new Error('the check was cancelled'));
    const timer = setTimeout(() => {
      hanging.set(path, askedAt);
      reject(new Error(`no answer within ${formatDuration(timeoutMs)}`));
    }, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    release = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
    if (signal?.aborted === true) onAbort();
  });
  try {
    return await Promise.race([answer, limit]);
  } finally {
    release();
  }
};

const problem = (path: string, error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return `${path} does not exist: is its disk mounted?`;
  if (code === 'EACCES') return `${path} may not be read by the user that runs opsloop`;
  return `${path}: ${message}`;
};
