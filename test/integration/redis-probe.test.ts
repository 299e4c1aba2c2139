/** The Redis probe on a real server, and on ones that answer as a troubled server does. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Socket } from 'node:net';
import { makeCertificate } from '../support/certificate.js';
import { observe, redisCheck } from '../support/checks.js';
import { openResources, waitUntilNoMoreThan } from '../support/open-resources.js';
import { type RedisServer, startRedisServer, whyNoRedisServer } from '../support/redis-server.js';
import { freePort, startTcpServer, type TcpServer } from '../support/tcp-server.js';

describe.skipIf(whyNoRedisServer !== null)(`a redis check of a real server ${whyNoRedisServer ?? ''}`, () => {
  let open: RedisServer;
  let guarded: RedisServer;
  beforeAll(async () => {
    [open, guarded] = await Promise.all([startRedisServer(), startRedisServer(['--requirepass', 'hush'])]);
  });
  afterAll(async () => {
    await Promise.all([open.stop(), guarded.stop()]);
  });

  it('is connected once PONG came, and times PING alone', async () => {
    const seen = await observe(redisCheck(`redis://127.0.0.1:${open.port}`));
    expect(seen).toMatchObject({ connected: true, ip: '127.0.0.1' });
    expect(seen).not.toHaveProperty('error');
    expect(seen.responseTimeMs).toBeGreaterThan(0);
    expect(await observe(redisCheck(`redis://localhost:${open.port}/3`))).toMatchObject({ connected: true });
  });

  it('logs in', async () => {
    expect(await observe(redisCheck(`redis://:hush@127.0.0.1:${guarded.port}`))).toMatchObject({
      connected: true,
    });
    const user = `redis://default:hush@127.0.0.1:${guarded.port}`;
    expect(await observe(redisCheck(user))).toMatchObject({ connected: true });
    const needless = `redis://:needless@127.0.0.1:${open.port}/2`;
    expect(await observe(redisCheck(needless))).toMatchObject({ connected: true });
  });

  it('says that a password is missing or wrong, without the one that was tried', async () => {
    const none = await observe(redisCheck(`redis://127.0.0.1:${guarded.port}`));
    expect(none).toMatchObject({ connected: false });
    expect(none.error).toMatch(/wants a password and the URL has none \(NOAUTH\)$/);
    const wrong = await observe(redisCheck(`redis://:whisper@127.0.0.1:${guarded.port}`));
    expect(wrong).toMatchObject({ connected: false });
    expect(wrong.error).toMatch(/refuses the user name or password \(WRONGPASS\)$/);
  });

  it('says that there is no such database', async () => {
    const seen = await observe(redisCheck(`redis://127.0.0.1:${open.port}/99`));
    expect(seen).toMatchObject({ connected: false });
    expect(seen.error).toMatch(/DB index is out of range/);
  });

  it('leaves nothing open after 500 probes, refused logins and refused connections among them', async () => {
    const before = openResources();
    const closed = await freePort();
    const urls = [
      `redis://127.0.0.1:${open.port}`,
      `redis://:wrong@127.0.0.1:${guarded.port}`,
      `redis://127.0.0.1:${closed}`,
    ];
    const seen = await Promise.all(
      Array.from({ length: 500 }, (_, index) => observe(redisCheck(urls[index % 3] ?? ''), 20_000)),
    );
    expect(seen.filter(({ connected }) => connected)).toHaveLength(167);
    await waitUntilNoMoreThan(before);
  }, 30_000);
});

describe('a redis check of a troubled server', () => {
  const servers: TcpServer[] = [];
  const start = async (behave: (socket: Socket) => void): Promise<string> => {
    const server = await startTcpServer(behave);
    servers.push(server);
    return `redis://${server.address}`;
  };
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()));
  });
  /** Greets, and answers PING with `reply`. */
  const answering = (reply: string) => (socket: Socket) =>
    socket.on('data', (data) => {
      const isPing = /ping/i.test(String(data));
      socket.write(isPing ? reply : '%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n');
    });

  it.each([
    ['-LOADING Redis is loading the dataset in memory\r\n', /is loading its data \(LOADING\)$/],
    ["-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n", /MASTERDOWN/],
    [
      "-NOPERM User worker has no permissions to run the 'ping' command\r\n",
      /^the Redis user may not do that/,
    ],
    ['+HELLO\r\n', /did not answer PING with PONG$/],
    ['nonsense\r\n', /does not answer like Redis/],
  ])('says what is wrong when PING is answered with %j', async (reply, text) => {
    const seen = await observe(redisCheck(await start(answering(reply))));
    expect(seen).toMatchObject({ connected: false });
    expect(seen.error).toMatch(text);
  });

  it('says that the limit of clients is reached', async () => {
    const url = await start((socket) => socket.end('-ERR max number of clients reached\r\n'));
    expect((await observe(redisCheck(url))).error).toMatch(/limit of clients|closed the connection/);
  });

  it('ends at the limit when nothing answers', async () => {
    const seen = await observe(redisCheck(await start(() => {})), 300);
    expect(seen.error).toMatch(/^no answer within 300ms \(connected to .*, waiting for PONG\)$/);
    expect(seen.responseTimeMs).toBeLessThan(550);
    const mute = await observe(redisCheck(await start(answering(''))), 300);
    expect(mute.error).toMatch(/^no answer within 300ms \(connected to .*, waiting for PONG\)$/);
  });

  it('says that the server hung up or refused', async () => {
    expect((await observe(redisCheck(await start((socket) => socket.end())))).error).toMatch(
      /closed the connection/,
    );
    const port = await freePort();
    const seen = await observe(redisCheck(`redis://:hush@127.0.0.1:${port}`));
    expect(seen).toMatchObject({ connected: false, error: `connection refused 127.0.0.1:${port}` });
  });

  it('is unknown when the URL is none, and does not repeat it', async () => {
    const seen = await observe(redisCheck('http://:hush@127.0.0.1'));
    expect(seen.unknown).toBe(true);
    expect(seen.error).not.toContain('hush');
  });

  it('trusts no TLS server that this host does not know', async () => {
    const { createServer } = await import('node:tls');
    const server = createServer(makeCertificate());
    server.listen(0, '127.0.0.1');
    await vi.waitFor(() => expect(server.address()).not.toBeNull());
    const { port } = server.address() as { port: number };
    const seen = await observe(redisCheck(`rediss://:hush@127.0.0.1:${port}`));
    expect(seen).toMatchObject({ connected: false, error: '127.0.0.1 has a self-signed certificate' });
    await new Promise((resolve) => server.close(resolve));
  });
});
