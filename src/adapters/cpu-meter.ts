/** Turns counters of CPU time that only grow into a percentage since they were last read. */
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** Two counters in the same unit: CPU time used, and the time in which it could be used. */
export interface CpuReading {
  used: number;
  elapsed: number;
}

/** A percentage over less time than this is mostly noise. */
const windowMs = 200;
/** Containers and processes come and go: the longest unread is forgotten first. */
const maxRemembered = 1_000;

interface Remembered {
  reading: CpuReading;
  percent: number;
  readAtMs: number;
}

/**
 * A meter for many sources, each under a key that changes when its counter starts again. The first call for a
 * key takes 200 ms; calls at the same time or within 200 ms share one reading. Null: the source tells nothing.
 */
export const createCpuMeter = (): ((
  key: string,
  read: () => Promise<CpuReading | null>,
) => Promise<number | null>) => {
  const remembered = new Map<string, Remembered>();
  const inFlight = new Map<string, Promise<number | null>>();

  const remember = (key: string, reading: CpuReading, percent: number): number => {
    remembered.delete(key);
    remembered.set(key, { reading, percent, readAtMs: performance.now() });
    for (const oldest of remembered.keys()) {
      if (remembered.size <= maxRemembered) break;
      remembered.delete(oldest);
    }
    return percent;
  };

  const measure = async (key: string, read: () => Promise<CpuReading | null>): Promise<number | null> => {
    const before = remembered.get(key);
    if (before !== undefined && performance.now() - before.readAtMs < windowMs) return before.percent;
    const now = await read();
    if (now === null) return null;
    const sinceBefore = before === undefined ? null : percentBetween(before.reading, now);
    if (sinceBefore !== null) return remember(key, now, sinceBefore);
    await delay(windowMs);
    const later = await read();
    const inWindow = later === null ? null : percentBetween(now, later);
    return later === null || inWindow === null ? null : remember(key, later, inWindow);
  };

  return (key, read) => {
    const running = inFlight.get(key);
    if (running !== undefined) return running;
    const started = measure(key, read).finally(() => inFlight.delete(key));
    inFlight.set(key, started);
    return started;
  };
};

/** Null when the counter started again or time stood still. */
const percentBetween = (before: CpuReading, now: CpuReading): number | null => {
  const used = now.used - before.used;
  const elapsed = now.elapsed - before.elapsed;
  return used < 0 || elapsed <= 0 ? null : (100 * used) / elapsed;
};
