/** A way to a server that a test can cut and mend: the server is away, and back, without stopping it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface TcpProxy {
  port: number;
  /** Ends all connections; new ones are refused. */
  cut(): Promise<void>;
  /** Connections work again, on the same port. */
  mend(): Promise<void>;
  /** From now on nothing is passed on, and nothing ends: the server hangs. `mend` also ends that. */
  hang(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isHanging = false;
  let server: Server | null = null;

  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
  };
  const serve = (client: Socket): void => {
    const upstream = connect(target);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      keep(from);
      from.on('data', (chunk) => {
        if (!isHanging) to.write(chunk);
      });
      from.once('close', () => to.destroy());
    }
  };
  const listen = async (port: number): Promise<number> => {
    server = createServer(serve).listen({ host: '127.0.0.1', port });
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const cut = async (): Promise<void> => {
    if (server === null) return;
    const closed = once(server, 'close');
    server.close();
    server = null;
    for (const socket of sockets) socket.destroy();
    await closed;
  };

  const port = await listen(0);
  return {
    port,
    cut,
    mend: async () => {
      isHanging = false;
      await cut();
      await listen(port);
    },
    hang: () => {
      isHanging = true;
    },
    close: cut,
  };
}
