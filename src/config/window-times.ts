/** Times of day, days of the week and time zones as they are written in opsloop.yaml. */

/** 0 is Sunday. */
export const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** `22:00-07:00` as minutes of the day, or null; an end of 24:00 is the midnight that begins the next day: 0. */
export const parseBetween = (text: string): { fromMinute: number; toMinute: number } | null => {
  const match = /^(\d{2}):(\d{2})-(\d{2}):(\d{2})$/.exec(text);
  if (match === null) return null;
  const [fromHour = 0, from = 0, toHour = 0, to = 0] = match.slice(1).map(Number);
  const isEndOfDay = toHour === 24 && to === 0;
  if (from > 59 || to > 59 || fromHour > 23 || (toHour > 23 && !isEndOfDay)) return null;
  return { fromMinute: fromHour * 60 + from, toMinute: (toHour % 24) * 60 + to };
};

/** True for what may be the name of a zone at all; offsets such as +01:00 know no summer time and are none. */
export const isTimeZoneText = (text: string): boolean =>
  /^[A-Za-z][ -~]*$/.test(text) && !text.includes('${');

/** True for names of the IANA database. */
export const isTimeZone = (text: string): boolean => {
  if (!isTimeZoneText(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
};
