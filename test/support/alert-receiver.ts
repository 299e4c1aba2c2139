/** A receiver of webhooks for several tests: it can refuse, hold requests open, go away and come back on the same port. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TestCertificate } from './certificate.js';

/** One request: a message on one channel, told apart by its path. */
export interface ReceivedMessage {
  /** When it was read to its end, epoch ms. */
  at: number;
  path: string;
  /** Header `webhook-id`. */
  id: string;
  events: string[];
  targets: string[];
  keys: string[];
  body: string;
}

/** `held`: nothing is answered until `release`. */
export type ReceiverAnswer = number | 'held' | { status: number; headers: Record<string, string> };

export interface AlertReceiver {
  url: string;
  received: ReceivedMessage[];
  /** What it received at a path, oldest first. */
  at(path: string): ReceivedMessage[];
  /** What it answers at a path from now on; 200 before. */
  answer(path: string, how: ReceiverAnswer): void;
  /** Requests that wait for their answer now. */
  held(): number;
  /** Answers what it holds, and resolves when that has left. */
  release(status: number): Promise<void>;
  /** Nothing listens any more. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  start(): Promise<void>;
}

interface WebhookBody {
  alerts: { labels: { target: string }; annotations: { event: string; key: string } }[];
}

export async function startAlertReceiver(certificate?: TestCertificate): Promise<AlertReceiver> {
  const received: ReceivedMessage[] = [];
  const answers = new Map<string, ReceiverAnswer>();
  const waiting = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  let port = 0;
  const respond = (path: string, response: ServerResponse): void => {
    const how = answers.get(path) ?? 200;
    if (how === 'held') {
      waiting.add(response);
      response.once('close', () => waiting.delete(response));
    } else if (typeof how === 'number') response.writeHead(how).end();
    else response.writeHead(how.status, how.headers).end();
  };
  const server = certificate === undefined ? createServer() : createTlsServer(certificate);
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.once('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const path = request.url ?? '';
      received.push({ at: Date.now(), path, id: String(request.headers['webhook-id']), ...contentOf(body) });
      respond(path, response);
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // clients are killed in the middle
    socket.once('close', () => sockets.delete(socket));
  });
  const start = async (): Promise<void> => {
    server.listen({ host: '127.0.0.1', port });
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  };
  await start();
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    received,
    at: (path) => received.filter((each) => each.path === path),
    answer: (path, how) => {
      answers.set(path, how);
    },
    held: () => waiting.size,
    release: async (status) => {
      const all = [...waiting];
      const left = all.map((response) => once(response, 'finish'));
      for (const response of all) response.writeHead(status).end();
      await Promise.all(left);
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

function contentOf(body: string): Pick<ReceivedMessage, 'events' | 'targets' | 'keys' | 'body'> {
  const { alerts } = JSON.parse(body) as WebhookBody;
  return {
    events: alerts.map(({ annotations }) => annotations.event),
    targets: alerts.map(({ labels }) => labels.target),
    keys: alerts.map(({ annotations }) => annotations.key),
    body,
  };
}
