// The API's deployments, with a real PostgreSQL and a real Temporal; no worker runs.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { storeConfiguration } from '../../src/adapters/postgres/configuration-store.js';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { deploymentVerbs } from '../../src/domain/deployment.js';
import type { DeploymentDocument } from '../../src/domain/documents.js';
import { deploymentId } from '../../src/domain/ids.js';
import { startApi, type ApiProcess } from '../support/api-process.js';
import { configuration, deploymentSettings } from '../support/configurations.js';
import { writeDeploymentRow } from '../support/deployment-rows.js';
import { createNamespace, newNamespaceName } from '../support/own-namespace.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';
import { temporalAddress } from '../support/workflow-environment.js';

const environment = 'shop';
const token = 'a-token-of-some-length';
const namespace = newNamespaceName();
const address = temporalAddress ?? '';
let directory = '';
let database: ScratchDatabase;
let pool: Pool;
let server: TestWorkflowEnvironment;
let api: ApiProcess;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opsloop-deploy-api-'));
  database = await createScratchDatabase();
  pool = createPool({ url: database.url });
  await migrate(pool);
  const deployments = [deploymentSettings('shop-api'), deploymentSettings('web')];
  await storeConfiguration(pool, {
    configuration: configuration(environment, [], { deployments }),
    by: 'test',
  });
  await writeDeploymentRow(pool, {
    number: 1,
    startedAt: 1_000,
    state: 'rolledBack',
    reason: 'api answered 500',
  });
  await writeDeploymentRow(pool, { number: 2, startedAt: 2_000 });
  server = await TestWorkflowEnvironment.createFromExistingServer({ address, namespace });
  await createNamespace(server, namespace);
  const file = join(directory, 'opsloop.yaml');
  await writeFile(file, `environment: ${environment}\napi: {listen: "127.0.0.1:0", token: ${token}}\n`);
  api = startApi(file, {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
  });
  await api.url;
});
afterAll(async () => {
  api?.child.kill('SIGKILL');
  await api?.ended;
  await server?.teardown();
  await pool?.end();
  await database?.drop();
  await rm(directory, { recursive: true });
});
afterEach(async () => {
  await server.client.workflow
    .getHandle(deploymentId(environment, 'web'))
    .terminate()
    .catch((error: unknown) => {
      if (!(error instanceof Error && error.name === 'WorkflowNotFoundError')) throw error;
    });
});

interface Answer<T> {
  status: number;
  body: T & { error?: { reason: string; message: string; field: string | null } };
}

async function ask<T = DeploymentDocument>(path: string, init: RequestInit = {}): Promise<Answer<T>> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(init.headers as Record<string, string> | undefined),
  };
  const response = await fetch(`${await api.url}/api/v1/deployments${path}`, { ...init, headers });
  return { status: response.status, body: (await response.json()) as Answer<T>['body'] };
}

const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  ask(path, { method: 'POST', body, headers });

describe('the API of deployments', () => {
  it('lists them newest first, of all targets or of one', async () => {
    const numbersOf = async (query: string) =>
      (await ask<DeploymentDocument[]>(query)).body.map(({ number }: DeploymentDocument) => number);
    expect(await numbersOf('')).toEqual([2, 1]);
    expect(await numbersOf('?target=shop-api&limit=1')).toEqual([2]);
    expect(await numbersOf('?target=web')).toEqual([]);
  });

  it('shows the newest one of a target, or one by its number', async () => {
    expect(await ask('/shop-api')).toMatchObject({
      status: 200,
      body: {
        id: 'deployment:shop:shop-api',
        number: 2,
        state: 'succeeded',
        versionRequested: 'v2',
        versionBefore: 'v1',
        startedBy: 'alice',
        startedAt: '1970-01-01T00:00:02.000Z',
      },
    });
    expect(await ask('/shop-api/1')).toMatchObject({ status: 200, body: { number: 1, state: 'rolledBack' } });
  });

  it.each([
    ['/shop-api/7', 404, 'number'],
    ['/shop-api/x', 400, 'number'],
    ['/shop-api/0', 400, 'number'],
    ['/web', 404, 'target'],
    ['/wbe', 404, 'target'],
    ['?target=wbe', 404, 'target'],
    ['?limit=0', 400, 'limit'],
    ['/web/plan', 400, 'version'],
    ['/web/plan?version=--flag', 400, 'version'],
    ['/wbe/plan?version=v2', 404, 'target'],
  ])('refuses %s and names the field', async (path, status, field) => {
    expect(await ask(path)).toMatchObject({ status, body: { error: { field } } });
  });
});

describe('a request to deploy', () => {
  it('is accepted, and shown at once', async () => {
    const answer = await post('/web', '{"version": "v2", "by": "alice", "force": "it mends the outage"}');
    expect(answer).toMatchObject({
      status: 202,
      body: { target: 'web', number: 0, state: 'running', versionRequested: 'v2', startedBy: 'alice' },
    });
    expect(await ask('/web')).toMatchObject({
      status: 200,
      body: { versionRequested: 'v2', startedBy: 'alice' },
    });
  });

  it('while one goes on is a conflict that names it', async () => {
    await post('/web', '{"version": "v2", "by": "alice"}');
    const answer = await post('/web', '{"version": "v3"}');
    expect(answer).toMatchObject({ status: 409, body: { error: { reason: 'conflict', field: 'target' } } });
    expect(answer.body.error?.message).toMatch(
      /^web is being deployed already: v2, started by alice at 20\S+Z/,
    );
  });

  it.each([
    ['{}', 'version'],
    ['{"version": ""}', 'version'],
    ['{"version": "--flag"}', 'version'],
    ['{"version": "v1\\nv2"}', 'version'],
    ['{"version": "v1\\u0000"}', 'version'],
    ['{"version": 7}', 'version'],
    [`{"version": "${'x'.repeat(256)}"}`, 'version'],
    ['{"version": "v2", "by": 7}', 'by'],
    ['{"version": "v2", "force": true}', 'force'],
    ['{"version": "v2", "force": " "}', 'force'],
    ['{"version": "v2", "target": "shop-api"}', 'target'],
    ['{"version": "v2", "isDryRun": true}', 'isDryRun'],
    ['[]', 'body'],
    ['{', 'body'],
  ])('with %s is refused by the name of the field, and starts nothing', async (body, field) => {
    expect(await post('/web', body)).toMatchObject({ status: 400, body: { error: { field } } });
    expect(await ask('/web')).toMatchObject({ status: 404 });
  });

  it('of a target that nobody configured names the nearest', async () => {
    const answer = await post('/wbe', '{"version": "v2"}');
    expect(answer.status).toBe(404);
    expect(answer.body.error?.message).toContain('Did you mean "web"?');
  });
});

describe('what people decide', () => {
  it.each(deploymentVerbs)('%s is a conflict while nothing is deployed', async (verb) => {
    const answer = await post(`/shop-api/${verb}`, '{"by": "alice"}');
    expect(answer).toMatchObject({ status: 409, body: { error: { reason: 'conflict' } } });
    expect(answer.body.error?.message).toContain('no deployment of shop-api is in progress');
  });

  it('is refused by the name of the field when it is wrong', async () => {
    for (const body of ['{"by": 7}', '{"who": "alice"}'])
      expect(await post('/web/abort', body)).toMatchObject({
        status: 400,
        body: { error: { field: body.includes('who') ? 'who' : 'by' } },
      });
    expect(await post('/wbe/abort', '{}')).toMatchObject({ status: 404 });
    expect(await post('/web/rollback', '{}')).toMatchObject({ status: 404 });
  });

  it('is a 503 while no worker runs', async () => {
    await post('/web', '{"version": "v2"}');
    const answer = await post('/web/abort', '{"by": "alice"}');
    expect(answer).toMatchObject({ status: 503, body: { error: { reason: 'unavailable' } } });
    expect(answer.body.error?.message).toContain('opsloop deploy status web');
  });
});

describe('what changes something, and a plan,', () => {
  it('need the token, and come from no page of another site', async () => {
    const asked: [string, RequestInit][] = [
      ['/web', { method: 'POST', body: '{"version": "v2"}' }],
      ['/web/abort', { method: 'POST', body: '{}' }],
      ['/web/plan?version=v2', {}],
    ];
    for (const [path, init] of asked)
      for (const headers of [
        { authorization: '' },
        { origin: 'https://evil.example' },
        { 'sec-fetch-site': 'cross-site' },
      ] as Record<string, string>[])
        expect(await ask(path, { ...init, headers }), path).toMatchObject({ status: 401 });
    expect(await ask('/web')).toMatchObject({ status: 404 });
  });

  it('need a worker: a plan is a 503 without one', async () => {
    expect(await ask('/web/plan?version=v2')).toMatchObject({
      status: 503,
      body: { error: { reason: 'unavailable' } },
    });
  });
});
