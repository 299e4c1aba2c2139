/** Work that goes on in this process, done once however often Temporal gives it out. */
import { beat } from './beat.js';
import { endOfWork, throwIfEnded } from './cancellation.js';

interface UnderWay {
  /** Aborted when anybody who waits for it has to end it: the first one may be long forgotten by Temporal. */
  end: AbortController;
  result: Promise<unknown>;
  progress: string;
}

/** Work that goes on in this process, by its identity. */
export type WorkUnderWay = Map<string, UnderWay>;

export interface WorkMeans {
  signal: AbortSignal;
  tell(progress: string): void;
}

/**
 * Does the work with signs of life. When it has to end, that is thrown. The same work that Temporal gives out a second time while it
 * still goes on here is done once.
 */
export async function doOnce<T>(
  underWay: WorkUnderWay,
  key: string,
  work: (means: WorkMeans) => Promise<T>,
): Promise<T> {
  const { signal, release } = endOfWork();
  const known = underWay.get(key) ?? {
    end: new AbortController(),
    result: Promise.resolve(),
    progress: '',
  };
  const onAbort = (): void => known.end.abort(signal.reason);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  const end = beat(() => ({ progress: known.progress }));
  try {
    if (!underWay.has(key)) {
      underWay.set(key, known);
      const tell = (progress: string): void => void (known.progress = progress);
      known.result = work({ signal: known.end.signal, tell }).finally(() => underWay.delete(key));
    }
    const result = (await known.result) as T;
    throwIfEnded(signal);
    return result;
  } catch (error) {
    throwIfEnded(signal);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    release();
    end();
  }
}
