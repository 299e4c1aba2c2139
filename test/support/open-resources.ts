/** What keeps this process busy: sockets, look-ups, children. For tests that nothing is left behind. */
import { vi } from 'vitest';

/** Timers are left out: the test runner has its own. */
const watched = /Socket|Wrap|Process/;

/** How many of each kind are open. */
export const openResources = (): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (watched.test(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
};

/** Waits until no kind has more than before; fails with what is left over otherwise. */
export const waitUntilNoMoreThan = async (before: Map<string, number>): Promise<void> => {
  await vi.waitFor(
    () => {
      const over = [...openResources()].filter(([kind, count]) => count > (before.get(kind) ?? 0));
      if (over.length > 0) throw new Error(`left open: ${over.map((entry) => entry.join(' ')).join(', ')}`);
    },
    { timeout: 3000, interval: 20 },
  );
};
