/** The HTTP probe over TLS. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { makeCertificate, type TestCertificate } from '../support/certificate.js';
import { httpCheck, observe } from '../support/checks.js';
import { startHttpServer } from '../support/http-server.js';
import { startTcpServer } from '../support/tcp-server.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const dayMs = 86_400_000;
const servers: { close(): Promise<void> }[] = [];
let requests = 0;
const start = async (certificate: TestCertificate): Promise<string> => {
  requests = 0;
  const server = await startHttpServer(
    (_request, response) => {
      requests += 1;
      response.end('secure');
    },
    { certificate },
  );
  servers.push(server);
  return server.url;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

describe('an https check', () => {
  it('sees how long the certificate holds', async () => {
    const url = await start(makeCertificate({ endsAt: Date.now() + 30 * dayMs }));
    const seen = await observe(httpCheck(url, { insecure: true, conditions: ['[BODY] == secure'] }));
    expect(seen).toMatchObject({ connected: true, status: 200, body: 'secure', ip: '127.0.0.1' });
    expect(seen.certificateExpiresInMs).toBeGreaterThan(29.9 * dayMs);
    expect(seen.certificateExpiresInMs).toBeLessThan(30.1 * dayMs);
  });

  it.each([
    ['self-signed', {}, /^127\.0\.0\.1 has a self-signed certificate; set insecure: true to accept it$/],
    [
      'expired',
      { startsAt: Date.now() - 9 * dayMs, endsAt: Date.now() - 3.5 * dayMs },
      /has expired 3 days ago; set/,
    ],
    ['too new', { startsAt: Date.now() + 2.5 * dayMs }, /holds only in 2 days from now; set insecure/],
    [
      'for other names',
      { names: ['shop.example', 'www.shop.example'] },
      /is made for shop\.example, www\.shop\.example, not for 127\.0\.0\.1; set/,
    ],
  ])('sends nothing to a server whose certificate is %s', async (_what, options, text) => {
    const url = await start(makeCertificate(options));
    const seen = await observe(httpCheck(url, { auth: { bearer: 'hush' } }));
    expect(seen).toMatchObject({ connected: false });
    expect(seen.error).toMatch(text);
    expect(seen.certificateExpiresInMs).toBeTypeOf('number');
    expect(seen).not.toHaveProperty('status');
    expect(requests).toBe(0);
    expect(await observe(httpCheck(url, { insecure: true }))).toMatchObject({ status: 200 });
  });

  it('accepts a certificate of an authority that this host trusts', async () => {
    const certificate = makeCertificate();
    const url = await start(certificate);
    const authority = join(await temporaryFolder(), 'authority.pem');
    await writeFile(authority, certificate.cert);
    // Node reads this variable when it starts, hence a process of its own.
    const script = `
      import { probe } from './src/adapters/probe.ts';
      const check = ${JSON.stringify(httpCheck(url.replace('127.0.0.1', 'localhost')))};
      probe(check, { timeoutMs: 5000, supervisor: null }).then((seen) => console.log(JSON.stringify(seen)));`;
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: authority };
    const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    expect(JSON.parse(stdout)).toMatchObject({ connected: true, status: 200 });
  }, 20_000);

  it('says that a plain port does not speak TLS', async () => {
    const server = await startHttpServer((_request, response) => response.end());
    servers.push(server);
    const seen = await observe(httpCheck(server.url.replace('http:', 'https:')));
    expect(seen.error).toMatch(/does not speak TLS on this port; is it plain text there\?$/);
  });

  it('says so when the handshake is refused or broken off', async () => {
    const closing = await startTcpServer((socket) => socket.once('data', () => socket.end()));
    const refusing = await startTcpServer((socket) =>
      socket.once('data', () => socket.end(Buffer.from('15030300020228', 'hex'))),
    );
    servers.push(closing, refusing);
    expect((await observe(httpCheck(`https://${closing.address}/`))).error).toMatch(/closed the connection/);
    expect((await observe(httpCheck(`https://${refusing.address}/`))).error).toMatch(
      /TLS handshake .* failed/,
    );
  });

  it('ends at the limit when the handshake never ends', async () => {
    const server = await startTcpServer();
    servers.push(server);
    const seen = await observe(httpCheck(`https://${server.address}/`), 300);
    expect(seen.error).toBe(`no answer within 300ms (TLS handshake with ${server.address})`);
    expect(seen.responseTimeMs).toBeLessThan(550);
  });
});
