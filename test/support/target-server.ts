/** An HTTP service to be watched: it can be stopped and started on the same port, fail, or hang. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface TargetServer {
  url: string;
  /** Requests taken so far. */
  hits(): number;
  /** Paths of the requests, in order. */
  urls(): readonly string[];
  /** When the last request was taken, epoch ms; 0 before the first. */
  lastHitAt(): number;
  /** What it answers from now on: 200, another status, or nothing at all. */
  answer(how: number | 'nothing'): void;
  /** Nothing listens any more. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  start(): Promise<void>;
}

export async function startTargetServer(): Promise<TargetServer> {
  let answer: number | 'nothing' = 200;
  let [lastHitAt, port] = [0, 0];
  const urls: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    urls.push(request.url ?? '');
    lastHitAt = Date.now();
    if (answer === 'nothing') return;
    response.writeHead(answer, { 'content-type': 'text/plain' }).end(answer === 200 ? 'ok' : 'broken');
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // clients leave as they like
    socket.once('close', () => sockets.delete(socket));
  });
  const start = async (): Promise<void> => {
    server.listen({ host: '127.0.0.1', port });
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  };
  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    hits: () => urls.length,
    urls: () => urls,
    lastHitAt: () => lastHitAt,
    answer: (how) => {
      answer = how;
    },
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    start,
  };
}
