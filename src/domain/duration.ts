/** Durations as people write them: `500ms`, `30s`, `5m`, `1h30m`, `1.5h`, `2d`, `1w`. */

/** Largest first: a compound names each unit at most once, in this order. */
const units = [
  ['w', 604_800_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

const longestDuration = 40;

/** Milliseconds of a duration, with fractions down to 1 µs; null when the text is none (a bare number has no unit). */
export function parseDuration(text: string): number | null {
  if (text === '' || text.length > longestDuration) return null;
  const part = /(\d+(?:\.\d+)?)(ms|[wdhms])/y;
  let totalMs = 0;
  let lastUnit = -1;
  let end = 0;
  while (end < text.length) {
    const match = part.exec(text);
    if (match === null) return null;
    const unit = units.findIndex(([name]) => name === match[2]);
    if (unit <= lastUnit) return null;
    totalMs += Number(match[1]) * (units[unit]?.[1] ?? 0);
    lastUnit = unit;
    end = part.lastIndex;
  }
  // Without this, 1.1 hours would be a few picoseconds off a whole millisecond.
  const roundedMs = Math.round(totalMs * 1_000) / 1_000;
  return Number.isSafeInteger(Math.round(totalMs)) ? roundedMs : null;
}

/** A duration for people, in days and less: `14d`, `1h30m`, `45s`, `250ms`. Whole milliseconds survive `parseDuration`. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return String(durationMs);
  const sign = durationMs <= -0.5 ? '-' : '';
  let restMs = Math.round(Math.abs(durationMs));
  if (restMs === 0) return '0s';
  let text = '';
  for (const [name, sizeMs] of units) {
    if (name === 'w') continue;
    const count = Math.floor(restMs / sizeMs);
    if (count > 0) text += `${count}${name}`;
    restMs -= count * sizeMs;
  }
  return sign + text;
}
