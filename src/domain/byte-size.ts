/** Amounts of memory and disk as people write them: `512MB` and `1GB` count by 1000, `1GiB` by 1024. */

const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

const powers: Record<string, number> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

const longestByteSize = 40;

/** Whole bytes of a size such as `512MB`, `1.5GiB` or `200 kB` (any case); null when the text is none. */
export function parseByteSize(text: string): number | null {
  if (text.length > longestByteSize) return null;
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(i?)b$/i.exec(text);
  if (match === null) return null;
  const [, digits, prefix = '', binary] = match;
  if (prefix === '' && binary !== '') return null;
  const power = powers[prefix.toLowerCase()] ?? 0;
  const bytes = Math.round(Number(digits) * (binary === '' ? 1000 : 1024) ** power);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** A size for people with at most two decimals, counted by 1000: `512MB`, `1.07GB`. */
export function formatByteSize(sizeBytes: number): string {
  if (!Number.isFinite(sizeBytes)) return String(sizeBytes);
  const sign = sizeBytes < 0 ? '-' : '';
  let amount = Math.abs(sizeBytes);
  let unit = 0;
  // 999.995 would be rounded up to 1000 of the smaller unit.
  while (amount >= 999.995 && unit < decimalUnits.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  const decimals = unit === 0 ? 0 : 2;
  return `${sign}${Number(amount.toFixed(decimals))}${decimalUnits[unit] ?? 'B'}`;
}
