/** The ping API as a process, with a real PostgreSQL: what jobs call, and what they are answered. */
import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { storeConfiguration } from '../../src/adapters/postgres/configuration-store.js';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { readPushChecks } from '../../src/adapters/postgres/push-store.js';
import { startApi, type ApiProcess } from '../support/api-process.js';
import { configuration, service } from '../support/configurations.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const environment = `ping-${randomBytes(4).toString('hex')}`;
const key = 'a ping/key%';
const sent = encodeURIComponent(key);
const rid = '3b7a5e0c-6c1d-4f8e-9a55-0123456789ab';
const run = promisify(execFile);
let directory = '';
let database: ScratchDatabase;
let proxy: TcpProxy;
let pool: pg.Pool;
let api: ApiProcess;
let url = '';
let uuid = '';
const others: ApiProcess[] = [];

const start = async (settings: string, env: Record<string, string> = {}): Promise<ApiProcess> => {
  const file = join(directory, 'opsloop.yaml');
  await writeFile(
    file,
    `environment: ${environment}\napi: {${settings}}\nservices:\n  - {name: backup, checks: [{push: {every: 1h}}]}\n`,
  );
  const through = new URL(database.url);
  through.host = `127.0.0.1:${proxy.port}`;
  return startApi(file, {
    DATABASE_URL: through.href,
    TEMPORAL_ADDRESS: process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'] ?? '127.0.0.1:1',
    PING_KEY: key,
    ...env,
  });
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opsloop-ping-'));
  database = await createScratchDatabase();
  const { hostname, port } = new URL(database.url);
  proxy = await startTcpProxy({ host: hostname, port: Number(port || 5432) });
  pool = createPool({ url: database.url });
  await migrate(pool);
  const push = { kind: 'push' as const, everyMs: 3_600_000, graceMs: 60_000, conditions: [] };
  const services = [service('backup', { checks: [push] }), service('web')];
  await storeConfiguration(pool, { configuration: configuration(environment, services), by: 'test' });
  const known = await readPushChecks(pool, environment, { services: ['backup'], now: Date.now() });
  uuid = known.get('backup')?.uuid ?? '';
  api = await start('listen: "127.0.0.1:0", pingKey: "${env:PING_KEY}"');
  url = await api.url;
});
beforeEach(() => pool.query('delete from push_ping'));
afterEach(async () => {
  for (const { child, ended } of others.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
});
afterAll(async () => {
  api?.child.kill('SIGKILL');
  await api?.ended;
  await pool?.end();
  await proxy?.close();
  await database?.drop();
  await rm(directory, { recursive: true });
});

interface Answer {
  status: number;
  text: string;
  headers: Headers;
}

async function ping(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${url}/ping/${path}`, init);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

interface Row {
  kind: string;
  exit_code: number | null;
  rid: string | null;
  body: string | null;
  duration_ms: number | null;
  source: string;
}

const rows = async (): Promise<Row[]> =>
  (
    await pool.query<Row>(
      'select kind, exit_code, rid, body, duration_ms, source from push_ping where service = $1 order by number',
      ['backup'],
    )
  ).rows;

/** The path exactly as it is written: fetch would mend it. */
const rawStatus = (path: string, method = 'GET'): Promise<number> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    request({ hostname, port, path, method }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    })
      .on('error', reject)
      .end();
  });

describe('a ping', () => {
  it.each([
    ['', 'success', null],
    ['/', 'success', null],
    ['/start', 'start', null],
    ['/fail', 'fail', null],
    ['/log', 'log', null],
    ['/0', 'success', 0],
    ['/7', 'fail', 7],
    ['/255', 'fail', 255],
  ])('ending with "%s" is a %s, by key and by UUID, with each method', async (end, kind, exitCode) => {
    for (const who of [`${sent}/backup`, uuid, uuid.toUpperCase()]) {
      for (const method of ['GET', 'POST', 'HEAD']) {
        const answer = await ping(`${who}${end}`, { method });
        expect(answer).toMatchObject({ status: 200, text: method === 'HEAD' ? '' : 'OK' });
        expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
        expect(answer.headers.get('ping-body-limit')).toBe('100000');
      }
    }
    // Each was committed before it was answered.
    const kept = await rows();
    expect(kept).toHaveLength(9);
    for (const row of kept) expect(row).toMatchObject({ kind, exit_code: exitCode, source: '127.0.0.1' });
  });

  it.each([
    ['an unknown service', `${sent}/nobody`],
    ['a service without a push check', `${sent}/web`],
    ['a wrong key', 'wrong/backup'],
    ['a key alone', sent],
    ['no key at all', ''],
    ['an unknown UUID', '00000000-0000-4000-8000-000000000000'],
    ['half a UUID', '00000000'],
    ['another word at its end', `${sent}/backup/finish`],
    ['more after its end', `${sent}/backup/fail/now`],
    ['a negative exit code', `${sent}/backup/-1`],
    ['an exit code with a fraction', `${sent}/backup/1.5`],
  ])('of %s is answered 404 and kept nowhere', async (_what, path) => {
    expect(await ping(path)).toMatchObject({ status: 404 });
    expect(await rows()).toEqual([]);
  });

  it.each([
    ['/ping/%zz/backup'],
    [`/ping/${sent}/backup/%zz`],
    [`/ping/${sent}/backup/%ff`],
    ['/ping/UUID//fail'],
    ['/ping/UUID/%E0%A4%A'],
  ])('with the broken path %s is no success', async (path) => {
    expect(await rawStatus(path.replace('UUID', uuid))).toBe(404);
    expect(await rows()).toEqual([]);
  });

  it('may be encoded more than it has to be', async () => {
    expect(await rawStatus(`/ping/${sent}/%62ackup/%73tart`)).toBe(200);
    expect(await rows()).toMatchObject([{ kind: 'start' }]);
  });

  it.each([
    [`${sent}/backup?rid=nonsense`],
    [`${sent}/backup?rid=`],
    [`${sent}/backup/256`],
    [`${sent}/backup/99999999999999999999`],
  ])('%s is answered 400 and kept nowhere', async (path) => {
    expect(await ping(path)).toMatchObject({ status: 400 });
    expect(await rows()).toEqual([]);
  });

  it.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS'])('by %s is answered 405', async (method) => {
    const answer = await ping(`${sent}/backup`, { method });
    expect(answer).toMatchObject({ status: 405 });
    expect(answer.headers.get('allow')).toBe('GET, HEAD, POST');
    expect(await rows()).toEqual([]);
  });

  it('with a run id has the duration of its run', async () => {
    await ping(`${sent}/backup/start?rid=${rid}`);
    await ping(`${sent}/backup/start`);
    await ping(`${uuid}/3?rid=${rid.toUpperCase()}`);
    const [started, , ended] = await rows();
    expect(started).toMatchObject({ rid, duration_ms: null });
    expect(ended).toMatchObject({ rid, kind: 'fail' });
    expect(ended?.duration_ms).toBeGreaterThanOrEqual(0);
  });
});

describe('what a job says', () => {
  const bodyOf = async (body: Uint8Array<ArrayBuffer> | string): Promise<string | null | undefined> => {
    expect(await ping(`${sent}/backup/log`, { method: 'POST', body })).toMatchObject({
      status: 200,
      text: 'OK',
    });
    return (await rows()).at(-1)?.body;
  };

  it('is kept up to 100 kB, and counts however much it is', async () => {
    expect(await bodyOf('')).toBeNull();
    expect(await bodyOf('x'.repeat(100_000))).toBe('x'.repeat(100_000));
    expect(await bodyOf(`${'y'.repeat(100_000)}z`)).toBe('y'.repeat(100_000));
    expect(await bodyOf('z'.repeat(2 * 1024 * 1024))).toBe('z'.repeat(100_000));
    expect(await bodyOf('w'.repeat(12 * 1024 * 1024))).toBe('w'.repeat(100_000));
  });

  it('is kept as text, whatever its bytes are', async () => {
    expect(await bodyOf('a\u0000b')).toBe('a\uFFFDb');
    expect(await bodyOf(new Uint8Array([0x61, 0xff, 0xfe, 0x62]))).toBe('a\uFFFD\uFFFDb');
    expect(await bodyOf(`a${'€'.repeat(40_000)}`)).toBe(`a${'€'.repeat(33_333)}`);
    expect(await bodyOf("'); drop table push_ping; --")).toBe("'); drop table push_ping; --");
  });

  it('is the reason of its failure', async () => {
    await ping(`${sent}/backup/12`, { method: 'POST', body: '\n  tar: disk full\nbye' });
    const known = await readPushChecks(pool, environment, { services: ['backup'], now: 0 });
    expect(known.get('backup')?.reason).toBe('exit code 12: tar: disk full');
  });

  it('does not lift the limit of other requests', async () => {
    const large = await fetch(`${url}/api/v1/status`, { method: 'POST', body: Buffer.alloc(1_100_000) });
    expect(large.status).toBe(413);
  });
});

describe('faults', () => {
  it('while the database is away: 503 with Retry-After and nothing kept, then it works again', async () => {
    await proxy.cut();
    try {
      for (const who of [`${sent}/backup`, uuid]) {
        const answer = await ping(who);
        expect(answer).toMatchObject({ status: 503 });
        expect(answer.headers.get('retry-after')).toBe('5');
        expect(answer.text).not.toContain('{');
      }
    } finally {
      await proxy.mend();
    }
    expect(await rows()).toEqual([]);
    expect(await ping(`${sent}/backup`)).toMatchObject({ status: 200 });
    expect(await rows()).toHaveLength(1);
  });

  it('while Temporal is away pings are kept all the same', async () => {
    const other = await start('listen: "127.0.0.1:0", pingKey: "${env:PING_KEY}"', {
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    });
    others.push(other);
    const answer = await fetch(`${await other.url}/ping/${sent}/backup/fail`);
    expect(await answer.text()).toBe('OK');
    expect(await rows()).toMatchObject([{ kind: 'fail' }]);
  });
});

describe('who may ping', () => {
  it('needs no token on an address that others reach, but its key or UUID', async () => {
    const other = await start('listen: "0.0.0.0:0", token: "${env:TOKEN}", pingKey: "${env:PING_KEY}"', {
      TOKEN: 'sesame',
    });
    others.push(other);
    const local = (await other.url).replace('0.0.0.0', '127.0.0.1');
    expect((await fetch(`${local}/api/v1/services`)).status).toBe(401);
    for (const who of [`${sent}/backup`, uuid])
      expect((await fetch(`${local}/ping/${who}`)).status).toBe(200);
    expect((await fetch(`${local}/ping/wrong/backup`)).status).toBe(404);
  });

  it('calls by UUID only when no key is set, and the API says that the key is missing', async () => {
    const other = await start('listen: "127.0.0.1:0", pingKey: "${env:PING_KEY}"', { PING_KEY: '' });
    others.push(other);
    const own = await other.url;
    expect(other.output()).toContain('pings by key are off');
    for (const path of [`${sent}/backup`, '/backup', 'null/backup'])
      expect((await fetch(`${own}/ping/${path}`)).status).toBe(404);
    expect((await fetch(`${own}/ping/${uuid}`)).status).toBe(200);
  });
});

describe('clients of the healthchecks ping API', () => {
  it('curl calls with its usual options', async () => {
    const { stdout } = await run('curl', ['-fsS', '-m', '10', '--retry', '5', `${url}/ping/${sent}/backup`]);
    expect(stdout).toBe('OK');
    await run('curl', ['-fsS', '-m', '10', '--data-raw', 'all good', `${url}/ping/${uuid}/0`]);
    await run('curl', ['-fsS', '-m', '10', '--head', `${url}/ping/${uuid}/start`]);
    expect(await rows()).toMatchObject([
      { kind: 'success', body: null },
      { kind: 'success', exit_code: 0, body: 'all good' },
      { kind: 'start' },
    ]);
    await expect(run('curl', ['-fsS', '-m', '10', `${url}/ping/wrong/backup`])).rejects.toThrow('404');
  });
});
