/** The certificate probe on real TLS servers. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificate } from '../support/certificate.js';
import { certificateCheck, observe } from '../support/checks.js';
import { openResources, waitUntilNoMoreThan } from '../support/open-resources.js';
import { startTcpServer } from '../support/tcp-server.js';

const dayMs = 86_400_000;
const servers: { close(): Promise<void> }[] = [];
const askedNames: string[] = [];

/** A server that speaks TLS and nothing else; returns its address. */
const start = async (options: Parameters<typeof makeCertificate>[0] = {}): Promise<string> => {
  const server = createServer({
    ...makeCertificate(options),
    SNICallback: (name, done) => {
      askedNames.push(name);
      done(null);
    },
  });
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push({
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};
afterEach(async () => {
  askedNames.length = 0;
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('a certificate check', () => {
  it('sees how long a certificate holds, whoever signed it', async () => {
    const seen = await observe(certificateCheck(await start({ endsAt: Date.now() + 20 * dayMs })));
    expect(seen).toMatchObject({ connected: true, ip: '127.0.0.1' });
    expect(seen.certificateExpiresInMs).toBeGreaterThan(19.9 * dayMs);
    expect(seen.certificateExpiresInMs).toBeLessThanOrEqual(20 * dayMs);
    expect(seen).not.toHaveProperty('error');
  });

  it('says since when one has expired', async () => {
    const ends = { startsAt: Date.now() - 9 * dayMs, endsAt: Date.now() - 1.5 * dayMs };
    const seen = await observe(certificateCheck(await start(ends)));
    expect(seen).toMatchObject({ connected: true, error: 'certificate of 127.0.0.1 has expired 1 day ago' });
    expect(seen.certificateExpiresInMs).toBeLessThan(-1.4 * dayMs);
  });

  it('leaves the expiry out when the certificate is for other names or does not hold yet', async () => {
    const other = await observe(certificateCheck(await start({ names: ['shop.example'] })));
    expect(other).toMatchObject({
      connected: true,
      error: 'certificate of 127.0.0.1 is made for shop.example, not for 127.0.0.1',
    });
    expect(other).not.toHaveProperty('certificateExpiresInMs');
    const early = await observe(certificateCheck(await start({ startsAt: Date.now() + 1.5 * dayMs })));
    expect(early.error).toBe('certificate of 127.0.0.1 holds only in 1 day from now');
    expect(early).not.toHaveProperty('certificateExpiresInMs');
  });

  it('asks for the name that the check gives', async () => {
    const address = await start({ names: ['shop.example'] });
    const seen = await observe(certificateCheck(address, 'shop.example'));
    expect(seen.certificateExpiresInMs).toBeGreaterThan(0);
    expect(seen).not.toHaveProperty('error');
    expect(askedNames).toEqual(['shop.example']);
  });

  it('says that a port does not speak TLS', async () => {
    const server = await startTcpServer((socket) => socket.end('220 mail ESMTP\r\n'));
    servers.push(server);
    const seen = await observe(certificateCheck(server.address));
    expect(seen).toMatchObject({ connected: false });
    expect(seen.error).toMatch(/does not speak TLS on this port/);
  });

  it('leaves nothing open after 500 probes, hanging and refused ones among them', async () => {
    const before = openResources();
    const healthy = await start();
    const hanging = await startTcpServer();
    const closed = await startTcpServer();
    await closed.close();
    servers.push(hanging);
    const addresses = [healthy, hanging.address, closed.address];
    const seen = await Promise.all(
      Array.from({ length: 500 }, (_, index) => {
        const address = addresses[index % 3] ?? healthy;
        return observe(certificateCheck(address), address === hanging.address ? 500 : 20_000);
      }),
    );
    expect(seen.filter(({ connected }) => connected)).toHaveLength(167);
    await Promise.all(servers.splice(0).map((server) => server.close()));
    await waitUntilNoMoreThan(before);
  }, 30_000);
});
