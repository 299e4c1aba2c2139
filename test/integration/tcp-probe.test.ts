/** The TCP probe on real sockets. */
import { afterEach, describe, expect, it } from 'vitest';
import { freePort, startTcpServer, type TcpServer } from '../support/tcp-server.js';
import { observe, tcpCheck } from '../support/checks.js';
import { openResources, waitUntilNoMoreThan } from '../support/open-resources.js';

const servers: TcpServer[] = [];
const start = async (...parameters: Parameters<typeof startTcpServer>): Promise<TcpServer> => {
  const server = await startTcpServer(...parameters);
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('a tcp check', () => {
  it('is connected when the port accepts', async () => {
    const server = await start();
    const seen = await observe(tcpCheck(server.address));
    expect(seen).toMatchObject({ connected: true, ip: '127.0.0.1' });
    expect(seen.error).toBeUndefined();
    expect(seen.responseTimeMs).toBeGreaterThan(0);
  });

  it('reaches IPv6 and names', async () => {
    const server = await start(() => {}, '::1');
    expect(await observe(tcpCheck(server.address))).toMatchObject({ connected: true, ip: '::1' });
    expect(await observe(tcpCheck(`localhost:${server.port}`))).toMatchObject({ connected: true, ip: '::1' });
  });

  it('says which address refused', async () => {
    const port = await freePort();
    expect(await observe(tcpCheck(`127.0.0.1:${port}`))).toMatchObject({
      connected: false,
      error: `connection refused 127.0.0.1:${port}`,
    });
    const both = await observe(tcpCheck(`localhost:${port}`));
    expect(both.error).toBe(`connection refused 127.0.0.1:${port}, [::1]:${port}`);
  });

  it('says which name does not resolve', async () => {
    const seen = await observe(tcpCheck('no-such-host.invalid:80'));
    expect(seen.error).toMatch(
      /^name no-such-host\.invalid does not resolve \(E\w+\)$|no DNS server answered/,
    );
    expect(seen.unknown).toBeUndefined();
  });

  it.each(['', 'host', 'host:0', 'host:70000', '::1:80', 'http://host:80', 'user@host:80'])(
    'is unknown for the address "%s", which it does not repeat',
    async (address) => {
      const seen = await observe(tcpCheck(address));
      expect(seen).toMatchObject({ connected: false, unknown: true });
      expect(seen.error).toMatch(/^the address is not host:port; for example/);
    },
  );

  it.each([
    '169.254.169.254:80',
    '[::ffff:169.254.169.254]:80',
    '[::ffff:a9fe:a9fe]:80',
    '[64:ff9b::a9fe:a9fe]:80',
    '[fd00:ec2::254]:80',
    '[fd00:0ec2:0:0:0:0:0:0254]:80',
    '100.100.100.200:80',
    'metadata.google.internal:80',
    'Metadata.Google.Internal.:80',
    // Numbers that the system takes for 169.254.169.254.
    '2852039166:80',
    '0xa9fea9fe:80',
    '0251.0376.0251.0376:80',
  ])('does not connect to the metadata address %s', async (address) => {
    const seen = await observe(tcpCheck(address), 1000);
    expect(seen.connected).toBe(false);
    expect(seen.error).toMatch(/is a cloud metadata address/);
  });

  it('ends early and unknown when it is stopped', async () => {
    const stop = new AbortController();
    const seen = observe(tcpCheck('192.0.2.1:80'), 60_000, stop.signal);
    stop.abort();
    expect(await seen).toMatchObject({ connected: false, unknown: true });
    expect(await observe(tcpCheck('192.0.2.1:80'), 60_000, stop.signal)).toMatchObject({ unknown: true });
  });

  it('leaves nothing open after 500 probes, refused ones among them', async () => {
    const before = openResources();
    const server = await start();
    const port = await freePort();
    const addresses = Array.from({ length: 500 }, (_, index) =>
      index % 2 === 0 ? server.address : `127.0.0.1:${port}`,
    );
    const seen = await Promise.all(addresses.map((address) => observe(tcpCheck(address))));
    expect(seen.filter(({ connected }) => connected)).toHaveLength(250);
    await server.close();
    servers.length = 0;
    await waitUntilNoMoreThan(before);
  });
});
