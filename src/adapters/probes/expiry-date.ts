/** Reads the date on which something expires, in the few forms that programs print. */

const isoDate = /^\d{4}-\d{2}-\d{2}$/;
const isoInstant = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/;
/** As openssl prints: `Jan 31 12:00:00 2027 GMT`; as HTTP does: `Sun, 31 Jan 2027 12:00:00 GMT`. */
const gmtDate = /^(?:[A-Z][a-z]{2}, \d{1,2} )?[A-Z][a-z]{2} +\d[\d: ]+ GMT$/;
const epochSeconds = /^\d{9,10}$/;
const epochMs = /^\d{12,13}$/;

/**
 * The instant in ms since the epoch, or null. A date without a time is its start in UTC: better a day early than
 * a day late. An instant without a zone is UTC. A JSON string and openssl's `notAfter=` are taken off.
 */
export function parseExpiryDate(text: string): number | null {
  const bare = text
    .trim()
    .replace(/^"(.*)"$/s, '$1')
    .replace(/^notAfter=/, '')
    .trim();
  if (epochSeconds.test(bare)) return Number(bare) * 1000;
  if (epochMs.test(bare)) return Number(bare);
  if (isoDate.test(bare)) return validDay(bare) ? Date.parse(`${bare}T00:00:00Z`) : null;
  if (isoInstant.test(bare)) {
    if (!validDay(bare.slice(0, 10))) return null;
    const zoned = /(Z|[+-]\d{2}:?\d{2})$/.test(bare.slice(10)) ? bare : `${bare}Z`;
    return numberOrNull(Date.parse(zoned.replace(' ', 'T').replace(/\s+(?=[Z+-])/, '')));
  }
  return gmtDate.test(bare) ? numberOrNull(Date.parse(bare)) : null;
}

/** JavaScript takes 2027-02-30 for 2 March. */
function validDay(day: string): boolean {
  const at = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(day);
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
