/** An HTTP or HTTPS server on loopback with a handler of the test's own. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestCertificate } from './certificate.js';

export interface HttpServer {
  /** Without a slash at the end. */
  url: string;
  port: number;
  close(): Promise<void>;
}

export const startHttpServer = async (
  handler: RequestListener,
  { host = '127.0.0.1', certificate }: { host?: string; certificate?: TestCertificate } = {},
): Promise<HttpServer> => {
  const server = certificate ? createTlsServer(certificate, handler) : createServer(handler);
  server.listen({ host, port: 0, backlog: 1024 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const scheme = certificate ? 'https' : 'http';
  return {
    url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};
