/** How long the other side asks to wait: the header Retry-After. */

/** Nobody is waited for longer: an alert is worth an attempt in each hour. */
export const longestWaitMs = 3_600_000;

/** Milliseconds from seconds (`30`) or a date of HTTP; null: none, or not understood. At most an hour. */
export function retryAfterMs(header: string | undefined, now: number): number | null {
  const written = header?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(written)) return bounded(Number(written) * 1000);
  // `Date.parse` takes nearly anything for a date.
  if (!/^[A-Z][a-z]{2,8},? /.test(written)) return null;
  const at = Date.parse(written);
  return Number.isNaN(at) ? null : bounded(at - now);
}

const bounded = (waitMs: number): number => Math.ceil(Math.min(longestWaitMs, Math.max(0, waitMs)));
