/** What this worker knows of the runs of one source: which it has dealt with, and which are to be looked at. */

export interface RunBacklog {
  /** Runs that something was heard of. */
  add(ids: readonly string[]): void;
  /** Somebody wants a look at all before its time. */
  owe(): void;
  /** Compares what all runs look like with what was dealt with; `begunAt` is when they were read, epoch ms. */
  takeMarks(marks: ReadonlyMap<string, string>, times: { begunAt: number; now: number }): void;
  /** True when it is time to look at all. */
  isLookDue(now: number, pollMs: number): boolean;
  /** Until then, ms; less when the clock of a run runs out before. */
  nextInMs(now: number, pollMs: number): number;
  /** The next runs to look at, those that wait longest first; they stay here until they are settled. */
  next(most: number, now: number): string[];
  /** It was dealt with; `dueAt` is when to look again though nothing is heard of it, epoch ms. */
  settled(id: string, dueAt: number | null): void;
  /** It could not be dealt with: it is left for the next look at all. */
  failed(id: string): void;
  /** Runs that wait. */
  size(): number;
}

interface Dealt {
  /** As it looked before it was read; null: nobody has looked since something was heard of it. */
  mark: string | null;
  dueAt: number | null;
}

/** A look at all takes at most this part of the time, so that large tables are looked at less often. */
const lookShare = 20;
/** However often a look at all is asked for, the others have their turn, too. */
const owedShare = 4;
/** Clocks of runs that run out close together are looked at together. */
const leastWaitMs = 200;

export function createRunBacklog(): RunBacklog {
  const dealt = new Map<string, Dealt>();
  const waiting = new Set<string>();
  let marks: ReadonlyMap<string, string> = new Map();
  let lookedAt: number | null = null;
  let tookMs = 0;
  let isOwed = false;
  const periodMs = (pollMs: number): number =>
    isOwed ? tookMs * owedShare : Math.max(pollMs, tookMs * lookShare);
  const addDue = (now: number): void => {
    for (const [id, { dueAt }] of dealt) if (dueAt !== null && dueAt <= now) waiting.add(id);
  };
  return {
    add: (ids) => {
      for (const id of ids) {
        waiting.add(id);
        // What is heard later than the marks were read is newer than they are.
        dealt.delete(id);
      }
    },
    owe: () => {
      isOwed = true;
    },
    takeMarks: (found, { begunAt, now }) => {
      lookedAt = now;
      isOwed = false;
      tookMs = now - begunAt;
      marks = found;
      for (const [id, mark] of found) if (dealt.get(id)?.mark !== mark) waiting.add(id);
      for (const [id, { mark }] of dealt) {
        if (found.has(id)) continue;
        // Out of sight: it is old, or its row is gone. One more look tells; without a mark it was looked at since.
        if (mark !== null) waiting.add(id);
        dealt.delete(id);
      }
      addDue(now);
    },
    isLookDue: (now, pollMs) => lookedAt === null || now - lookedAt >= periodMs(pollMs) || now < lookedAt,
    nextInMs: (now, pollMs) => {
      if (lookedAt === null) return 0;
      let next = lookedAt + periodMs(pollMs) - now;
      for (const { dueAt } of dealt.values()) if (dueAt !== null) next = Math.min(next, dueAt - now);
      return Math.max(leastWaitMs, next);
    },
    next: (most, now) => {
      addDue(now);
      return [...waiting].slice(0, most);
    },
    settled: (id, dueAt) => {
      waiting.delete(id);
      dealt.set(id, { mark: marks.get(id) ?? null, dueAt });
    },
    failed: (id) => {
      waiting.delete(id);
      dealt.delete(id);
    },
    size: () => waiting.size,
  };
}
