/** Time zones: how far local time is from UTC, and where that changes. */

const dayMs = 86_400_000;

interface Zone {
  format: Intl.DateTimeFormat;
  /** Offset at the beginning of days of UTC, ms; by the number of the day since 1970. */
  offsets: Map<number, number>;
}

const zones = new Map<string, Zone>();
const mostOffsets = 20_000;

function zoneOf(timeZone: string): Zone {
  const known = zones.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const zone = { format, offsets: new Map<number, number>() };
  zones.set(timeZone, zone);
  return zone;
}

/** Whether it is the name of a time zone, such as Europe/Oslo. */
export function isTimeZone(name: string): boolean {
  try {
    // `+01:00` is an offset, which Temporal takes for no time zone.
    if (!/^[A-Za-z]/.test(name)) return false;
    zoneOf(name);
    return true;
  } catch {
    return false;
  }
}

function askOffset({ format }: Zone, at: number): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(at)) parts[type] = Number(value);
  const local = Date.UTC(
    parts['year'] ?? 1970,
    (parts['month'] ?? 1) - 1,
    parts['day'] ?? 1,
    parts['hour'] ?? 0,
    parts['minute'] ?? 0,
    parts['second'] ?? 0,
  );
  return local - Math.floor(at / 1000) * 1000;
}

function dayOffset(zone: Zone, day: number): number {
  const known = zone.offsets.get(day);
  if (known !== undefined) return known;
  if (zone.offsets.size >= mostOffsets) zone.offsets.clear();
  const offset = askOffset(zone, day * dayMs);
  zone.offsets.set(day, offset);
  return offset;
}

/** How far local time is ahead of UTC at the instant, ms. Throws RangeError for an unknown zone. */
export function offsetAt(timeZone: string, at: number): number {
  if (timeZone === 'UTC') return 0;
  const zone = zoneOf(timeZone);
  const day = Math.floor(at / dayMs);
  const offset = dayOffset(zone, day);
  return offset === dayOffset(zone, day + 1) ? offset : askOffset(zone, at);
}

/** Whether local time is set forward or back within so many ms before or after the instant. */
export const isNearChange = (timeZone: string, at: number, withinMs: number): boolean =>
  offsetAt(timeZone, at - withinMs) !== offsetAt(timeZone, at + withinMs);

/** Whether it is always whole hours away from UTC, in the year around the instant. */
export function isWholeHours(timeZone: string, at: number): boolean {
  for (let month = 0; month < 12; month += 1)
    if (offsetAt(timeZone, at + month * 30 * dayMs) % 3_600_000 !== 0) return false;
  return true;
}
