// What the API tells of runs, and what it refuses, with a real PostgreSQL and a real Temporal; no worker runs.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeConfiguration } from '../../src/adapters/postgres/configuration-store.js';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import type { RunDetailDocument, RunDocument } from '../../src/domain/documents.js';
import { startApi, type ApiProcess } from '../support/api-process.js';
import { configuration, runSettings } from '../support/configurations.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

const environment = `runs-${randomBytes(4).toString('hex')}`;
const token = 'a-token-of-some-length';
let directory = '';
let database: ScratchDatabase;
let pool: Pool;
let api: ApiProcess;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opsloop-run-api-'));
  database = await createScratchDatabase();
  pool = createPool({ url: database.url });
  await migrate(pool);
  const runs = runSettings({ workDirectory: '/srv/work/{run}' });
  await storeConfiguration(pool, { configuration: configuration(environment, [], { runs }), by: 'test' });
  await pool.query(`
    insert into runs (id, state, started_at) values
      ('r-1', 'succeeded', '2026-01-01T12:00:00Z'), ('a b/../c', 'running', '2026-01-01T13:00:00Z');
    insert into steps (run_id, name, state, error) values ('r-1', 'load', 'failed', 'disk full');
  `);
  const file = join(directory, 'opsloop.yaml');
  await writeFile(file, `environment: ${environment}\napi: {listen: "127.0.0.1:0", token: ${token}}\n`);
  api = startApi(file, {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'] ?? '',
  });
  await api.url;
});
afterAll(async () => {
  api.child.kill('SIGKILL');
  await api.ended;
  await pool.end();
  await database.drop();
  await rm(directory, { recursive: true });
});

interface Answer<T> {
  status: number;
  body: T & { error?: { reason: string; message: string; field: string | null } };
}

async function ask<T>(path: string, init: RequestInit = {}): Promise<Answer<T>> {
  const response = await fetch(`${await api.url}/api/v1/runs${path}`, init);
  return { status: response.status, body: (await response.json()) as Answer<T>['body'] };
}

const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  ask(path, { method: 'POST', body, headers: { authorization: `Bearer ${token}`, ...headers } });

describe('the API of runs', () => {
  it('lists them newest first, by state and up to a limit', async () => {
    const idsOf = async (query: string) =>
      (await ask<RunDocument[]>(query)).body.map(({ id }: RunDocument) => id);
    expect(await idsOf('')).toEqual(['a b/../c', 'r-1']);
    expect(await idsOf('?limit=1')).toEqual(['a b/../c']);
    expect(await idsOf('?state=succeeded')).toEqual(['r-1']);
    expect(await idsOf('?state=running,succeeded&state=failed')).toEqual(['a b/../c', 'r-1']);
    expect(await idsOf('?state=stalled')).toEqual([]);
  });

  it('shows one with its steps and the work directory of the configuration', async () => {
    const { status, body } = await ask<RunDetailDocument>('/r-1');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: 'r-1',
      state: 'succeeded',
      steps: { total: 1, succeeded: 0, failed: 1 },
      stepList: [{ name: 'load', state: 'failed', error: 'disk full' }],
      workDirectory: '/srv/work/r-1',
      progress: null,
    });
  });

  it('takes any id, encoded', async () => {
    const { body } = await ask<RunDetailDocument>(`/${encodeURIComponent('a b/../c')}`);
    expect(body).toMatchObject({ id: 'a b/../c', workDirectory: '/srv/work/a%20b%2F..%2Fc' });
  });

  it.each([
    ['?state=done', 400, 'state'],
    ['?limit=0', 400, 'limit'],
    ['/r-2', 404, 'run'],
  ])('refuses %s and names the field', async (path, status, field) => {
    const answer = await ask(path);
    expect(answer).toMatchObject({ status, body: { error: { field } } });
  });

  it('names the run that was probably meant', async () => {
    expect((await ask('/r-12')).body.error?.message).toContain('Did you mean "r-1"?');
  });
});

describe('a request to archive', () => {
  it('of a run that goes on is a conflict', async () => {
    const answer = await post(`/${encodeURIComponent('a b/../c')}/archive`, '{}');
    expect(answer).toMatchObject({ status: 409, body: { error: { reason: 'conflict' } } });
    expect(answer.body.error?.message).toContain('is still running: it is archived when it is over');
  });

  it.each([
    ['{"by": 7}', 'by'],
    ['[]', 'body'],
    ['{', 'body'],
  ])('with %s is refused by the name of the field', async (body, field) => {
    expect(await post('/r-1/archive', body)).toMatchObject({ status: 400, body: { error: { field } } });
  });

  it('needs the token, and comes from no page of another site', async () => {
    expect(await post('/r-1/archive', '{}', { authorization: '' })).toMatchObject({ status: 401 });
    expect(await post('/r-1/archive', '{}', { origin: 'https://evil.example' })).toMatchObject({
      status: 401,
    });
  });

  it('of a run that nobody knows is a 404', async () => {
    expect(await post('/nothing/archive', '{}')).toMatchObject({ status: 404 });
  });
});
