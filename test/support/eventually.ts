/** Waiting for something that comes by itself: looked for again and again until a deadline, never slept for. */
import { setTimeout as delay } from 'node:timers/promises';

/** Resolves with the first value of `look` that is not null, undefined or false; throws with `what` after the deadline. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  timeoutMs = 20_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await delay(20);
  }
}
