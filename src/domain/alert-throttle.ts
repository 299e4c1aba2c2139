/** The same event of the same target is told on the same route only so often. */
import type { Alert } from './alert.js';

/** Key → instant until which it is throttled, epoch ms; oldest first. */
export type Throttles = Record<string, number>;

/** Keys remembered at most: beyond it the oldest is forgotten, and its next alert is told. */
export const mostThrottles = 2000;

type ThrottledAlert = Pick<Alert, 'event' | 'status' | 'type' | 'target'>;

/** What counts as the same; `way` names the route and its channels. */
export const throttleKey = (way: string, { event, type, target }: ThrottledAlert): string =>
  JSON.stringify([way, event, type, target]);

/** True for alerts that a throttle may hold: the end of what was told is always told, and so is what opsloop says of itself. */
const isThrottled = ({ event, status }: ThrottledAlert): boolean =>
  status === 'firing' && event !== 'channel_failed' && event !== 'watchdog';

/** Until when the alert is not told again, epoch ms; null when it may be told. */
export function throttledUntil(
  throttles: Throttles,
  way: string,
  alert: ThrottledAlert,
  now: number,
): number | null {
  if (!isThrottled(alert)) return null;
  const until = throttles[throttleKey(way, alert)];
  return until !== undefined && until > now ? until : null;
}

/** Remembers that the alert was told; changes `throttles`. */
export function throttle(throttles: Throttles, way: string, alert: ThrottledAlert, until: number): void {
  if (!isThrottled(alert)) return;
  const key = throttleKey(way, alert);
  // Put at the end: keys stay in the order of telling.
  delete throttles[key];
  throttles[key] = until;
  const keys = Object.keys(throttles);
  for (const oldest of keys.slice(0, Math.max(0, keys.length - mostThrottles))) delete throttles[oldest];
}

/** Forgets what is over; changes `throttles`. */
export function forgetThrottles(throttles: Throttles, now: number): void {
  for (const [key, until] of Object.entries(throttles)) if (until <= now) delete throttles[key];
}
