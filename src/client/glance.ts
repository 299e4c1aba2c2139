/** Asks Temporal something that is good to know and not needed: briefly, and without failing. */
import { connect } from 'node:net';
import type { Stack } from './stack.js';
import type { Temporal } from './temporal.js';

/** The answer of `ask`, which gets half of the time; null when Temporal does not answer within `limitMs`. Never throws. */
export async function glance<Answer>(
  stack: Stack,
  limitMs: number,
  ask: (temporal: Temporal, limitMs: number) => Promise<Answer>,
): Promise<Answer | null> {
  const askAll = async (): Promise<Answer | null> => {
    // Asked first because it is answered at once where nothing runs: loading the client takes longer.
    const { temporal: endpoint } = stack.endpoints;
    if (endpoint === null || !(await isListening(endpoint.address, limitMs / 4))) return null;
    return ask(await stack.temporal(limitMs / 2), limitMs / 2);
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, limitMs, null);
  });
  try {
    return await Promise.race([askAll().catch(() => null), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether somebody takes connections at `host:port`; true for an address that only a profile of Temporal's knows. */
function isListening(address: string, limitMs: number): Promise<boolean> {
  const match = /^\[?([^[\]]+?)\]?:(\d{1,5})$/.exec(address);
  if (match?.[1] === undefined) return Promise.resolve(true);
  const [, host, port] = match;
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), timeout: limitMs });
    const answer = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
    socket.once('timeout', () => answer(false));
  });
}
