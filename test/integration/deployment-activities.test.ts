/** Steps of deployments with real programs, real release directories and a real PostgreSQL; each may be given out twice, and be cut. */
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDeploymentActivities, type DeploymentDependencies } from '../../src/activities/deployment.js';
import type { DeploymentStep } from '../../src/activities/deployment-contract.js';
import { beginDeployment } from '../../src/adapters/postgres/deployment-store.js';
import type { DeploymentSettings } from '../../src/domain/deployment-settings.js';
import type { IncidentReport } from '../../src/domain/incident.js';
import { configuration, deploymentSettings } from '../support/configurations.js';
import { databasesOf, productDatabase, serverUrl, sql } from '../support/database-runs.js';
import {
  awayPool,
  deploymentBench,
  type BenchOptions,
  type DeploymentBench,
} from '../support/deployment-bench.js';
import { deployedAt, deploymentRecord, phasesOf } from '../support/deployment-records.js';
import { eventually } from '../support/eventually.js';
import { isAlive } from '../support/process-existence.js';
import { createReleases, type Releases } from '../support/releases.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const { pool, url, rowsOf } = useScratchSchema();

const linesIn = (file: string): string[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

interface Prepared {
  bench: DeploymentBench;
  releases: Releases;
  folder: string;
  step(step: DeploymentStep): Promise<{ isGood: boolean; note: string }>;
  backUp(): ReturnType<DeploymentBench['call']>;
}

/** v1 is live and put aside, v2 is there. */
async function prepared(
  settingsIn: (folder: string) => Partial<DeploymentSettings> = () => ({}),
  { live = 'v1', ...more }: Partial<BenchOptions> & { live?: string | null } = {},
): Promise<Prepared> {
  const folder = await temporaryFolder();
  const releases = await createReleases(['v1', 'v2'], live);
  const bench = await deploymentBench({
    ...{ pool: pool(), databaseUrl: url() },
    ...more,
    settings: {
      ...{
        via: { kind: 'directory', root: releases.root, keep: 5 },
        directory: folder,
        deployWithinMs: 20_000,
      },
      ...settingsIn(folder),
    },
  });
  const backUp = () => bench.call('backUpDeployment', {});
  expect(await backUp()).toMatchObject({ isGood: true });
  return {
    ...{ bench, releases, folder, backUp },
    step: (step) => bench.call('takeDeploymentStep', { versionAfter: 'v2', by: 'alice', step }),
  };
}

describe('the beginning of a deployment', () => {
  let environments = 0;
  const made = (more: Partial<DeploymentDependencies> = {}) => {
    const environment = `begun-${(environments += 1)}`;
    const reports: IncidentReport[] = [];
    const activities = createDeploymentActivities({
      latestRevision: async () => 3,
      configurationOf: async () =>
        configuration(environment, [], {
          deployments: [deploymentSettings('api'), deploymentSettings('far', { host: 'db-1' })],
        }),
      begin: (record) => beginDeployment(pool(), record),
      journal: { write: async () => 'stored', close: async () => undefined },
      readLastEpisode: async () => 4,
      signalIncident: async (report) => void reports.push(report),
      signalRouter: async () => undefined,
      askHeartbeat: async () => undefined,
      host: 'here',
      now: () => deployedAt,
      ...more,
    });
    const request = { environment, target: 'api', version: 'v2', by: 'alice', force: null, isDryRun: false };
    const begin = (changes: Partial<typeof request> = {}, startedAt = deployedAt) =>
      new MockActivityEnvironment().run(activities.beginDeployment, {
        ...{ request: { ...request, ...changes }, startedAt },
      });
    return { environment, activities, begin, reports };
  };

  it('has the next number of its target, the newest revision and the host', async () => {
    const { environment, begin } = made();
    expect(await begin()).toEqual({
      kind: 'begun',
      ref: { environment, target: 'api', number: 1, revision: 3 },
      host: 'here',
    });
    expect(await begin({}, deployedAt + 1)).toMatchObject({ ref: { number: 2 } });
    expect(await begin({ target: 'far' })).toMatchObject({ ref: { number: 1 }, host: 'db-1' });
  });

  it('has the same number when it is asked for again, also at once', async () => {
    const { begin } = made();
    const asked = await Promise.all([begin(), begin(), begin()]);
    expect(new Set(asked.map((begun) => JSON.stringify(begun))).size).toBe(1);
    expect(await begin()).toEqual(asked[0]);
  });

  it('leaves nothing behind when it is a dry run', async () => {
    const { environment, begin } = made();
    expect(await begin({ isDryRun: true })).toMatchObject({ kind: 'begun', ref: { number: 0 } });
    expect((await rowsOf('deployment')).filter((row) => row['environment'] === environment)).toEqual([]);
  });

  it('is refused for a target that is not configured, and before anything was applied', async () => {
    const reason = 'nothing is not under `deployments` in the configuration';
    expect(await made().begin({ target: 'nothing' })).toEqual({ kind: 'refused', reason });
    expect(await made({ latestRevision: async () => null }).begin({ target: 'nothing' })).toEqual({
      ...{ kind: 'refused', reason },
    });
  });

  it('is tried again while the database is away', async () => {
    const { begin } = made({ begin: (record) => beginDeployment(awayPool(), record) });
    await expect(begin()).rejects.toMatchObject({ type: 'unavailable', nonRetryable: false });
  });

  it('reports what failed as one critical incident of the target, and its end with the next success', async () => {
    const { environment, activities, reports } = made();
    const left = ['current -> releases/v2'];
    const record = deploymentRecord({ environment, number: 7, reason: 'no space', leftBehind: left });
    const report = (kind: 'open' | 'recover', number: number) =>
      new MockActivityEnvironment().run(activities.reportDeployment, { record: { ...record, number }, kind });
    await report('open', 7);
    await report('open', 7);
    await report('recover', 8);
    expect(reports[0]).toEqual(reports[1]);
    expect(reports[0]).toMatchObject({
      ...{
        kind: 'open',
        loop: 'deployment',
        type: 'failed',
        target: 'api',
        severity: 'critical',
        episode: 5,
      },
      ...{ sequence: 7, reason: 'no space; what is left: current -> releases/v2', affected: ['api'] },
    });
    expect(reports[2]).toMatchObject({ kind: 'recover', sequence: 8, resolvedBy: 'recovery' });
    expect(new Set(reports.map(({ key }) => key)).size).toBe(2);
  });
});

describe('hooks', () => {
  const wanted = [
    ...['OPSLOOP_HOOK', 'OPSLOOP_TARGET', 'OPSLOOP_DEPLOYMENT', 'OPSLOOP_VERSION', 'OPSLOOP_VERSION_BEFORE'],
    ...['OPSLOOP_PERFORMER', 'KAMAL_VERSION', 'KAMAL_PERFORMER', 'KAMAL_SERVICE', 'KAMAL_SERVICE_VERSION'],
    'KAMAL_COMMAND',
  ];
  const print = wanted.map((name) => `$${name}`).join('|');

  it('know of the deployment what those of Kamal know, and what is ours', async () => {
    const hook = ['sh', '-c', `echo "${print}" >> env`];
    const { folder, step } = await prepared(() => ({
      hooks: { 'pre-deploy': [hook], 'post-rollback': [hook] },
    }));
    expect((await step({ kind: 'hook', hook: 'pre-deploy' })).isGood).toBe(true);
    expect((await step({ kind: 'hook', hook: 'post-rollback' })).isGood).toBe(true);
    expect(linesIn(join(folder, 'env'))).toEqual([
      'pre-deploy|api|1|v2|v1|alice|v2|alice|api|api@v2|deploy',
      'post-rollback|api|1|v1|v1|alice|v1|alice|api|api@v1|rollback',
    ]);
  });

  it('run one after the other, until one fails, which is named with its last words', async () => {
    const { folder, step } = await prepared((here) => ({
      hooks: {
        'pre-deploy': [
          ['sh', '-c', `echo "$1" >> ${here}/ran`, '-', 'first {version}'],
          ['sh', '-c', 'echo closed >&2; exit 9'],
          ['sh', '-c', `echo third >> ${here}/ran`],
        ],
      },
    }));
    const { isGood, note } = await step({ kind: 'hook', hook: 'pre-deploy' });
    expect(isGood).toBe(false);
    expect(note).toMatch(/^hook pre-deploy: .*exit code 9: closed$/);
    expect(linesIn(join(folder, 'ran'))).toEqual(['first v2']);
  });

  it('are ended at the limit of a step', async () => {
    const hooks = { 'pre-deploy': [['sh', '-c', 'echo $$ > pid; exec sleep 300']] };
    const { folder, step } = await prepared(() => ({ hooks, deployWithinMs: 1_000 }));
    expect((await step({ kind: 'hook', hook: 'pre-deploy' })).note).toContain('did not end within 1s');
    expect(isAlive(Number(linesIn(join(folder, 'pid'))[0]))).toBe(false);
  });
});

describe('a restart', () => {
  const restart = ['sh', '-c', 'echo "$1 $OPSLOOP_VERSION" >> restarts', '-', '{version}'];

  it('gets the version that is live afterwards, forward and back', async () => {
    const { folder, step } = await prepared(() => ({ restart }));
    await step({ kind: 'restart' });
    await step({ kind: 'restartAfterUndo', attempt: 1 });
    expect(linesIn(join(folder, 'restarts'))).toEqual(['v2 v2', 'v1 v1']);
  });

  it('runs once in each attempt to go back, however often it is given out', async () => {
    const { folder, step } = await prepared(() => ({ restart }));
    for (const attempt of [1, 1, 2]) await step({ kind: 'restartAfterUndo', attempt });
    expect(linesIn(join(folder, 'restarts'))).toHaveLength(2);
  });

  it('hinders no way back to nothing: there is no version to give it, and nothing that has to run', async () => {
    const named = await prepared(() => ({ restart }), { live: null });
    expect(await named.step({ kind: 'restartAfterUndo', attempt: 1 })).toEqual({
      isGood: true,
      note: 'nothing was live before, so nothing is restarted',
    });
    expect(linesIn(join(named.folder, 'restarts'))).toEqual([]);
    const failing = await prepared(() => ({ restart: ['sh', '-c', 'echo nothing to start >&2; exit 1'] }), {
      live: null,
    });
    expect(await failing.step({ kind: 'restartAfterUndo', attempt: 1 })).toMatchObject({
      isGood: true,
      note: expect.stringContaining('nothing to start') as string,
    });
  });
});

describe('a step', () => {
  const slow = ['sh', '-c', 'echo ran >> runs; while [ ! -e go ]; do sleep 0.02; done'];

  it('switches, and goes back, also when it is repeated', async () => {
    const { releases, step } = await prepared();
    for (const kind of ['prepare', 'switch', 'switch'] as const)
      expect((await step({ kind })).isGood).toBe(true);
    expect(releases.target()).toBe('releases/v2');
    for (const attempt of [1, 1, 2])
      expect(await step({ kind: 'undo', attempt })).toEqual({ isGood: true, note: 'v1 is live again' });
    expect(releases.target()).toBe('releases/v1');
  });

  it('runs its program once when it is given out twice at the same time, and when it is repeated', async () => {
    const { folder, step } = await prepared(() => ({ restart: slow }));
    const running = [step({ kind: 'restart' }), step({ kind: 'restart' })];
    await eventually('the program', () => linesIn(join(folder, 'runs')).length > 0);
    writeFileSync(join(folder, 'go'), '');
    const [first, second] = await Promise.all(running);
    expect(first).toMatchObject({ isGood: true });
    expect(second).toEqual(first);
    expect(await step({ kind: 'restart' })).toEqual(first);
    expect(linesIn(join(folder, 'runs'))).toEqual(['ran']);
  });

  it('is ended by a cancellation, also when Temporal has lost sight of who began it', async () => {
    const command = ['sh', '-c', 'echo $$ >> pid; exec sleep 300'];
    const { bench, folder } = await prepared(() => ({ restart: command, deployWithinMs: 3_600_000 }));
    const given = { versionAfter: 'v2', by: 'alice', step: { kind: 'restart' } } as const;
    const first = bench.begin('takeDeploymentStep', given);
    await eventually('the program', () => linesIn(join(folder, 'pid')).length > 0);
    first.temporal.cancel('NOT_FOUND');
    const second = bench.begin('takeDeploymentStep', given);
    second.temporal.cancel();
    await expect(second.result).rejects.toThrow('CANCELLED');
    const pids = linesIn(join(folder, 'pid')).map(Number);
    expect(pids).toHaveLength(1);
    expect(pids.map(isAlive)).toEqual([false]);
  });

  it('of which nothing was put aside is refused: it could not be gone back from', async () => {
    const { bench, step } = await prepared();
    rmSync(join(bench.stateDir, 'deployments'), { recursive: true });
    expect(await step({ kind: 'switch' })).toMatchObject({
      isGood: false,
      note: expect.stringContaining('was not put aside') as string,
    });
  });

  it('that meets what nobody expected has failed, and tells no secrets', async () => {
    const { bench } = await prepared(
      () => ({
        via: {
          kind: 'command',
          deploy: ['sh', '-c', 'echo "${env:TOKEN}" >&2; exit 1'],
          rollback: ['true'],
          current: ['echo', 'v1'],
          variable: 'V',
        },
      }),
      { env: { TOKEN: 'hush-hush-4711' } },
    );
    const outcome = await bench.call('takeDeploymentStep', {
      versionAfter: 'v2',
      by: 'a',
      step: { kind: 'switch' },
    });
    expect(outcome).toMatchObject({ isGood: false, note: expect.stringContaining('***') as string });
    expect(outcome.note).not.toContain('hush');
    bench.breakConfiguration('cannot read hush-hush-4711');
    await expect(
      bench.call('takeDeploymentStep', { versionAfter: 'v2', by: 'a', step: { kind: 'switch' } }),
    ).rejects.toMatchObject({ message: 'cannot read ***', nonRetryable: false });
  });
});

describe('what is put aside', () => {
  it('stays what it was first: a repetition when the new version is live replaces nothing', async () => {
    const { bench, releases, backUp, step } = await prepared();
    rmSync(releases.path('current'));
    symlinkSync('releases/v2', releases.path('current'));
    expect(await backUp()).toMatchObject({
      isGood: true,
      backups: [{ what: 'v1, as it was live', path: join(bench.stateDir, 'deployments/api/1'), bytes: null }],
    });
    expect(await step({ kind: 'undo', attempt: 1 })).toMatchObject({ note: 'v1 is live again' });
    expect(releases.target()).toBe('releases/v1');
  });

  const withDatabase =
    (of: string, isRestored = true) =>
    () => ({
      backup: { databases: [{ name: 'orders', url: of, isRestored }], keep: 5 },
    });

  it('is a dump of the database, which is put back on the way back', async () => {
    const product = await productDatabase();
    await sql(product.url, 'create table orders as select n as id from generate_series(1, 3) n');
    const { bench, step, backUp } = await prepared(withDatabase(product.url));
    const path = join(bench.stateDir, 'deployments/api/1/orders.dump');
    const made = statSync(path);
    expect(made.mode & 0o777).toBe(0o600);
    // A repetition keeps it, although the migration has begun meanwhile.
    await sql(product.url, 'delete from orders');
    expect(await backUp()).toMatchObject({
      backups: [{}, { what: 'database orders, pg_dump -Fc', path, bytes: made.size }],
    });
    expect(statSync(path).mtimeMs).toBe(made.mtimeMs);
    const restored = await step({ kind: 'restoreDatabase', database: 'orders', attempt: 1 });
    expect(restored).toMatchObject({
      isGood: true,
      note: expect.stringContaining('_opsloop_before_1') as string,
    });
    expect(await sql(product.url, 'select count(*)::int as count from orders')).toEqual([{ count: 3 }]);
    // The next attempt sees that it is done.
    await step({ kind: 'restoreDatabase', database: 'orders', attempt: 2 });
    expect(await databasesOf(product.name)).toHaveLength(2);
  });

  it('fails, and goes on failing without a loop, when a database is not there or cannot be dumped', async () => {
    const gone = new URL(serverUrl());
    gone.pathname = '/no_such_orders';
    const bench = await deploymentBench({
      ...{ pool: pool(), databaseUrl: url() },
      settings: {
        via: { kind: 'directory', root: (await createReleases(['v1'])).root, keep: 5 },
        ...withDatabase(gone.href)(),
      },
    });
    for (let time = 0; time < 2; time += 1)
      expect(await bench.call('backUpDeployment', {})).toMatchObject({
        ...{ isGood: false, note: 'there is no database no_such_orders (orders)' },
      });
    // The rights of a table are looked at by pg_dump alone.
    const product = await productDatabase();
    await sql(product.url, 'create table secret (id int)');
    const role = `activities_role_${process.pid}`;
    await sql(serverUrl(), `create role ${role} login password 'hush-hush-4711'`);
    onTestFinished(async () => void (await sql(serverUrl(), `drop role ${role}`)));
    const theirs = new URL(product.url);
    Object.assign(theirs, { username: role, password: 'hush-hush-4711' });
    const denied = await deploymentBench({
      ...{ pool: pool(), databaseUrl: url() },
      settings: {
        via: { kind: 'directory', root: (await createReleases(['v1'])).root, keep: 5 },
        ...withDatabase(theirs.href)(),
      },
    });
    const outcomes = [await denied.call('backUpDeployment', {}), await denied.call('backUpDeployment', {})];
    expect(outcomes[0]).toMatchObject({
      isGood: false,
      note: expect.stringContaining('permission denied') as string,
    });
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(JSON.stringify(outcomes)).not.toContain('hush');
  });
});

describe('the end of a deployment', () => {
  it('is written down, its programs are forgotten, and old backups go as configured', async () => {
    const { bench, folder, step } = await prepared(() => ({
      ...{ restart: ['sh', '-c', 'echo ran >> runs'], backup: { databases: [], keep: 1 } },
    }));
    await step({ kind: 'restart' });
    const record = deploymentRecord({
      ...{ environment: bench.environment, number: 1, state: 'succeeded', finishedAt: deployedAt + 1_000 },
      phases: phasesOf({}),
    });
    const input = { record } as never;
    const { report } = await bench.call('documentDeployment', input);
    expect(readFileSync(report, 'utf8')).toContain('Deployment 1 of api');
    expect(await bench.call('documentDeployment', input)).toEqual({ report });
    expect(linesIn(join(bench.stateDir, 'deployments/log.jsonl'))).toHaveLength(1);
    await step({ kind: 'restart' });
    expect(linesIn(join(folder, 'runs'))).toHaveLength(2);
  });

  it('is described with signs of life, however slow the question is', async () => {
    const current = ['sh', '-c', 'while [ -e slow ]; do sleep 0.02; done; echo v1'];
    const { bench, folder } = await prepared(() => ({
      via: { kind: 'command', deploy: ['true'], rollback: ['true'], current, variable: 'V' },
    }));
    writeFileSync(join(folder, 'slow'), '');
    const { temporal, result } = bench.begin('describeDeployment', {});
    let beats = 0;
    temporal.on('heartbeat', () => (beats += 1));
    await eventually('a sign of life', () => beats > 0);
    rmSync(join(folder, 'slow'));
    expect(await result).toMatchObject({ version: 'v1' });
  });
});
