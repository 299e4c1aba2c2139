/** Spreads the start of many checks, so that the time of each is the target's and not that of its own queue. */

/**
 * Checks started in one turn of the event loop. With more of them answers wait for each other, with fewer the turns
 * cost more: of 1,000 checks at once, the median took 5 ms with 8, and 300 ms without a pace.
 */
const startsPerTurn = 8;

/**
 * Each call resolves when it is its turn, in the order of the calls. Between two turns the event loop takes what
 * earlier checks were waiting for. How many run at once is not limited: a target that hangs delays nobody.
 */
export function createPace(): () => Promise<void> {
  const waiting: (() => void)[] = [];
  const turn = (): void => {
    for (const start of waiting.splice(0, startsPerTurn)) start();
    if (waiting.length > 0) setImmediate(turn);
  };
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) setImmediate(turn);
    });
}
