/** Names for databases beside one that is there. */
import { createHash } from 'node:crypto';

/** PostgreSQL cuts longer names, silently. */
const longestBytes = 63;

/** `name` and `suffix`; too long a name is cut at a whole character, and keeps a hash by which it stays apart from others. */
export function databaseNameWith(name: string, suffix: string): string {
  if (Buffer.byteLength(name + suffix) <= longestBytes) return name + suffix;
  const end = `_${createHash('sha256').update(name).digest('hex').slice(0, 8)}${suffix}`;
  const begin = Buffer.from(name).subarray(0, longestBytes - Buffer.byteLength(end));
  // A stream of characters gives out whole ones only.
  return new TextDecoder().decode(begin, { stream: true }) + end;
}

/** `name`, or `name_2`, … when it is taken. */
export function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let count = 2; taken.includes(free); count += 1) free = databaseNameWith(name, `_${count}`);
  return free;
}
