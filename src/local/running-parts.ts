/** What `opsloop up` has running, in the order in which it is stopped. */

import type { Supervised } from './supervision.js';

/** `program`: worker and API, which use the servers and so end before them. */
export type PartKind = 'program' | 'server';

const graceMsOf: Record<PartKind, number> = { program: 4_000, server: 3_000 };

export interface RunningParts {
  add(kind: PartKind, part: Supervised): void;
  /** Programs first, then servers; what does not end in time is killed. At most 8 s. */
  stopAll(): Promise<void>;
  /** At once, without asking. */
  killAll(): void;
}

export function createRunningParts(): RunningParts {
  const parts: { kind: PartKind; part: Supervised }[] = [];
  const stopKind = (wanted: PartKind): Promise<unknown> =>
    Promise.all(parts.filter(({ kind }) => kind === wanted).map(({ part }) => part.stop(graceMsOf[wanted])));
  return {
    add: (kind, part) => void parts.push({ kind, part }),
    async stopAll() {
      await stopKind('program');
      await stopKind('server');
    },
    killAll: () => parts.forEach(({ part }) => part.kill()),
  };
}
