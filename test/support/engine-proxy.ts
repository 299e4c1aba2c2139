/** Stands before a real Docker engine and can fall silent at any request, as if the one who asked had been killed then. */
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface EngineProxy {
  /** For DOCKER_HOST. */
  address: string;
  /** `POST /containers/x/start`, in order, since the last `cutAt` or `heal`. */
  requests: string[];
  /**
   * The engine still gets the request of this number (from 1), nobody its answer, and no later one reaches it.
   * `isCounted` chooses which requests have numbers; default: all.
   */
  cutAt(number: number, isCounted?: (request: string) => boolean): void;
  /** Lets everything through again. */
  heal(): void;
  stop(): Promise<void>;
}

/** `address`: of the real engine, `unix://…`. */
export const startEngineProxy = async (address: string): Promise<EngineProxy> => {
  const folder = await mkdtemp('/tmp/opsp-');
  const socketPath = join(folder, 'docker.sock');
  const requests: string[] = [];
  let cut: { number: number; isCounted: (request: string) => boolean } | null = null;
  let counted = 0;

  const server = createServer((incoming, outgoing) => {
    const name = `${incoming.method} ${incoming.url}`;
    if (cut !== null && counted >= cut.number) {
      incoming.socket.destroy();
      return;
    }
    requests.push(name);
    if (cut?.isCounted(name) === true) counted += 1;
    const isLast = cut !== null && counted >= cut.number;
    forward(address.replace('unix://', ''), isLast, incoming, outgoing);
  });
  await new Promise<void>((resolve) => void server.listen(socketPath, resolve));
  const begin = (next: typeof cut): void => {
    cut = next;
    counted = 0;
    requests.length = 0;
  };
  return {
    address: `unix://${socketPath}`,
    requests,
    cutAt: (number, isCounted = () => true) => begin({ number, isCounted }),
    heal: () => begin(null),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const forward = (
  socketPath: string,
  isAnswerLost: boolean,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void => {
  const { method, url: path, headers } = incoming;
  const onward = request({ socketPath, method, path, headers }, (answer) => {
    if (isAnswerLost) {
      answer.resume();
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    outgoing.flushHeaders();
    answer.pipe(outgoing);
  });
  onward.once('error', () => incoming.socket.destroy());
  // The one who asked goes at once, while the engine still works on it.
  if (isAnswerLost) onward.once('finish', () => incoming.socket.destroy());
  incoming.pipe(onward);
};
