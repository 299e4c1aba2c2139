/** An HTTP receiver that keeps what it is sent and answers what the test says. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import type { TestCertificate } from './certificate.js';
import { startHttpServer } from './http-server.js';

export interface ReceivedPost {
  method: string;
  /** Path and query. */
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface WebhookServer {
  url: string;
  port: number;
  received: ReceivedPost[];
}

export type Answer = (response: ServerResponse, post: ReceivedPost) => void;

/** Closed when the test that asked for it ends. */
export async function startWebhookServer(
  answer: Answer = (response) => response.end('ok'),
  { certificate }: { certificate?: TestCertificate } = {},
): Promise<WebhookServer> {
  const received: ReceivedPost[] = [];
  const server = await startHttpServer(
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.once('end', () => {
        const { method = '', url: path = '', headers } = request;
        const post = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') };
        received.push(post);
        answer(response, post);
      });
    },
    certificate === undefined ? {} : { certificate },
  );
  onTestFinished(() => server.close());
  return { url: server.url, port: server.port, received };
}

/** Answers with a status, headers and a body. */
export const answering =
  (status: number, headers: Record<string, string> = {}, body = ''): Answer =>
  (response) =>
    response.writeHead(status, headers).end(body);
