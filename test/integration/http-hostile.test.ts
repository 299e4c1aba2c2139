/** The HTTP probe on servers that are broken or hostile: it costs its own time limit and nothing more. */
import { createGzip, gzipSync } from 'node:zlib';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Observation } from '../../src/domain/observation.js';
import { httpCheck, observe } from '../support/checks.js';
import { startTcpServer, type TcpServer } from '../support/tcp-server.js';

const servers: TcpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

/** Calls `behave` once the request has begun to arrive. */
const start = async (behave: (socket: Socket) => void): Promise<string> => {
  const server = await startTcpServer((socket) => socket.once('data', () => behave(socket)));
  servers.push(server);
  return `http://${server.address}/`;
};

const head = 'HTTP/1.1 200 OK\r\n';
const bodyWanted = { conditions: ['[BODY] == x'] };

/** Repeats until the connection closes. */
const repeat = (socket: Socket, everyMs: number, write: () => void): void => {
  const timer = setInterval(write, everyMs);
  socket.once('close', () => clearInterval(timer));
};

/** Writes as fast as the client reads. */
const flood = (socket: Socket, chunk: string | Buffer): void => {
  const write = (): void => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on('drain', write);
  write();
};

const timed = async (work: Promise<Observation>): Promise<Observation & { wallMs: number }> => {
  const startedAtMs = performance.now();
  const seen = await work;
  return { ...seen, wallMs: performance.now() - startedAtMs };
};

describe('an http check of a server that never finishes', () => {
  it.each<[string, (socket: Socket) => void, RegExp]>([
    ['says nothing', () => {}, /connected to 127.*waiting for the answer/],
    [
      'sends headers for ever',
      (socket) => {
        socket.write(head);
        repeat(socket, 20, () => socket.write('x: y\r\n'));
      },
      /waiting for the answer/,
    ],
    [
      'sends interim answers for ever',
      (socket) => {
        repeat(socket, 5, () => socket.write('HTTP/1.1 100 Continue\r\n\r\n'));
      },
      /waiting for the answer/,
    ],
    [
      'drips its body',
      (socket) => {
        socket.write(`${head}content-length: 1000\r\n\r\n`);
        repeat(socket, 20, () => socket.write('x'));
      },
      /reading the body/,
    ],
    [
      'drips chunks',
      (socket) => {
        socket.write(`${head}transfer-encoding: chunked\r\n\r\n`);
        repeat(socket, 20, () => socket.write('1\r\nx\r\n'));
      },
      /reading the body/,
    ],
    [
      'drips a compressed body',
      (socket) => {
        socket.write(`${head}content-encoding: gzip\r\n\r\n`);
        repeat(socket, 20, () => socket.write(gzipSync('x')));
      },
      /reading the body/,
    ],
  ])('ends at the limit when it %s', async (_what, behave, stage) => {
    const url = await start(behave);
    const seen = await timed(observe(httpCheck(url, bodyWanted), 300));
    expect(seen.wallMs).toBeLessThan(300 + 250);
    expect(seen.wallMs).toBeGreaterThan(250);
    expect(seen.error).toMatch(/^no answer within 300ms \(/);
    expect(seen.error).toMatch(stage);
    expect(seen).not.toHaveProperty('body');
  });

  it('keeps the status when only the body hangs, and does not wait for a body that nobody asked for', async () => {
    const url = await start((socket) => socket.write(`${head}content-length: 1000\r\n\r\nx`));
    expect(await observe(httpCheck(url, bodyWanted), 300)).toMatchObject({ connected: true, status: 200 });
    const seen = await timed(observe(httpCheck(url), 5000));
    expect(seen.wallMs).toBeLessThan(1000);
    expect(seen).toMatchObject({ status: 200 });
    expect(seen).not.toHaveProperty('error');
  });

  it('reads at most 1 MiB of an endless body', async () => {
    const url = await start((socket) => {
      socket.write(`${head}\r\n`);
      flood(socket, 'x'.repeat(65_536));
    });
    const seen = await observe(httpCheck(url, bodyWanted));
    expect(seen.body).toHaveLength(1024 * 1024);
    expect(seen).not.toHaveProperty('error');
  });

  it('unpacks at most 1 MiB of a compressed bomb', async () => {
    const url = await start((socket) => {
      socket.write(`${head}content-encoding: gzip\r\n\r\n`);
      const gzip = createGzip();
      gzip.pipe(socket);
      socket.once('close', () => gzip.destroy());
      const zeros = Buffer.alloc(1_000_000);
      const write = (): void => {
        while (!gzip.destroyed && gzip.write(zeros));
      };
      gzip.on('drain', write);
      write();
    });
    const before = process.memoryUsage().rss;
    const seen = await observe(httpCheck(url, bodyWanted), 5000);
    expect(seen.body).toHaveLength(1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  });

  it('delays nobody else', async () => {
    const hanging = await start(() => {});
    const healthy = await start((socket) => socket.end(`${head}content-length: 0\r\n\r\n`));
    const hung = Promise.all(Array.from({ length: 30 }, () => observe(httpCheck(hanging), 2000)));
    const seen = await timed(observe(httpCheck(healthy), 2000));
    expect(seen.status).toBe(200);
    expect(seen.wallMs).toBeLessThan(500);
    expect((await hung).every(({ error }) => error?.startsWith('no answer within 2s'))).toBe(true);
  });
});

describe('an http check of a server that talks nonsense', () => {
  it.each<[string, (socket: Socket) => void, RegExp]>([
    ['is not HTTP', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), /did not answer in HTTP\/1\.1 \(/],
    [
      'is HTTP/2',
      (socket) => socket.write(Buffer.from('000012040000000000', 'hex')),
      /did not answer in HTTP/,
    ],
    [
      'contradicts itself',
      (socket) => {
        socket.write(`${head}content-length: 5\r\ncontent-length: 6\r\n\r\nhello`);
      },
      /did not answer in HTTP\/1\.1 \(/,
    ],
    [
      'has huge headers',
      (socket) => {
        socket.write(head);
        flood(socket, `x: ${'y'.repeat(8000)}\r\n`);
      },
      /answered with more than 64 KiB of headers$/,
    ],
    ['closes at once', (socket) => socket.end(), /closed the connection before it answered/],
    [
      'resets the connection',
      (socket) => socket.resetAndDestroy(),
      /closed the connection before it answered/,
    ],
    [
      'breaks off in the headers',
      (socket) => socket.end(`${head}x: y`),
      /closed the connection before it answered/,
    ],
  ])('says so when it %s', async (_what, behave, text) => {
    const seen = await observe(httpCheck(await start(behave)));
    expect(seen).toMatchObject({ connected: false, ip: '127.0.0.1' });
    expect(seen.error).toMatch(text);
    expect(seen).not.toHaveProperty('status');
  });

  it.each<[string, (socket: Socket) => void, RegExp]>([
    [
      'breaks off',
      (socket) => socket.end(`${head}content-length: 9\r\n\r\nx`),
      /^the connection broke in the middle/,
    ],
    [
      'is reset',
      (socket) => {
        socket.write(`${head}content-length: 9\r\n\r\nx`, () => socket.resetAndDestroy());
      },
      /^the connection broke in the middle/,
    ],
    [
      'has broken chunks',
      (socket) => {
        socket.write(`${head}transfer-encoding: chunked\r\n\r\nzz\r\n`);
      },
      /^the body is not valid HTTP|^the connection broke/,
    ],
    [
      'is not gzip',
      (socket) => socket.end(`${head}content-encoding: gzip\r\n\r\nplain`),
      /content-encoding says/,
    ],
    [
      'is cut gzip',
      (socket) => {
        socket.write(`${head}content-encoding: gzip\r\n\r\n`);
        socket.end(gzipSync('x'.repeat(1000)).subarray(0, 12));
      },
      /content-encoding says/,
    ],
    [
      'is gzip on a broken connection',
      (socket) => {
        socket.write(`${head}content-encoding: gzip\r\ncontent-length: 99\r\n\r\n`);
        socket.end(gzipSync('x'));
      },
      /^the connection broke in the middle/,
    ],
    [
      'is in an unknown encoding',
      (socket) => {
        socket.end(`${head}content-encoding: zstd\r\n\r\nx`);
      },
      /encoding "zstd"; known are/,
    ],
  ])('keeps the status when the body %s', async (_what, behave, text) => {
    const seen = await observe(httpCheck(await start(behave), bodyWanted));
    expect(seen).toMatchObject({ connected: true, status: 200 });
    expect(seen.error).toMatch(text);
    expect(seen).not.toHaveProperty('body');
  });
});
