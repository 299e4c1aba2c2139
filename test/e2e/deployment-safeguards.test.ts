/** What stands between a deployment and harm: backups, metrics, the guard, open incidents, and hooks, through the whole product. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeploymentDocument, IncidentDocument } from '../../src/domain/documents.js';
import { deploymentHooks } from '../../src/domain/deployment-settings.js';
import { databasesOf, sql } from '../support/database-runs.js';
import {
  startCommandedService,
  startReleasedService,
  type CommandedService,
  type DeployedService,
} from '../support/deployed-services.js';
import { deploy, phaseOf, whenOver, whenPhase } from '../support/deployment-runs.js';
import { eventually } from '../support/eventually.js';
import { startHttpServer, type HttpServer } from '../support/http-server.js';
import { createScratchDatabase, type ScratchDatabase } from '../support/scratch-database.js';
import { prepareStack, type Stack } from '../support/stack.js';

const ground = mkdtempSync('/tmp/ways-');
let stack: Stack;
const services = new Map<string, DeployedService>();
let commanded: CommandedService;
let database: ScratchDatabase;
let metrics: HttpServer;
/** What the endpoint of the metrics says. */
let errorRate: number | undefined = 0;

const released = ['measured', 'guarded', 'wounded', 'hooked'] as const;
const serviceOf = (name: string): DeployedService => {
  const found = services.get(name);
  if (found === undefined) throw new Error(`no service ${name}`);
  return found;
};

/** Takes the version as argument, and the database from the environment, as a migration would. */
const migration = `
const { Client } = require(${JSON.stringify(createRequire(import.meta.url).resolve('pg'))});
const client = new Client({ connectionString: process.env.SHOP_DATABASE_URL });
client.connect()
  .then(() => client.query('drop table orders; create table wreckage as select 1 as id'))
  .then(() => client.end())
  .then(() => require('node:fs').writeFileSync(process.argv[2] + '/live', process.argv[3]));
`;

/** One line per hook: the variables that it was given. */
const hook = `
const given = Object.entries(process.env).filter(([name]) => /^(KAMAL_|OPSLOOP_)/.test(name));
require('node:fs').appendFileSync(process.argv[2], JSON.stringify({ ...Object.fromEntries(given), argument: process.argv[3] }) + '\\n');
`;
const hookLog = join(ground, 'hooks.jsonl');

const usual = { verifyWithin: '3s', watchFor: '1s', watchEvery: '500ms' };
const byDirectory = (name: string): object => ({
  name,
  via: { directory: { root: join(ground, name) } },
  services: [name],
  ...usual,
});

function deployments(): object[] {
  const { rollback, current } = commanded;
  const command = [process.execPath, join(ground, 'migrate.cjs'), join(ground, 'commanded'), '{version}'];
  const hookCommand = [process.execPath, join(ground, 'hook.cjs'), hookLog, '{version}'];
  return [
    {
      ...{ name: 'commanded', services: ['commanded'], ...usual },
      via: { command: { deploy: command, rollback, current } },
      backup: { database: { url: '${env:SHOP_DATABASE_URL}', restore: true, name: 'orders' } },
    },
    {
      ...byDirectory('measured'),
      watchFor: '10m',
      analysis: [
        {
          name: 'error-rate',
          http: metrics.url,
          interval: '200ms',
          successCondition: '[BODY].errorRate < 5',
          failureCondition: '[BODY].errorRate > 50',
        },
      ],
    },
    byDirectory('guarded'),
    byDirectory('wounded'),
    {
      ...byDirectory('hooked'),
      hooks: Object.fromEntries(deploymentHooks.map((name) => [name, hookCommand])),
    },
  ];
}

beforeAll(async () => {
  writeFileSync(join(ground, 'migrate.cjs'), migration);
  writeFileSync(join(ground, 'hook.cjs'), hook);
  database = await createScratchDatabase();
  metrics = await startHttpServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ errorRate })),
  );
  for (const name of released) services.set(name, await startReleasedService(join(ground, name)));
  commanded = await startCommandedService(join(ground, 'commanded'));
  services.set('commanded', commanded);
  stack = prepareStack({ configuration: {}, env: { SHOP_DATABASE_URL: database.url } });
  stack.configure({
    environment: 'shop',
    services: [...services].map(([name, { url }]) => ({
      ...{ name, every: '5s', openAfter: 2, closeAfter: 1 },
      ...(name === 'wounded' ? { severity: 'critical' } : {}),
      checks: [{ http: url, conditions: ['[STATUS] == 200'] }],
    })),
    deployments: deployments(),
  });
  await stack.start();
}, 120_000);
afterAll(async () => {
  await stack?.close();
  for (const service of services.values()) await service.close();
  await metrics?.close();
  for (const name of await databasesOf(keptName()))
    await sql(database.url, `drop database "${name}" with (force)`);
  await database?.drop();
  rmSync(ground, { recursive: true, force: true });
}, 60_000);

const databaseName = (): string => new URL(database.url).pathname.slice(1);
const keptName = (): string => `${databaseName()}_opsloop_before_1`;
const urlOf = (name: string): string => database.url.replace(databaseName(), name);
const tablesOf = async (url: string): Promise<string[]> =>
  (
    await sql<{ name: string }>(
      url,
      `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`,
    )
  ).map(({ name }) => name);

describe('a deployment that spoils a database', () => {
  it('is rolled back with its data, and what it made of the database is kept', async () => {
    await sql(database.url, 'create table orders as select n as id from generate_series(1, 500) n');
    commanded.release('v2', 500);
    const { code, body } = await deploy(stack, 'start', 'commanded', 'v2', '--wait', '--by', 'alice');
    expect(body).toMatchObject({
      state: 'rolledBack',
      versionBefore: 'v1',
      versionAfter: 'v1',
      leftBehind: [],
    });
    expect(code).toBe(1);
    expect(commanded.live()).toBe('v1');
    expect(await tablesOf(database.url)).toEqual(['orders']);
    expect(await sql(database.url, 'select count(*)::int as count from orders')).toEqual([{ count: 500 }]);
    expect(await tablesOf(urlOf(keptName()))).toEqual(['wreckage']);
    expect(phaseOf(body, 'rollBack').note).toContain(keptName());
    const dump = body.backups.find(({ what }) => what.includes('database orders'));
    expect(dump).toMatchObject({
      path: expect.stringMatching(/orders\.dump$/) as string,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect(statSync(dump?.path ?? '').size).toBe(dump?.bytes);
    const password = new URL(database.url).password;
    if (password !== '') expect(JSON.stringify(body)).not.toContain(password);
  });
});

describe('a metric', () => {
  it('that turns bad in the watch rolls back, although the service is healthy', async () => {
    serviceOf('measured').release('v2');
    const ending = deploy(stack, 'start', 'measured', 'v2', '--wait', '--by', 'alice');
    await whenPhase(stack, { target: 'measured', number: 1, phase: 'watch' });
    errorRate = 80;
    const { code, body } = await ending;
    expect(code).toBe(1);
    expect(body).toMatchObject({ state: 'rolledBack', versionAfter: 'v1' });
    expect(body.reason).toMatch(/error-rate.*80/);
    expect(phaseOf(body, 'watch').state).toBe('failed');
    expect(serviceOf('measured').live()).toBe('v1');
  });

  it('that tells no number rolls back, too', async () => {
    errorRate = undefined;
    const { code, body } = await deploy(stack, 'start', 'measured', 'v2', '--wait', '--by', 'alice');
    expect(code).toBe(1);
    expect(body).toMatchObject({ state: 'rolledBack', versionAfter: 'v1' });
    expect(body.reason).toMatch(/error-rate could not be measured 5 times in a row.*INVALID/);
  });

  it('that is neither good nor bad waits for a person, who promotes', async () => {
    errorRate = 20;
    const ending = deploy(stack, 'start', 'measured', 'v2', '--wait', '--by', 'alice');
    const waiting = await eventually(
      'that it waits',
      async () => {
        const { body } = await deploy(stack, 'status', 'measured');
        return body.number === 3 && body.state === 'waitingForApproval' ? body : null;
      },
      60_000,
    );
    expect(waiting.phase).toBe('watch');
    expect(waiting.reason).toContain('error-rate');
    expect(serviceOf('measured').live()).toBe('v2');
    expect((await deploy(stack, 'promote', 'measured', '--by', 'bob')).code).toBe(0);
    const { code, body } = await ending;
    expect(body).toMatchObject({
      state: 'succeeded',
      versionAfter: 'v2',
      decisions: [{ verb: 'promote', by: 'bob' }],
    });
    expect(code).toBe(0);
  });
});

describe('the guard', () => {
  async function push(status: string): Promise<void> {
    const file = join(ground, `${status}.json`);
    writeFileSync(file, JSON.stringify({ service: 'db-1', status, metric: 'ram', current_value: 91 }));
    expect(await stack.cli('guard', 'push', '--file', file)).toMatchObject({ code: 0 });
  }

  it('refuses what is started while something is short, until that is resolved', async () => {
    serviceOf('guarded').release('v2');
    await push('CRITICAL');
    try {
      const { code, body } = await deploy(stack, 'start', 'guarded', 'v2', '--wait', '--by', 'alice');
      expect(code).toBe(1);
      expect(body.state).toBe('refused');
      expect(body.reason).toContain('resource guard: CRITICAL, db-1 says CRITICAL: ram 91');
      expect(phaseOf(body, 'preCheck').state).toBe('failed');
      expect(serviceOf('guarded').live()).toBe('v1');
    } finally {
      await push('resolved');
    }
    const { code } = await deploy(stack, 'start', 'guarded', 'v2', '--wait', '--by', 'alice');
    expect(code).toBe(0);
    expect(serviceOf('guarded').live()).toBe('v2');
  });
});

describe('a critical incident of the service', () => {
  it('refuses what does not say why it goes on, and what does is recorded with it', async () => {
    serviceOf('wounded').answer('v1', 500);
    serviceOf('wounded').release('v2');
    const open = await eventually(
      'the incident',
      async () =>
        (await stack.ask<IncidentDocument[]>('incidents', 'list')).find(({ target }) => target === 'wounded'),
      60_000,
    );
    expect(open.severity).toBe('critical');
    const refused = await deploy(stack, 'start', 'wounded', 'v2', '--wait', '--by', 'alice');
    expect(refused).toMatchObject({ code: 1, body: { state: 'refused', force: null } });
    expect(refused.body.reason).toMatch(/a critical incident of wounded is open.*--force/);
    expect(serviceOf('wounded').live()).toBe('v1');

    const reason = 'v2 mends the outage';
    const words = ['--wait', '--by', 'alice', '--force', reason];
    const { code, body } = await deploy(stack, 'start', 'wounded', 'v2', ...words);
    expect(body).toMatchObject({ state: 'succeeded', force: reason });
    expect(code).toBe(0);
    expect(phaseOf(body, 'preCheck').note).toContain(`forced: ${reason}`);
    expect(readFileSync(body.report ?? '', 'utf8')).toContain(reason);
    await eventually('that the incident is over', async () =>
      (await stack.ask<IncidentDocument[]>('incidents', 'list')).every(({ target }) => target !== 'wounded'),
    );
  });
});

describe('hooks', () => {
  type Given = Record<string, string>;
  const given = (): Given[] =>
    existsSync(hookLog)
      ? readFileSync(hookLog, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Given)
      : [];
  const expected = (name: string, { number, version }: { number: string; version: string }): Given => ({
    argument: version,
    OPSLOOP_HOOK: name,
    OPSLOOP_TARGET: 'hooked',
    OPSLOOP_DEPLOYMENT: number,
    OPSLOOP_VERSION: version,
    OPSLOOP_PERFORMER: 'alice',
    KAMAL_VERSION: version,
    KAMAL_PERFORMER: 'alice',
    KAMAL_SERVICE: 'hooked',
    KAMAL_SERVICE_VERSION: `hooked@${version}`,
    KAMAL_COMMAND: name === 'post-rollback' ? 'rollback' : 'deploy',
  });
  const names = (): (string | undefined)[] => given().map(({ OPSLOOP_HOOK: name }) => name);

  it('run one after the other, and are told what is deployed by whom', async () => {
    serviceOf('hooked').release('v2');
    const { code } = await deploy(stack, 'start', 'hooked', 'v2', '--wait', '--by', 'alice');
    expect(code).toBe(0);
    const forward = deploymentHooks.filter((name) => name !== 'post-rollback');
    expect(names()).toEqual(forward);
    expect(given()).toMatchObject(forward.map((name) => expected(name, { number: '1', version: 'v2' })));
  });

  it('run on the way back, with the version that is live again', async () => {
    rmSync(hookLog);
    serviceOf('hooked').release('v3', 500);
    const { body } = await deploy<DeploymentDocument>(
      stack,
      'start',
      'hooked',
      'v3',
      '--wait',
      '--by',
      'alice',
    );
    expect(body.state).toBe('rolledBack');
    expect(names()).toEqual(['pre-connect', 'pre-deploy', 'pre-app-boot', 'post-rollback']);
    expect(given().at(-1)).toMatchObject(expected('post-rollback', { number: '2', version: 'v2' }));
    expect((await whenOver(stack, 'hooked', 2)).versionAfter).toBe('v2');
  });
});
