/** Work side by side, within a bound, whose results are taken one after the other. */

export interface Order {
  /** Waits for the oldest when enough are under way. */
  add<Result>(work: Promise<Result>, take: (result: Result) => void): Promise<void>;
  drain(): Promise<void>;
  /** Waits for what is under way, whatever comes of it. */
  settle(): Promise<void>;
}

/** Results are taken in the order in which their work began. */
export function createOrder(atOnce: number): Order {
  const underWay: Promise<() => void>[] = [];
  const takeOldest = async (): Promise<void> => (await underWay.shift())?.();
  return {
    add: async (work, take) => {
      const next = work.then((result) => () => take(result));
      // Told when its turn comes.
      next.catch(() => undefined);
      underWay.push(next);
      if (underWay.length >= atOnce) await takeOldest();
    },
    drain: async () => {
      while (underWay.length > 0) await takeOldest();
    },
    settle: async () => void (await Promise.allSettled(underWay)),
  };
}
