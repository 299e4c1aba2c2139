/** How far a restore came, as comments on the databases themselves tell it. */
import type { FoundDatabase } from './database-properties.js';

export interface RestoreMarks {
  /** It may hold anything. */
  restoring: string;
  /** It holds all of the dump. */
  restored: string;
  /** It was live before. */
  before: string;
}

/** A restore is known by its deployment and its dump, whose checksum no other dump has. */
export const marksOf = (number: number, sha256: string): RestoreMarks => {
  const identity = `deployment ${number}, dump ${sha256}`;
  return {
    restoring: `opsloop is restoring this: ${identity}`,
    restored: `opsloop restored this: ${identity}`,
    before: `opsloop put this aside when it restored a backup: ${identity}`,
  };
};

/** Name under which the database of before is kept, null when there was none; undefined: it was not restored yet. */
export function keptDatabase(
  databases: readonly FoundDatabase[],
  { live, marks }: { live: string; marks: RestoreMarks },
): string | null | undefined {
  const before = databases.find(({ comment }) => comment === marks.before);
  if (before !== undefined) return before.name;
  return databases.some(({ name, comment }) => name === live && comment === marks.restored)
    ? null
    : undefined;
}
