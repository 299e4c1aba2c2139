/** A TCP server on loopback that does with each connection what the test says; without that it accepts and is silent. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface TcpServer {
  port: number;
  /** `host:port`, with brackets around IPv6. */
  address: string;
  /** Connections accepted so far. */
  accepted(): number;
  /** Connections that are open now. */
  open(): number;
  close(): Promise<void>;
}

export const startTcpServer = async (
  onConnection: (socket: Socket) => void = () => {},
  host = '127.0.0.1',
): Promise<TcpServer> => {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // Clients leave as they like.
    socket.on('error', () => {});
    // Without a reader the end of a connection would go unnoticed.
    socket.resume();
    onConnection(socket);
  });
  server.listen({ host, port: 0, backlog: 1024 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    address: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    accepted: () => accepted,
    open: () => sockets.size,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
};

/** A port on 127.0.0.1 on which nothing listens. */
export const freePort = async (): Promise<number> => {
  const server = await startTcpServer();
  await server.close();
  return server.port;
};
