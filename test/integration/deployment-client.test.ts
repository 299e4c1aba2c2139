// The command line of deployments against a real Temporal and a real PostgreSQL; a stand-in workflow takes the decisions.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Client } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { storeConfiguration } from '../../src/adapters/postgres/configuration-store.js';
import { migrate } from '../../src/adapters/postgres/migrations.js';
import { createPool } from '../../src/adapters/postgres/pool.js';
import { runCli } from '../../src/client/cli/run.js';
import { followDeployment, type DeploymentLook } from '../../src/client/deployment-watching.js';
import { createStack } from '../../src/client/stack.js';
import type { DeploymentRecord } from '../../src/domain/deployment.js';
import type { DeploymentDocument, DeploymentPlanDocument } from '../../src/domain/documents.js';
import { deploymentId, taskQueue } from '../../src/domain/ids.js';
import { configuration, deploymentSettings, service } from '../support/configurations.js';
import { writeDeploymentRow } from '../support/deployment-rows.js';
import { eventually } from '../support/eventually.js';
import { createNamespace, newNamespaceName } from '../support/own-namespace.js';
import { temporalAddress } from '../support/workflow-environment.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';

const environment = 'shop';
/** Its own, because the product has one name for its queue. */
const namespace = newNamespaceName();
const address = temporalAddress ?? '';
let directory = '';
let database: ScratchDatabase;
let pool: Pool;
let server: TestWorkflowEnvironment;
let client: Client;
let running: { worker: Worker; end: Promise<void> } | null = null;

const environmentVariables = (): Record<string, string> => ({
  DATABASE_URL: database.url,
  TEMPORAL_ADDRESS: address,
  TEMPORAL_NAMESPACE: namespace,
  USER: 'carol',
});

let workflowBundle: { code: string };

async function startWorker(): Promise<void> {
  const worker = await Worker.create({
    connection: server.nativeConnection,
    namespace,
    taskQueue,
    workflowBundle,
  });
  running = { worker, end: worker.run() };
}

async function stopWorker(): Promise<void> {
  running?.worker.shutdown();
  await running?.end;
  running = null;
}

beforeAll(async () => {
  Runtime.install({
    logger: new DefaultLogger('ERROR', () => undefined),
    telemetryOptions: { logging: { filter: 'off' } },
    shutdownSignals: [],
  });
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: resolve('test/support/stand-in-deployment.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  directory = await mkdtemp(join(tmpdir(), 'opsloop-deploy-'));
  await writeFile(join(directory, 'opsloop.yaml'), `environment: ${environment}\n`);
  database = await createScratchDatabase();
  pool = createPool({ url: database.url });
  await migrate(pool);
  const deployments = [deploymentSettings('shop-api', { services: ['api'] }), deploymentSettings('web')];
  const stored = configuration(environment, [service('api'), service('web')], { deployments });
  await storeConfiguration(pool, { configuration: stored, by: 'test' });
  server = await TestWorkflowEnvironment.createFromExistingServer({ address, namespace });
  await createNamespace(server, namespace);
  ({ client } = server);
  await startWorker();
});
afterAll(async () => {
  await stopWorker();
  await server?.teardown();
  await pool?.end();
  await database?.drop();
  await rm(directory, { recursive: true });
});
beforeEach(async () => {
  if (running === null) await startWorker();
});
afterEach(async () => {
  for (const target of ['shop-api', 'web'])
    await client.workflow
      .getHandle(deploymentId(environment, target))
      .terminate()
      .catch((error: unknown) => {
        if (!(error instanceof Error && error.name === 'WorkflowNotFoundError')) throw error;
      });
  await pool.query('truncate deployment');
});

interface Answer {
  code: number;
  out: string;
  err: string;
}

/** A command that goes on; `out` is what it wrote so far. */
function begin(...words: string[]): { out: () => string; ended: Promise<Answer> } {
  let [out, err] = ['', ''];
  const code = runCli(words, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: environmentVariables(),
    directory,
  });
  return { out: () => out, ended: code.then((ended) => ({ code: ended, out, err })) };
}

const cli = (...words: string[]): Promise<Answer> => begin(...words).ended;

async function ask<T = DeploymentDocument>(
  ...words: string[]
): Promise<{
  code: number;
  body: T & { error?: { reason: string; message: string; field: string | null } };
}> {
  const { code, out, err } = await cli(...words, '--json');
  if (out === '') throw new Error(`no document: ${err}`);
  return { code, body: JSON.parse(out) as never };
}

const whenRunning = (target: string) =>
  eventually(`the deployment of ${target}`, async () => {
    const { out } = await cli('deploy', 'status', target, '--json');
    return (JSON.parse(out) as DeploymentDocument).number === 1;
  });

const writeRow = (changes: Partial<DeploymentRecord>) =>
  writeDeploymentRow(pool, { environment, ...changes });

describe('deploy start', () => {
  it('prints the document as it is then, and is over at once', async () => {
    const { code, body } = await ask('deploy', 'start', 'shop-api', 'v2', '--by', 'alice');
    expect(code).toBe(0);
    expect(body).toMatchObject({
      id: `deployment:${environment}:shop-api`,
      target: 'shop-api',
      state: 'running',
      versionRequested: 'v2',
      startedBy: 'alice',
      finishedAt: null,
    });
  });

  it('a second time names version, starter, begin and phase', async () => {
    const { body: first } = await ask('deploy', 'start', 'shop-api', 'v2', '--by', 'alice');
    const { code, body } = await ask('deploy', 'start', 'shop-api', 'v3');
    expect(code).toBe(1);
    expect(body.error).toMatchObject({ reason: 'conflict', field: 'target' });
    const escaped = first.startedAt.replaceAll('.', '\\.');
    expect(body.error?.message).toMatch(
      new RegExp(`^shop-api is being deployed already: v2, started by alice at ${escaped} \\(phase watch\\)`),
    );
    expect((await ask('deploy', 'start', 'web', 'v3')).code).toBe(0);
  });

  it('a second time says so, too, while no worker runs', async () => {
    await stopWorker();
    await cli('deploy', 'start', 'shop-api', 'v2', '--by', 'alice');
    const { code, body } = await ask('deploy', 'start', 'shop-api', 'v3');
    expect(code).toBe(1);
    expect(body.error?.message).toMatch(/already: v2, started by alice at 20\S+Z \(phase validate\)/);
  });

  it('is found in Temporal by its attributes, and takes a reason to go on', async () => {
    await cli('deploy', 'start', 'shop-api', 'v2', '--force', '--reason', 'it mends the outage');
    const description = await client.workflow.getHandle(deploymentId(environment, 'shop-api')).describe();
    expect(description.searchAttributes).toMatchObject({
      OpsLoop: ['deployment'],
      OpsTarget: ['shop-api'],
      OpsStatus: ['running'],
      OpsEnvironment: [environment],
    });
    expect(description.memo).toEqual({ version: 'v2', by: expect.stringMatching(/^carol@/) });
    const status = await ask('deploy', 'status', 'shop-api');
    expect(status.body).toMatchObject({ force: 'it mends the outage' });
  });

  it('of a target that nobody configured names the nearest', async () => {
    const { code, body } = await ask('deploy', 'start', 'shop-ap', 'v2');
    expect(code).toBe(1);
    expect(body.error).toMatchObject({ reason: 'notFound', field: 'target' });
    expect(body.error?.message).toContain('Did you mean "shop-api"? Known are: shop-api, web');
  });
});

describe('deploy start --wait', () => {
  /** Seen running by the command itself, then decided. */
  const waitFor = async (version: string, ...then: string[]): Promise<Answer> => {
    const waiting = begin('deploy', 'start', 'shop-api', version, '--wait');
    await eventually('its first look', () => waiting.out().includes('shop-api: running, v1 -> '));
    await cli('deploy', ...then);
    return waiting.ended;
  };

  it('ends with 0 when it succeeded, and tells each change on a line', async () => {
    const { code, out, err } = await waitFor('v2', 'promote', 'shop-api', '--by', 'alice');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/shop-api: running, v1 -> v2\n(.*\n)*.*shop-api: succeeded after \S+, v1 -> v2\n$/);
  });

  it.each([
    ['rollback', 'rolledBack'],
    ['reject', 'refused'],
    ['abort', 'rolledBack'],
  ])('ends with 1 after %s: it is %s', async (verb, state) => {
    const { code, out } = await waitFor('v2', verb, 'shop-api', '--note', 'orders fail');
    expect(code).toBe(1);
    expect(out).toContain(`shop-api: ${state} after`);
    expect(out).toContain('orders fail');
  });

  it('prints one document with --json, at the end', async () => {
    const waiting = cli('deploy', 'start', 'shop-api', 'v2', '--wait', '--json');
    await whenRunning('shop-api');
    await cli('deploy', 'promote', 'shop-api');
    const { code, out, err } = await waiting;
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({ state: 'succeeded', decisions: [{ verb: 'promote' }] });
    // It is really over: the next one may begin.
    expect((await ask('deploy', 'start', 'shop-api', 'v3')).code).toBe(0);
  });

  it('goes on while there is no worker, and says what it waits for', async () => {
    const waiting = cli('deploy', 'start', 'shop-api', 'v2', '--wait');
    let isOver = false;
    void waiting.then(() => (isOver = true));
    await whenRunning('shop-api');
    await stopWorker();
    // Long enough for it to be noticed: the query has a limit of 2 s.
    const { body } = await ask('deploy', 'promote', 'shop-api');
    expect(body.error).toMatchObject({ reason: 'unavailable' });
    expect(body.error?.message).toContain('no worker answered for the deployment of shop-api');
    await startWorker();
    // Temporal may have kept the request, or forgotten it.
    await eventually('the end', async () => {
      await cli('deploy', 'promote', 'shop-api');
      return isOver;
    });
    const { code, err } = await waiting;
    expect(code).toBe(0);
    expect(err).toContain('no worker answers: the deployment goes on when one runs again');
  });

  it('ends with 1 and says so when its workflow was ended by hand', async () => {
    const waiting = cli('deploy', 'start', 'shop-api', 'v2', '--wait');
    await whenRunning('shop-api');
    await client.workflow.getHandle(deploymentId(environment, 'shop-api')).terminate('by hand');
    const { code, err } = await waiting;
    expect(code).toBe(1);
    expect(err).toContain('ended as terminated: what is live now has to be looked at');
  });

  it('left with Ctrl-C leaves the deployment going on, and says how to follow it', async () => {
    const program = resolve('src/client/cli/main.ts');
    const words = [
      'deploy',
      'start',
      'shop-api',
      'v2',
      '--wait',
      '--config',
      join(directory, 'opsloop.yaml'),
    ];
    const child = spawn(process.execPath, ['--import', 'tsx', program, ...words], {
      env: { PATH: process.env['PATH'] ?? '', ...environmentVariables() },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const ended = once(child, 'close');
    await eventually('its first line', () => out.includes('running, v1 -> v2'));
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    expect(err).toContain(
      'the deployment goes on without this command; follow it: opsloop deploy status shop-api',
    );
    expect((await ask('deploy', 'status', 'shop-api')).body).toMatchObject({ state: 'running' });
  });
});

describe('a decision', () => {
  it('is answered with the deployment as it is then', async () => {
    await cli('deploy', 'start', 'shop-api', 'approval-v2');
    await whenRunning('shop-api');
    const { code, body } = await ask('deploy', 'approve', 'shop-api', '--by', 'alice', '--note', 'seen');
    expect(code).toBe(0);
    expect(body).toMatchObject({
      state: 'running',
      decisions: [{ verb: 'approve', by: 'alice', note: 'seen', at: expect.stringMatching(/Z$/) }],
    });
    const again = await ask('deploy', 'approve', 'shop-api', '--by', 'alice');
    expect(again).toMatchObject({ code: 1, body: { error: { reason: 'conflict' } } });
    expect(again.body.error?.message).toContain('it does not wait for approval');
  });

  it('of somebody who may not is refused in words', async () => {
    await cli('deploy', 'start', 'shop-api', 'approval-v2');
    await whenRunning('shop-api');
    const { code, out, err } = await cli('deploy', 'approve', 'shop-api', '--by', 'bob');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('bob may not approve; alice may');
    expect((await ask('deploy', 'status', 'shop-api')).body).toMatchObject({ state: 'waitingForApproval' });
  });

  it('while nothing is deployed says what to do instead', async () => {
    const none = await ask('deploy', 'rollback', 'shop-api');
    expect(none).toMatchObject({ code: 1, body: { error: { reason: 'conflict', field: 'target' } } });
    expect(none.body.error?.message).toContain('opsloop deploy start shop-api VERSION');
    await writeRow({});
    const { code, body } = await ask('deploy', 'rollback', 'shop-api');
    expect(code).toBe(1);
    expect(body.error?.message).toContain(
      'no deployment of shop-api is in progress: v2 succeeded at 2026-01-01T12:05:00.000Z. ' +
        'To go back to the version before: opsloop deploy start shop-api v1',
    );
    expect((await ask('deploy', 'promote', 'shop-api')).body.error?.message).toContain(
      'See: opsloop deploy status shop-api',
    );
    expect((await ask('deploy', 'abort', 'wbe')).body.error?.message).toContain('Did you mean "web"?');
  });
});

describe('deploy status and list', () => {
  it('tell what is on record, newest first', async () => {
    await writeRow({ number: 1, startedAt: 1_000, state: 'rolledBack' });
    await writeRow({ number: 2, startedAt: 2_000 });
    await writeRow({ target: 'web', number: 1, startedAt: 3_000 });
    const numbersOf = async (...words: string[]) => {
      const { body } = await ask<DeploymentDocument[]>('deploy', 'list', ...words);
      return body.map(({ target, number }: DeploymentDocument) => `${target} ${number}`);
    };
    expect(await numbersOf()).toEqual(['web 1', 'shop-api 2', 'shop-api 1']);
    expect(await numbersOf('shop-api')).toEqual(['shop-api 2', 'shop-api 1']);
    expect(await numbersOf('shop-api', '--limit', '1')).toEqual(['shop-api 2']);
    expect((await ask('deploy', 'status', 'shop-api')).body).toMatchObject({ number: 2, state: 'succeeded' });
    expect((await ask('deploy', 'status', 'shop-api', '--number', '1')).body).toMatchObject({
      number: 1,
      state: 'rolledBack',
    });
    const missing = await ask('deploy', 'status', 'shop-api', '--number', '7');
    expect(missing).toMatchObject({ code: 1, body: { error: { reason: 'notFound', field: 'number' } } });
  });

  it('tell the one that has just begun before it is on record', async () => {
    await writeRow({ startedAt: 1_000 });
    await stopWorker();
    await cli('deploy', 'start', 'shop-api', 'v3', '--by', 'alice');
    expect((await ask('deploy', 'status', 'shop-api')).body).toMatchObject({
      number: 0,
      state: 'running',
      versionRequested: 'v3',
      startedBy: 'alice',
    });
    expect((await ask('deploy', 'status', 'shop-api', '--number', '1')).body).toMatchObject({
      versionRequested: 'v2',
    });
  });

  it('have their place on the screen of the whole stack while they go on', async () => {
    expect((await cli('status')).out).not.toContain('Deployments');
    await writeRow({ state: 'running', phase: 'watch', finishedAt: null });
    const { code, out } = await cli('status');
    expect(code).toBe(0);
    expect(out).toMatch(
      /Deployments {2}1 in progress\n.*TARGET.*\n +shop-api +1 +running, watch +v1 -> v2 +alice/,
    );
  });

  it('of what was never deployed say how to begin', async () => {
    expect((await ask('deploy', 'status', 'web')).body.error?.message).toContain(
      'opsloop deploy start web VERSION',
    );
    expect((await ask('deploy', 'list', 'web')).body).toEqual([]);
    expect(await ask('deploy', 'list', 'webb')).toMatchObject({
      code: 1,
      body: { error: { reason: 'notFound' } },
    });
  });

  it('still tell of a target that is configured no more', async () => {
    await writeRow({ target: 'gone' });
    expect((await ask('deploy', 'status', 'gone')).body).toMatchObject({ target: 'gone' });
    expect((await ask('deploy', 'start', 'gone', 'v1')).code).toBe(1);
  });
});

describe('deploy plan', () => {
  it('prints what would be done, and changes nothing', async () => {
    const { code, body } = await ask<DeploymentPlanDocument>('deploy', 'plan', 'shop-api', 'v2');
    expect(code).toBe(0);
    expect(body).toMatchObject({
      target: 'shop-api',
      versionBefore: 'v1',
      versionAfter: 'v2',
      isPossible: true,
    });
    expect((await ask('deploy', 'status', 'shop-api')).body.error?.reason).toBe('notFound');
  });

  it('that is not possible ends with 1', async () => {
    const { code, out } = await cli('deploy', 'plan', 'shop-api', 'missing');
    expect(code).toBe(1);
    expect(out).toContain('it would be refused: there is no release missing');
  });

  it('is made for several people at once', async () => {
    const plans = await Promise.all(
      ['v2', 'v3', 'v4'].map((version) => ask<DeploymentPlanDocument>('deploy', 'plan', 'shop-api', version)),
    );
    expect(plans.map(({ body }) => body.versionAfter)).toEqual(['v2', 'v3', 'v4']);
  });

  it('that cannot be made says why', async () => {
    const { code, body } = await ask('deploy', 'plan', 'shop-api', 'broken');
    expect(code).toBe(1);
    expect(body.error?.message).toBe('no plan for shop-api could be made: the way is broken');
  });

  it('needs a worker, and leaves nothing behind without one', async () => {
    await stopWorker();
    const { code, body } = await ask('deploy', 'plan', 'shop-api', 'v2');
    expect(code).toBe(3);
    expect(body.error).toMatchObject({ reason: 'unavailable' });
    await startWorker();
    expect((await ask('deploy', 'plan', 'shop-api', 'v2')).code).toBe(0);
  });
});

describe('a deployment that is followed', () => {
  const nowhere = 'postgres://nobody@127.0.0.1:1/none';
  const started = {
    environment,
    target: 'shop-api',
    runId: 'gone',
    startedAt: Date.parse('2026-01-01T12:00:00Z'),
    version: 'v2',
    by: 'alice',
  };

  /** A look with a Temporal that is away. */
  async function lookOnce(url: string): Promise<DeploymentLook> {
    const own = createPool({ url });
    const stack = createStack({
      environment,
      endpoints: {
        temporal: { address: '127.0.0.1:1', namespace: 'default', webUi: null, source: 'given' },
        databaseUrl: url,
        redisUrl: null,
        apiUrl: null,
      },
      env: {},
      pool: own,
      databaseUrl: url,
      asDatabaseError: (error) => error,
    });
    try {
      return await followDeployment(stack, started)();
    } finally {
      await stack.close();
    }
  }

  it('is seen on record while Temporal is away', async () => {
    await writeRow({ state: 'running', phase: 'backup', finishedAt: null });
    expect(await lookOnce(database.url)).toMatchObject({
      record: { phase: 'backup' },
      isOver: false,
      waitsFor: expect.stringContaining('Temporal at 127.0.0.1:1 cannot be reached'),
    });
    await writeRow({ state: 'rolledBack' });
    expect(await lookOnce(database.url)).toMatchObject({
      record: { state: 'rolledBack' },
      isOver: true,
      waitsFor: null,
    });
  });

  it('is not taken for another one of the same target', async () => {
    await writeRow({ startedAt: started.startedAt - 60_000 });
    expect(await lookOnce(database.url)).toMatchObject({ record: { number: 0 }, isOver: false });
  });

  it('stays as it was seen last while everything is away', async () => {
    expect(await lookOnce(nowhere)).toMatchObject({
      record: { state: 'running', versionRequested: 'v2', startedBy: 'alice' },
      isOver: false,
    });
  });
});
