/** The HTTP probe on real servers that behave. */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { IncomingMessage, RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { httpCheck, observe } from '../support/checks.js';
import { type HttpServer, startHttpServer } from '../support/http-server.js';
import { openResources, waitUntilNoMoreThan } from '../support/open-resources.js';
import { freePort } from '../support/tcp-server.js';

const servers: HttpServer[] = [];
const start = async (handler: RequestListener, options = {}): Promise<HttpServer> => {
  const server = await startHttpServer(handler, options);
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** A condition that needs the body. */
const bodyWanted = { conditions: ['[BODY].status == UP'] };

const startRecorder = async (): Promise<{ url: string; last: () => { body: string } & IncomingMessage }> => {
  let last: ({ body: string } & IncomingMessage) | undefined;
  const server = await start((request, response) => {
    void text(request).then((body) => {
      last = Object.assign(request, { body });
      response.end();
    });
  });
  return {
    url: server.url,
    last: () => {
      if (!last) throw new Error('no request came');
      return last;
    },
  };
};

describe('an http check', () => {
  it('sees status, address and time, and reads no body that nobody asked for', async () => {
    const server = await start((_request, response) => response.writeHead(503).end('{"status":"DOWN"}'));
    const seen = await observe(httpCheck(`${server.url}/health`));
    expect(seen).toMatchObject({ connected: true, status: 503, ip: '127.0.0.1' });
    expect(seen.responseTimeMs).toBeGreaterThan(0);
    expect(seen).not.toHaveProperty('body');
    expect(seen).not.toHaveProperty('error');
  });

  it('reads the body when a condition asks for it', async () => {
    const server = await start((_request, response) => response.end('{"status":"UP"}'));
    expect(await observe(httpCheck(server.url, bodyWanted))).toMatchObject({ body: '{"status":"UP"}' });
  });

  it('reaches IPv6 and names', async () => {
    const server = await start((_request, response) => response.end(), { host: '::1' });
    expect(await observe(httpCheck(server.url))).toMatchObject({ status: 200, ip: '::1' });
    expect(await observe(httpCheck(`http://localhost:${server.port}/`))).toMatchObject({
      status: 200,
      ip: '::1',
    });
  });

  it('says who asks, and uses a fresh connection for each probe', async () => {
    const { url, last } = await startRecorder();
    await observe(httpCheck(`${url}/a?b=c`));
    expect(last().url).toBe('/a?b=c');
    expect(last().headers).toMatchObject({ connection: 'close', host: new URL(url).host });
    expect(last().headers['user-agent']).toMatch(/^opsloop\/\d+\.\d+\.\d+/);
  });

  it('sends method, body and headers; the headers of the check win', async () => {
    const { url, last } = await startRecorder();
    const headers = { 'User-Agent': 'mine', Host: 'shop.example', 'Content-Type': 'application/json' };
    await observe(httpCheck(url, { method: 'POST', body: '{"å":1}', headers }));
    expect(last().method).toBe('POST');
    expect(last().body).toBe('{"å":1}');
    expect(last().headers).toMatchObject({
      'user-agent': 'mine',
      host: 'shop.example',
      'content-type': 'application/json',
      'content-length': '8',
    });
    await observe(httpCheck(url, { method: 'GET', body: 'x' }));
    expect(last().body).toBe('x');
  });

  it('logs in with a name and password, a token, or what the URL holds', async () => {
    const { url, last } = await startRecorder();
    const basic = `Basic ${Buffer.from('ann:s3:cret').toString('base64')}`;
    await observe(httpCheck(url, { auth: { username: 'ann', password: 's3:cret' } }));
    expect(last().headers.authorization).toBe(basic);
    await observe(httpCheck(url, { auth: { bearer: 'token' } }));
    expect(last().headers.authorization).toBe('Bearer token');
    await observe(httpCheck(url.replace('//', '//ann:s3%3Acret@')));
    expect(last().headers.authorization).toBe(basic);
    await observe(httpCheck(url, { auth: { bearer: 'token' }, headers: { Authorization: 'own' } }));
    expect(last().headers.authorization).toBe('own');
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['GZIP, deflate', (data: string) => deflateSync(gzipSync(data))],
  ])('decodes a body in %s', async (encoding, encode) => {
    const server = await start((_request, response) => {
      response.setHeader('content-encoding', encoding);
      response.end(encode('{"status":"UP"}'));
    });
    expect(await observe(httpCheck(server.url, bodyWanted))).toMatchObject({ body: '{"status":"UP"}' });
  });

  it.each(['gzip', 'br', 'deflate'])('takes an empty body in %s for empty', async (encoding) => {
    const server = await start((_request, response) => {
      response.setHeader('content-encoding', encoding);
      response.end();
    });
    expect(await observe(httpCheck(server.url, bodyWanted))).toMatchObject({ status: 200, body: '' });
    const head = await observe(httpCheck(server.url, { ...bodyWanted, method: 'HEAD' }));
    expect(head).toMatchObject({ status: 200, body: '' });
  });

  it('reads the text in the charset that the server names', async () => {
    const server = await start((_request, response) => {
      response.setHeader('content-type', 'text/plain; charset=iso-8859-1');
      response.end(Buffer.from('blå', 'latin1'));
    });
    expect(await observe(httpCheck(server.url, bodyWanted))).toMatchObject({ body: 'blå' });
  });

  it('takes the answer to a web socket request for an answer', async () => {
    const server = await start((request) => {
      request.socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      );
    });
    const headers = { upgrade: 'websocket' };
    expect(await observe(httpCheck(server.url, { headers }))).toMatchObject({ connected: true, status: 101 });
  });

  it('waits through early hints for the real answer', async () => {
    const server = await start((_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.writeHead(204).end();
    });
    expect(await observe(httpCheck(server.url))).toMatchObject({ status: 204 });
  });

  it('says which address refused', async () => {
    const port = await freePort();
    const seen = await observe(httpCheck(`http://127.0.0.1:${port}/health`));
    expect(seen).toMatchObject({ connected: false, error: `connection refused 127.0.0.1:${port}` });
    expect(seen).not.toHaveProperty('status');
  });

  it('shows no secret of the check in its texts', async () => {
    const port = await freePort();
    const headers = { 'x-key': 'hush\nhush' };
    const texts = await Promise.all([
      observe(httpCheck(`http://ann:hush@127.0.0.1:${port}/?key=hush`)),
      observe(httpCheck('http://ann:hush@ 127/')),
      observe(httpCheck('hush://ann:hush@127.0.0.1/')),
      observe(httpCheck(`http://127.0.0.1:${port}/`, { headers, auth: { bearer: 'hush' } })),
    ]);
    for (const { error } of texts) expect(error).toMatch(/^(?!.*hush).+/);
    expect(texts[1]?.unknown).toBe(true);
  });

  it('leaves nothing open after 500 probes, failed ones among them', async () => {
    const before = openResources();
    const server = await start((request, response) => {
      if (request.url === '/drop') request.socket.destroy();
      else if (request.url === '/large') response.end('x'.repeat(3_000_000));
      else if (request.url !== '/hang') response.end('ok');
    });
    const paths = ['/', '/drop', '/large', '/hang', '/'];
    const seen = await Promise.all(
      Array.from({ length: 500 }, (_, index) => {
        const path = paths[index % 5] ?? '/';
        const check = httpCheck(`${server.url}${path}`, index % 2 === 0 ? bodyWanted : {});
        // Server and probes share one process here, so that those that are answered get all the time they need.
        return observe(check, path === '/hang' ? 500 : 20_000);
      }),
    );
    expect(seen.filter(({ status }) => status === 200)).toHaveLength(300);
    await server.close();
    servers.length = 0;
    await waitUntilNoMoreThan(before);
  }, 30_000);
});
