// The dead man's switch against real HTTP servers.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDeadMan, type DeadMan } from '../../src/adapters/dead-man.js';
import { eventually } from '../support/eventually.js';
import { startHttpServer, type HttpServer } from '../support/http-server.js';

let server: HttpServer;
let ended: AbortController;
let hits: string[] = [];
let answer: (finish: () => void) => void = (finish) => finish();
let status = 200;
let warnings: object[] = [];
let news: string[] = [];
let deadMan: DeadMan;

beforeEach(async () => {
  [hits, warnings, news, status] = [[], [], [], 200];
  answer = (finish) => finish();
  ended = new AbortController();
  server = await startHttpServer((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    answer(() => response.writeHead(status).end());
  });
  deadMan = createDeadMan({
    resolve: async (url) => {
      if (url.includes('${')) throw new Error('MISSING is not set');
      return url;
    },
    log: {
      warn: (_message, detail = {}) => void warnings.push(detail),
      info: (message) => void news.push(message),
    },
    signal: ended.signal,
  });
});
afterEach(async () => {
  ended.abort();
  await server.close();
});

/** Pings again and again until `look` is satisfied: a ping while another is under way asks nothing. */
const pingUntil = (url: string, what: string, look: () => boolean): Promise<unknown> =>
  eventually(what, () => {
    if (look()) return true;
    deadMan.ping(url);
    return false;
  });

describe('the dead man', () => {
  it('is asked by GET, with a fresh request for each ping', async () => {
    await pingUntil(`${server.url}/ping/x`, 'three requests', () => hits.length >= 3);
    expect(new Set(hits)).toEqual(new Set(['GET /ping/x']));
    expect(warnings).toEqual([]);
  });

  it('is asked one at a time: one that hangs is not asked again meanwhile', async () => {
    answer = () => undefined;
    for (let index = 0; index < 50; index += 1) deadMan.ping(server.url);
    await eventually('a request', () => hits.length > 0);
    for (let index = 0; index < 50; index += 1) deadMan.ping(server.url);
    expect(hits).toHaveLength(1);
    await eventually('its time limit', () => warnings.length === 1, 8_000);
    expect(warnings).toEqual([{ error: expect.stringContaining('5s') as string }]);
  });

  it('is complained about once per outage, and its return is noted', async () => {
    status = 503;
    await pingUntil(server.url, 'five failures', () => hits.length >= 5);
    await eventually('the complaint', () => warnings.length === 1);
    expect(warnings).toEqual([{ error: 'it answered with status 503' }]);
    status = 200;
    await pingUntil(server.url, 'its return', () => news.length === 1);
    status = 500;
    await pingUntil(server.url, 'the next complaint', () => warnings.length === 2);
  });

  it.each([
    ['http://169.254.169.254/latest', 'metadata'],
    ['http://127.0.0.1:1/', '127.0.0.1:1'],
    ['https://hc/${env:MISSING}', 'MISSING is not set'],
  ])('never fails the caller: %s', async (url, problem) => {
    deadMan.ping(url);
    await eventually('the complaint', () => warnings.length === 1);
    expect(JSON.stringify(warnings)).toContain(problem);
  });

  it('says nothing when the worker stops while it waits', async () => {
    answer = () => undefined;
    deadMan.ping(server.url);
    await eventually('a request', () => hits.length > 0);
    ended.abort();
    deadMan.ping(server.url);
    expect([hits.length, warnings]).toEqual([1, []]);
  });
});
