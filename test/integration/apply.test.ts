// `apply` and the commands about loops against a real Temporal and a real PostgreSQL, without a worker.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import type { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { latestConfiguration } from '../../src/adapters/postgres/configuration-store.js';
import { schemaState } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { runCli } from '../../src/client/cli/run.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

const address = process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'] ?? '';
const environment = `apply-${randomBytes(4).toString('hex')}`;
let directory = '';
let database: ScratchDatabase;
let pool: Pool;
let connection: Connection;
let client: Client;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'opsloop-apply-'));
  database = await createScratchDatabase();
  pool = createPool({ url: database.url });
  connection = await Connection.connect({ address });
  client = new Client({ connection });
});
afterAll(async () => {
  await terminateAll();
  await connection.close();
  await pool.end();
  await database.drop();
  await rm(directory, { recursive: true });
});

async function running(): Promise<string[]> {
  const query = `ExecutionStatus = 'Running' AND OpsEnvironment = '${environment}'`;
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
  return ids.sort();
}

async function terminateAll(): Promise<void> {
  await Promise.all(
    (await running()).map((id) => client.workflow.getHandle(id).terminate('end of the test')),
  );
}

async function write(services: string[], more = ''): Promise<void> {
  const lines = services.map((name) => `  - {name: ${name}, every: 30s, checks: [{tcp: "127.0.0.1:1"}]}`);
  await writeFile(
    join(directory, 'opsloop.yaml'),
    `environment: ${environment}\n${more}services:\n${lines.join('\n')}\n`,
  );
}

async function cli(
  ...words: string[]
): Promise<{ code: number; out: string; err: string; document: unknown }> {
  let [out, err] = ['', ''];
  const code = await runCli(words, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: { TEMPORAL_ADDRESS: address, DATABASE_URL: database.url, USER: 'tester' },
    directory,
  });
  const document: unknown = words.includes('--json') ? JSON.parse(out) : null;
  return { code, out, err, document };
}

const actions = (document: unknown): string[] =>
  (document as { loops: { action: string; id: string }[] }).loops.map(({ action, id }) => `${action} ${id}`);

describe('apply', () => {
  it('changes nothing in a dry run, not even the schema', async () => {
    await write(['api']);
    const { code, document } = await cli('apply', '--dry-run', '--json');
    expect(code).toBe(0);
    expect(document).toMatchObject({
      revision: 1,
      dryRun: true,
      changed: true,
      services: { added: ['api'] },
    });
    expect(actions(document)).toEqual([
      `create alertRouter:${environment}`,
      `create heartbeat:${environment}:0`,
      `create external:${environment}`,
      `create runWatch:${environment}`,
    ]);
    expect((await schemaState(pool)).kind).toBe('old');
    const commands = await cli('status', '--json');
    expect(commands).toMatchObject({ code: 1, document: { error: { reason: 'conflict' } } });
    expect(commands.err).toContain('Run `opsloop apply`');
  });

  it('starts the loops, with search attributes, memo and texts for the Web UI', async () => {
    const { code, out } = await cli('apply');
    expect(code).toBe(0);
    expect(out).toContain(`create    heartbeat:${environment}:0`);
    expect(await running()).toEqual([
      `alertRouter:${environment}`,
      `external:${environment}`,
      `heartbeat:${environment}:0`,
      `runWatch:${environment}`,
    ]);
    const description = await client.workflow.getHandle(`heartbeat:${environment}:0`).describe();
    expect(description.type).toBe('heartbeat');
    expect(description.taskQueue).toBe('opsloop');
    expect(description.memo).toEqual({ revision: 1 });
    expect(await description.staticSummary()).toContain('1 services');
    const attributes = Object.fromEntries(
      description.typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]),
    );
    expect(attributes).toMatchObject({ OpsLoop: 'heartbeat', OpsTarget: '0', OpsEnvironment: environment });
  });

  it('does nothing the second time', async () => {
    const { code, document } = await cli('apply', '--json');
    expect(code).toBe(0);
    expect(document).toMatchObject({ revision: 1, changed: false, waiting: [] });
    expect(actions(document).every((action) => action.startsWith('unchanged'))).toBe(true);
    expect((await cli('apply')).out).toContain('nothing to do');
  });

  it('changes nothing when the configuration is wrong', async () => {
    await writeFile(
      join(directory, 'opsloop.yaml'),
      `environment: ${environment}\nservices: [{name: x, every: 1}]\n`,
    );
    const { code, err } = await cli('apply');
    expect(code).toBe(2);
    expect(err).toMatch(/opsloop\.yaml:2:\d+/);
    expect(await latestConfiguration(pool, environment)).toMatchObject({ revision: 1 });
  });

  it('adds a shard, tells the others, and says that no worker took it yet', async () => {
    await write(['api', 'db'], 'heartbeat: {shardSize: 1}\n');
    const { code, document, err } = await cli('apply', '--json');
    expect(code).toBe(0);
    expect(document).toMatchObject({ revision: 2, changed: true, services: { added: ['db'] } });
    expect(actions(document)).toEqual([
      `update alertRouter:${environment}`,
      `update heartbeat:${environment}:0`,
      `create heartbeat:${environment}:1`,
      `update external:${environment}`,
      `update runWatch:${environment}`,
    ]);
    expect(document).toMatchObject({
      waiting: [
        `alertRouter:${environment}`,
        `heartbeat:${environment}:0`,
        `external:${environment}`,
        `runWatch:${environment}`,
      ],
    });
    expect(err).toContain('no worker runs');
    expect(await running()).toHaveLength(5);
  });

  it('asks a shard that is needed no more to stop', async () => {
    await write(['api'], 'heartbeat: {shardSize: 1}\n');
    const { document } = await cli('apply', '--json');
    expect(actions(document)).toContain(`stop heartbeat:${environment}:1`);
    const { history } = await connection.workflowService.getWorkflowExecutionHistory({
      namespace: 'default',
      execution: { workflowId: `heartbeat:${environment}:1` },
    });
    const signals = (history?.events ?? []).map(
      (event) => event.workflowExecutionSignaledEventAttributes?.signalName,
    );
    expect(signals.filter((name) => name !== undefined)).toEqual(['configure', 'stop']);
  });
});

describe('loops', () => {
  beforeEach(async () => {
    await write(['api']);
  });

  it('are listed with what really runs', async () => {
    const list = async () =>
      (await cli('loops', 'list', '--json')).document as { id: string; state: string }[];
    const id = `heartbeat:${environment}:0`;
    expect(await list()).toContainEqual({
      id,
      loop: 'heartbeat',
      target: '0',
      state: 'running',
      pausedBy: null,
      note: null,
      lastAt: null,
      nextAt: null,
      count: 0,
      missed: 0,
      stale: false,
    });
    await client.workflow.getHandle(id).terminate();
    expect((await list()).find((loop) => loop.id === id)?.state).toBe('stopped');
    expect(await cli('status', '--json')).toMatchObject({
      code: 0,
      document: { status: 'UNKNOWN', environment },
    });
    expect(await cli('loops', 'pause', id)).toMatchObject({ code: 1 });
    expect((await cli('loops', 'pause', id)).err).toContain(`opsloop loops start ${id}`);
    expect(await cli('loops', 'start', id)).toMatchObject({ code: 0 });
    expect((await list()).find((loop) => loop.id === id)?.state).toBe('running');
  });

  it('take a signal when no worker answers, and the command says so', async () => {
    const id = `heartbeat:${environment}:0`;
    const { code, err } = await cli('loops', 'pause', id, '--note', 'moving', '--by', 'alice');
    expect(code).toBe(0);
    expect(err).toContain('sent as a signal');
    const { history } = await connection.workflowService.getWorkflowExecutionHistory({
      namespace: 'default',
      execution: { workflowId: id },
    });
    const signal = (history?.events ?? []).find(
      (event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'pause',
    );
    const [payload] = signal?.workflowExecutionSignaledEventAttributes?.input?.payloads ?? [];
    expect(JSON.parse(Buffer.from(payload?.data ?? []).toString())).toEqual({ by: 'alice', note: 'moving' });
  });

  it('are shown as recorded when no worker answers', async () => {
    const id = `heartbeat:${environment}:0`;
    const { code, err, document } = await cli('loops', 'show', id, '--json');
    expect(code, err).toBe(0);
    expect(document).toMatchObject({ id, loop: 'heartbeat', state: 'running' });
    expect(err).toContain('no worker answered');
  });

  it('that do not exist are exit code 1 with the nearest name', async () => {
    const { code, err } = await cli('loops', 'resume', 'heartbaet');
    expect(code).toBe(1);
    expect(err).toContain('Did you mean "heartbeat"?');
  });
});

describe('servers that cannot be reached', () => {
  const ask = async (env: Record<string, string>) => {
    let err = '';
    const startedAt = performance.now();
    const code = await runCli(['status'], {
      stdout: { write: () => undefined },
      stderr: { write: (text) => (err += text) },
      env,
      directory,
    });
    return { code, err, tookMs: performance.now() - startedAt };
  };

  it('are exit code 3 with the address tried, within 5 s', async () => {
    const temporal = await ask({ TEMPORAL_ADDRESS: '127.0.0.1:1', DATABASE_URL: database.url });
    expect(temporal).toMatchObject({
      code: 3,
      err: expect.stringContaining('Temporal at 127.0.0.1:1') as string,
    });
    const url = 'postgres://user:hunter2@127.0.0.1:1/shop';
    const postgres = await ask({ TEMPORAL_ADDRESS: address, DATABASE_URL: url });
    expect(postgres).toMatchObject({ code: 3, err: expect.stringContaining('127.0.0.1:1/shop') as string });
    expect(postgres.err).not.toContain('hunter2');
    expect(Math.max(temporal.tookMs, postgres.tookMs)).toBeLessThan(5_000);
  });
});
