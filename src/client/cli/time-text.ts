/** Instants and durations as people read them: `3m ago`, `in 40s`, `since 14:02 (2h)`. */

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** A duration by its two largest units: `2d4h`, `3m20s`, `0s`. */
export function roughDuration(durationMs: number): string {
  let restMs = Math.max(0, durationMs);
  const first = units.findIndex(([, sizeMs]) => restMs >= sizeMs);
  if (first < 0) return '0s';
  let text = '';
  for (const [name, sizeMs] of units.slice(first, first + 2)) {
    const count = Math.floor(restMs / sizeMs);
    restMs -= count * sizeMs;
    if (count > 0) text += `${count}${name}`;
  }
  return text;
}

/** Like `roughDuration`, and under a second in milliseconds: `12ms`. */
export const shortDuration = (durationMs: number): string =>
  durationMs < 1_000 ? `${Math.max(0, Math.round(durationMs))}ms` : roughDuration(durationMs);

/** `3m20s ago`, `in 40s`, `now`; an empty text for null. */
export function relativeTime(iso: string | null, now: number): string {
  if (iso === null) return '';
  const distanceMs = Date.parse(iso) - now;
  if (Math.abs(distanceMs) < 1_000) return 'now';
  return distanceMs > 0 ? `in ${roughDuration(distanceMs)}` : `${roughDuration(-distanceMs)} ago`;
}

/** Local date and time to the second: `2026-11-23 14:02:07`; an empty text for null. */
export function localTime(iso: string | null): string {
  if (iso === null) return '';
  const date = new Date(iso);
  const two = (part: number): string => String(part).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `1.2ms`, `38ms`, `1.25s`; an empty text for null. */
export function latencyText(latencyMs: number | null): string {
  if (latencyMs === null) return '';
  if (latencyMs >= 1_000) return `${(latencyMs / 1_000).toFixed(2)}s`;
  return latencyMs >= 10 ? `${Math.round(latencyMs)}ms` : `${latencyMs.toFixed(1)}ms`;
}

/** `99.95%`, `100%`; a dash without data. Rounded down: 100 % is said only when nothing failed. */
export function availabilityText(fraction: number | null): string {
  if (fraction === null) return '–';
  return `${Math.floor(fraction * 10_000) / 100}%`;
}
