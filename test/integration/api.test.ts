// The HTTP API as a process, with a real PostgreSQL and a real Temporal.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { storeConfiguration } from '../../src/adapters/postgres/configuration-store.js';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { startApi, type ApiProcess } from '../support/api-process.js';
import { configuration, service } from '../support/configurations.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

const environment = `api-${randomBytes(4).toString('hex')}`;
let directory = '';
let database: ScratchDatabase;
let worker: Server;
let started: ApiProcess[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opsloop-api-'));
  database = await createScratchDatabase();
  const pool = createPool({ url: database.url });
  await migrate(pool);
  await storeConfiguration(pool, { configuration: configuration(environment, [service('web')]), by: 'test' });
  await pool.query(
    `insert into heartbeat_service (environment, service, shard, state, since, last_check_at, last_verdict, latency_ms)
     values ($1, 'web', 0, 'healthy', now(), now(), 'healthy', 12)`,
    [environment],
  );
  await pool.end();
  worker = createServer((_request, response) => response.end('# TYPE temporal_x counter\ntemporal_x 5\n'));
  await new Promise<void>((resolve) => worker.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  for (const { child, ended } of started) {
    child.kill('SIGKILL');
    await ended;
  }
  started = [];
});
afterAll(async () => {
  worker.close();
  await database.drop();
  await rm(directory, { recursive: true });
});

async function start(api: string, env: Record<string, string> = {}): Promise<ApiProcess> {
  const file = join(directory, 'opsloop.yaml');
  await writeFile(
    file,
    `environment: ${environment}\n${api}services:\n  - {name: web, checks: [{disk: /}]}\n`,
  );
  const process_ = startApi(file, {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'] ?? '',
    OPSLOOP_WORKER_METRICS: `127.0.0.1:${(worker.address() as AddressInfo).port}`,
    ...env,
  });
  started.push(process_);
  return process_;
}

const anyPort = 'api: {listen: "127.0.0.1:0"}\n';

async function get(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  // Not fetch: it does not let a test choose the Host header.
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject).end();
  });
}

describe('the API', () => {
  it('answers with the documents of the CLI, to this machine only', async () => {
    const url = await (await start(anyPort)).url;
    expect(await get(`${url}/healthz`)).toEqual({ status: 200, text: '{"status":"ok"}' });
    expect(await get(`${url}/readyz`)).toMatchObject({ status: 200 });
    const status = await get(`${url}/api/v1/status`);
    expect(JSON.parse(status.text)).toMatchObject({
      environment,
      services: { healthy: 1, unhealthy: 0, unknown: 0 },
    });
    const services = await get(`${url}/api/v1/services`);
    expect(JSON.parse(services.text)).toMatchObject([{ name: 'web', state: 'healthy', latencyMs: 12 }]);
    for (const path of ['loops', 'incidents?all=true', 'alerts?limit=5']) {
      expect(Array.isArray(JSON.parse((await get(`${url}/api/v1/${path}`)).text))).toBe(true);
    }
    const foreign = await get(`${url}/api/v1/status`, { host: 'evil.example' });
    expect(foreign.status).toBe(403);
  });

  it('names the field of a wrong question, and says when there is no such page', async () => {
    const url = await (await start(anyPort)).url;
    const wrong = await get(`${url}/api/v1/alerts?limit=many`);
    expect(wrong.status).toBe(400);
    expect(JSON.parse(wrong.text)).toMatchObject({ error: { reason: 'invalidInput', field: 'limit' } });
    expect(JSON.parse((await get(`${url}/nope`)).text)).toMatchObject({ error: { reason: 'notFound' } });
    const large = await fetch(`${url}/api/v1/status`, { method: 'POST', body: Buffer.alloc(1_100_000) });
    expect(large.status).toBe(413);
    expect(await large.json()).toMatchObject({ error: { reason: 'invalidInput' } });
  });

  it('shows its own metrics, those of the loops, and those of the worker, each once', async () => {
    const url = await (await start(anyPort)).url;
    const { text } = await get(`${url}/metrics`);
    expect(text).toContain(`opsloop_service_up{service="web",environment="${environment}"} 1`);
    expect(text).toContain('opsloop_service_latency_seconds{service="web"');
    expect(text).toContain('opsloop_incidents_open{severity="critical"');
    expect(text).toContain('temporal_x 5');
    expect(text).toContain('process_cpu_user_seconds_total');
    const types = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(new Set(types).size).toBe(types.length);
  });

  it('stays up without its servers and says what is missing', async () => {
    const nowhere = { DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/x', TEMPORAL_ADDRESS: '127.0.0.1:1' };
    const api = await start(anyPort, nowhere);
    const url = await api.url;
    expect((await get(`${url}/healthz`)).status).toBe(200);
    const { status, text } = await get(`${url}/readyz`);
    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({
      temporal: expect.stringContaining('127.0.0.1:1') as string,
      database: expect.stringContaining('127.0.0.1:1/x') as string,
      error: { reason: 'unavailable' },
    });
    expect((await get(`${url}/api/v1/services`)).status).toBe(503);
    expect((await get(`${url}/metrics`)).text).toMatch(/^opsloop_database_up\{.*\} 0$/m);
    expect(text + api.output()).not.toContain('hunter2');
  });

  it('asks for the token when others can reach it', async () => {
    const url = await (
      await start('api: {listen: "0.0.0.0:0", token: "${env:TOKEN}"}\n', { TOKEN: 'sesame' })
    ).url;
    const local = url.replace('0.0.0.0', '127.0.0.1');
    expect((await get(`${local}/healthz`)).status).toBe(200);
    expect((await get(`${local}/readyz`)).status).toBe(200);
    expect((await get(`${local}/metrics`)).status).toBe(401);
    expect((await get(`${local}/api/v1/services`, { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await get(`${local}/api/v1/services`, { authorization: 'Bearer sesame' })).status).toBe(200);
  });

  it('refuses to be open to others without a token, exit code 2', async () => {
    const api = await start('api: {listen: "0.0.0.0:0", token: "${env:TOKEN}"}\n');
    expect(await api.ended).toBe(2);
    expect(api.output()).toContain('TOKEN');
  });

  it('refuses a port that the configuration names and somebody else has, exit code 2', async () => {
    const { port } = worker.address() as AddressInfo;
    const api = await start(`api: {listen: "127.0.0.1:${port}"}\n`);
    expect(await api.ended).toBe(2);
    expect(api.output()).toContain(`api.listen: 127.0.0.1:${port} is taken`);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends at %s with exit code 0', async (signal) => {
    const api = await start(anyPort);
    await get(`${await api.url}/api/v1/status`);
    api.child.kill(signal);
    expect(await api.ended).toBe(0);
  });

  it('ends when the process that started it has gone', async () => {
    const api = await start(anyPort);
    await api.url;
    api.child.disconnect();
    expect(await api.ended).toBe(0);
  });
});
