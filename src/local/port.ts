/** Ports on the loopback address: which are free, which answer. */

import { createServer, connect } from 'node:net';
import { OpsError } from '../domain/errors.js';

export const loopback = '127.0.0.1';

const searchedPorts = 200;

/** Whether a server could listen there now. */
export function isPortFree(port: number, host: string = loopback): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** `preferred`, or the next one after it that is free and not in `avoid`. Throws OpsError `unavailable` when there is none. */
export async function findFreePort(preferred: number, avoid: readonly number[] = []): Promise<number> {
  const last = Math.min(65_535, preferred + searchedPorts);
  for (let port = preferred; port <= last; port += 1) {
    if (!avoid.includes(port) && (await isPortFree(port))) return port;
  }
  throw new OpsError(
    'unavailable',
    `no free port on ${loopback} from ${preferred} to ${last}; end something that listens there`,
  );
}

/** Whether something accepts connections there within `timeoutMs`; the reason when not. */
export function tryConnect(host: string, port: number, timeoutMs: number): Promise<{ error: string | null }> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (error: string | null): void => {
      socket.destroy();
      resolve({ error });
    };
    socket.setTimeout(timeoutMs, () => finish(`no answer within ${timeoutMs / 1000} s`));
    socket.once('connect', () => finish(null));
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  });
}
