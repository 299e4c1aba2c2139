/** Waiting for something to become true, by looking at it again and again until a deadline. */

import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  timeoutMs: number;
  intervalMs?: number;
  signal?: AbortSignal | undefined;
}

/** True as soon as `isTrue` says so, false when `timeoutMs` have passed. Rejects when `signal` is aborted. */
export async function waitUntil(
  isTrue: () => boolean | Promise<boolean>,
  { timeoutMs, intervalMs = 25, signal }: WaitOptions,
): Promise<boolean> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    if (await isTrue()) return true;
    if (performance.now() >= deadlineMs) return false;
    await sleep(intervalMs, undefined, signal ? { signal } : {});
  }
}
