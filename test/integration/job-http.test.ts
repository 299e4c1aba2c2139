/** Calls of jobs to real servers: what is sent, and what each answer means. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RequestListener } from 'node:http';
import { callHttpWork, type HttpWork } from '../../src/adapters/jobs/http-work.js';
import type { HttpAction } from '../../src/domain/job.js';
import { freePort } from '../support/free-port.js';
import { startHttpServer } from '../support/http-server.js';

const call = (action: Partial<HttpAction>, rest: Partial<HttpWork> = {}) =>
  callHttpWork({
    environment: 'shop',
    job: 'export',
    scheduledAt: Date.parse('2026-11-25T02:00:00Z'),
    attempt: 2,
    action: { kind: 'http', url: '', method: 'GET', headers: {}, body: null, insecure: false, ...action },
    limitMs: 30_000,
    signal: new AbortController().signal,
    ...rest,
  });

const serve = async (handler: RequestListener): Promise<string> => {
  const server = await startHttpServer(handler);
  onTestFinished(() => server.close());
  return server.url;
};

describe('the call of a job', () => {
  it('says which job, slot and attempt it is, and the answer is the output', async () => {
    const url = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () =>
        response.end(JSON.stringify({ ...request.headers, body, method: request.method, url: request.url })),
      );
    });
    const done = await call({
      url: `${url}/task?x=1`,
      method: 'POST',
      headers: { 'X-Mine': 'yes' },
      body: 'all',
    });
    expect(done).toMatchObject({ kind: 'done', reason: '', exitCode: null });
    expect(JSON.parse(done.outputEnd ?? '')).toMatchObject({
      method: 'POST',
      url: '/task?x=1',
      body: 'all',
      'x-mine': 'yes',
      'opsloop-job': 'export',
      'opsloop-scheduled-at': '2026-11-25T02:00:00.000Z',
      'opsloop-attempt': '2',
      'idempotency-key': 'shop/export/2026-11-25T02:00:00.000Z/2',
    });
  });

  it.each([
    [204, { kind: 'done', reason: '' }],
    [202, { kind: 'done', reason: expect.stringContaining('accepted') }],
    [404, { kind: 'failed', reason: 'answered 404: no such task' }],
    [503, { kind: 'failed', reason: 'answered 503: no such task' }],
  ])('is judged by its status: %i', async (status, expected) => {
    const url = await serve((_request, response) => {
      response.statusCode = status;
      response.end(status === 204 ? undefined : 'no such\ntask');
    });
    expect(await call({ url })).toMatchObject(expected);
  });

  it('follows where it is sent, and not for ever', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/end') return void response.end('there');
      response.writeHead(302, { location: request.url === '/loop' ? '/loop' : '/end' });
      response.end();
    });
    expect(await call({ url: `${url}/begin` })).toMatchObject({ kind: 'done', outputEnd: 'there' });
    expect(await call({ url: `${url}/loop` })).toMatchObject({ kind: 'failed' });
  });

  it('is given up at its limit, before or in the middle of the answer', async () => {
    const silent = await serve(() => undefined);
    expect(await call({ url: silent }, { limitMs: 200 })).toMatchObject({
      kind: 'overrun',
      reason: expect.stringContaining('within 200ms'),
    });
    const slow = await serve((_request, response) => response.write('part of it'));
    expect(await call({ url: slow }, { limitMs: 500 })).toMatchObject({
      kind: 'overrun',
      outputEnd: 'part of it',
    });
  });

  it('failed when nobody answers, or the connection breaks', async () => {
    const url = `http://127.0.0.1:${await freePort()}/`;
    expect(await call({ url })).toMatchObject({ kind: 'failed', reason: expect.stringContaining('refused') });
    const broken = await serve((request) => request.socket.destroy());
    expect(await call({ url: broken })).toMatchObject({ kind: 'failed' });
  });

  it('keeps the end of a large answer', async () => {
    const url = await serve((_request, response) => response.end(`${'x'.repeat(20_000_000)}end`));
    const done = await call({ url });
    expect(done).toMatchObject({ kind: 'done', outputEnd: expect.stringMatching(/xend$/) });
    expect((done.outputEnd ?? '').length).toBe(48 * 1024);
  });

  it('is never made to where clouds hand out credentials, and is ended when somebody wants that', async () => {
    expect(await call({ url: 'http://169.254.169.254/latest/meta-data' })).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('metadata'),
    });
    const url = await serve(() => undefined);
    const stop = new AbortController();
    const calling = call({ url }, { signal: stop.signal });
    stop.abort();
    expect(await calling).toMatchObject({ kind: 'cancelled' });
  });
});
