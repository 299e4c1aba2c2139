/** The HTTP probe and redirects. */
import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { httpCheck, observe } from '../support/checks.js';
import { type HttpServer, startHttpServer } from '../support/http-server.js';

const servers: HttpServer[] = [];
const start = async (handler: RequestListener): Promise<HttpServer> => {
  const server = await startHttpServer(handler);
  servers.push(server);
  return server;
};
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Sends everything but `/end` to `location`. */
const startRedirect = (location: string, status = 302): Promise<HttpServer> =>
  start((request, response) => {
    if (request.url === '/end') response.end('there');
    else response.writeHead(status, { location }).end('elsewhere');
  });

describe('an http check that is redirected', () => {
  it('follows to the end', async () => {
    const server = await startRedirect('/end');
    const seen = await observe(httpCheck(`${server.url}/start`, { conditions: ['[BODY] == there'] }));
    expect(seen).toMatchObject({ status: 200, body: 'there' });
  });

  it('does not follow when told so', async () => {
    const server = await startRedirect('/end');
    const seen = await observe(httpCheck(server.url, { followRedirects: false }));
    expect(seen).toMatchObject({ connected: true, status: 302 });
  });

  it('follows five times and gives up at a loop', async () => {
    let requests = 0;
    const server = await start((request, response) => {
      requests += 1;
      const left = Number(request.url?.slice(1));
      if (left === 0) response.end();
      else response.writeHead(301, { location: `/${left - 1}` }).end();
    });
    expect(await observe(httpCheck(`${server.url}/5`))).toMatchObject({ status: 200 });
    requests = 0;
    const seen = await observe(httpCheck(`${server.url}/100`));
    expect(requests).toBe(6);
    expect(seen.error).toMatch(/^more than 5 redirects, the last to 127\.0\.0\.1:\d+; is it a loop\?$/);
    expect(seen).toMatchObject({ connected: false });
    expect(seen).not.toHaveProperty('status');
  });

  it.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:169.254.169.254]/',
    'http://2852039166/',
    'http://0xA9.0376.43518/',
    'http://metadata.google.internal/computeMetadata/v1/',
    'http://[fd00:ec2::254]/',
    '//100.100.100.200/',
  ])('is not sent to the metadata address %s', async (location) => {
    const server = await startRedirect(location);
    const seen = await observe(httpCheck(server.url), 1000);
    expect(seen.error).toMatch(/is a cloud metadata address/);
    expect(seen).not.toHaveProperty('status');
  });

  it.each(['file:///etc/passwd', 'gopher://127.0.0.1/', 'http://', 'http://a b/'])(
    'does not follow to %s',
    async (location) => {
      const server = await startRedirect(location);
      const seen = await observe(httpCheck(server.url));
      expect(seen.error).toMatch(/redirects to an? .*(not followed|not valid)$/);
      expect(seen).not.toHaveProperty('status');
    },
  );

  it.each([
    [303, 'GET', ''],
    [302, 'GET', ''],
    [301, 'GET', ''],
    [307, 'POST', 'data'],
    [308, 'POST', 'data'],
  ])('repeats a POST after status %d as %s', async (status, method, body) => {
    let seen = '';
    const server = await start((request, response) => {
      if (request.url !== '/end') return response.writeHead(status, { location: '/end' }).end();
      request.setEncoding('utf8').on('data', (chunk: string) => (seen += chunk));
      request.on('end', () => {
        seen = `${request.method} ${seen}`;
        response.end();
      });
      return undefined;
    });
    await observe(httpCheck(server.url, { method: 'POST', body: 'data' }));
    expect(seen).toBe(`${method} ${body}`);
  });

  it('keeps its headers on the same host and tells another host none of its secrets', async () => {
    const received: IncomingHttpHeaders[] = [];
    const other = await start((request, response) => {
      received.push(request.headers);
      response.end();
    });
    const first = await start((request, response) => {
      received.push(request.headers);
      response.writeHead(302, { location: request.url === '/' ? '/second' : `${other.url}/` }).end();
    });
    const headers = { 'X-Key': 'hush', Cookie: 'a=hush', Accept: 'text/plain', Host: 'shop.example' };
    await observe(httpCheck(first.url, { headers, auth: { bearer: 'hush' } }));
    expect(received).toHaveLength(3);
    expect(received[1]).toMatchObject({
      'x-key': 'hush',
      authorization: 'Bearer hush',
      host: 'shop.example',
    });
    expect(JSON.stringify(received[2])).not.toContain('hush');
    expect(received[2]).toMatchObject({ accept: 'text/plain', host: new URL(other.url).host });
  });

  it('does not send a body to another host', async () => {
    const other = await start((_request, response) => response.end());
    const server = await startRedirect(`${other.url}/`, 307);
    const seen = await observe(httpCheck(server.url, { method: 'POST', body: 'hush' }));
    expect(seen.error).toMatch(/with status 307; the body is not sent to another host/);
  });
});
