/** Deployments as opsloop.yaml says them: what holds without a word, and how each way is written. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/parse.js';
import { formatProblem } from '../../src/config/problem.js';
import type { DeploymentSettings } from '../../src/domain/deployment-settings.js';
import { deploymentSettings } from '../support/configurations.js';

const parse = (text: string) =>
  parseConfig(text, { file: '/srv/shop/opsloop.yaml', shownAs: 'opsloop.yaml' });

const problemsOf = (text: string): string[] => {
  const parsed = parse(text);
  return parsed.ok ? [] : parsed.problems.map(formatProblem);
};

const deploymentsOf = (text: string): DeploymentSettings[] => {
  const parsed = parse(text);
  if (!parsed.ok) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  return parsed.config.applied.deployments ?? [];
};

const api = 'services: [{name: api, checks: [{tcp: "127.0.0.1:80"}]}]\n';

/** One deployment with these keys besides its name; a directory switch when they name no way. */
const deployment = (rest: string, way = 'directory: {root: releases}'): string =>
  `deployments:\n  - name: shop\n    via: {${way}}\n${rest.replace(/^/gm, '    ')}\n`;

const settingsOf = (rest: string, way?: string): DeploymentSettings =>
  deploymentsOf(deployment(rest, way))[0] as DeploymentSettings;

const wayOf = (way: string, rest = '') => settingsOf(rest, way).via;

describe('a deployment', () => {
  it('is none without the section', () => {
    expect(deploymentsOf('')).toEqual([]);
    expect(deploymentsOf('deployments:')).toEqual([]);
  });

  it('has these defaults', () => {
    const directory = '/srv/shop';
    const via = { kind: 'directory', root: '/srv/shop/releases', keep: 5 } as const;
    expect(settingsOf('services: []')).toEqual(deploymentSettings('shop', { directory, via, services: [] }));
  });

  it('is taken as it is written', () => {
    const text = `${api}${deployment(`services: [api, api]
host: web-1
preChecks: {ports: [8888, 9999, 8888], diskFree: 1GB, commands: [[npm, test], [./ready, ""]], within: 1m}
backup: {database: "postgres://db/shop", keep: 3}
restart: [pm2, reload, "shop-{version}"]
hooks: {pre-connect: [./lock], post-deploy: [[./tell, all], [./clean]]}
deployWithin: 2m
verifyWithin: 30s
watchFor: 0s
watchEvery: 100ms
reversible: false
approval: {by: [alice, bob, alice], within: 2h, remindAfter: 30m, allowStarter: true, always: true}
rollBack: {attempts: 3, within: 10m}
`)}`;
    expect(deploymentsOf(text)).toEqual([
      {
        name: 'shop',
        via: { kind: 'directory', root: '/srv/shop/releases', keep: 5 },
        directory: '/srv/shop',
        services: ['api'],
        host: 'web-1',
        preChecks: {
          ports: [8888, 9999],
          diskFree: { bytes: 1_000_000_000 },
          commands: [
            ['npm', 'test'],
            ['./ready', ''],
          ],
          withinMs: 60_000,
        },
        backup: { databases: [{ name: 'shop', url: 'postgres://db/shop', isRestored: false }], keep: 3 },
        restart: ['pm2', 'reload', 'shop-{version}'],
        hooks: { 'pre-connect': [['./lock']], 'post-deploy': [['./tell', 'all'], ['./clean']] },
        deployWithinMs: 120_000,
        verifyWithinMs: 30_000,
        watchForMs: 0,
        watchEveryMs: 100,
        reversible: false,
        approval: {
          by: ['alice', 'bob'],
          withinMs: 7_200_000,
          remindAfterMs: 1_800_000,
          isStarterAllowed: true,
          isAlways: true,
        },
        rollBack: { attempts: 3, withinMs: 600_000 },
        analysis: [],
      },
    ]);
  });

  it('takes room on the disk in percent, too', () => {
    expect(settingsOf('preChecks: {diskFree: 10%}').preChecks.diskFree).toEqual({ percent: 10 });
  });

  it('reminds after half of the time for approval', () => {
    const within = (text: string) => settingsOf(`approval: ${text}`).approval;
    expect(within('{by: alice}')).toMatchObject({
      by: ['alice'],
      withinMs: 86_400_000,
      remindAfterMs: 43_200_000,
    });
    expect(within('{by: [alice], within: 1h}')).toMatchObject({ remindAfterMs: 1_800_000 });
  });
});

describe('a way to deploy', () => {
  it.each([
    ['directory: {root: ../web, keep: 2}', { kind: 'directory', root: '/srv/web', keep: 2 }],
    ['docker: {container: shop-1}', { kind: 'docker', container: 'shop-1', image: null }],
    [
      'docker: {container: shop-1, image: "localhost:5000/shop/api"}',
      { kind: 'docker', container: 'shop-1', image: 'localhost:5000/shop/api' },
    ],
    [
      'compose: {file: compose.yml, service: api}',
      { kind: 'compose', file: '/srv/shop/compose.yml', service: 'api', variable: null },
    ],
    [
      'compose: {file: /etc/shop.yml, service: api, variable: SHOP_VERSION}',
      { kind: 'compose', file: '/etc/shop.yml', service: 'api', variable: 'SHOP_VERSION' },
    ],
    [
      'pm2: {app: api, directory: releases}',
      {
        kind: 'pm2',
        app: 'api',
        directory: { root: '/srv/shop/releases', keep: 5 },
        interpreterArguments: null,
      },
    ],
    [
      'pm2: {app: api, directory: {root: /srv/api, keep: 3}}',
      { kind: 'pm2', app: 'api', directory: { root: '/srv/api', keep: 3 }, interpreterArguments: null },
    ],
    [
      'pm2: {app: api, interpreterArguments: [--inspect, "--title=shop-{version}"]}',
      {
        kind: 'pm2',
        app: 'api',
        directory: null,
        interpreterArguments: ['--inspect', '--title=shop-{version}'],
      },
    ],
    [
      'systemd: {unit: api, directory: /srv/api}',
      { kind: 'systemd', unit: 'api.service', directory: { root: '/srv/api', keep: 5 }, dropIn: null },
    ],
    [
      'systemd: {unit: api.v2, dropIn: {variable: SHOP_VERSION}}',
      {
        kind: 'systemd',
        unit: 'api.v2.service',
        directory: null,
        dropIn: {
          variable: 'SHOP_VERSION',
          path: '/etc/systemd/system/api.v2.service.d/opsloop.conf',
        },
      },
    ],
    [
      'systemd: {unit: api.socket, dropIn: {variable: V, path: units/api.conf}}',
      {
        kind: 'systemd',
        unit: 'api.socket',
        directory: null,
        dropIn: { variable: 'V', path: '/srv/shop/units/api.conf' },
      },
    ],
    [
      'command: {deploy: [./go, "{version}"], rollback: [./go, "{version}"], current: [./which]}',
      {
        kind: 'command',
        deploy: ['./go', '{version}'],
        rollback: ['./go', '{version}'],
        current: ['./which'],
        variable: 'OPSLOOP_VERSION',
      },
    ],
  ])('is read: %s', (way, expected) => {
    expect(wayOf(way)).toEqual(expected);
  });

  it('needs no way back where the deployment is not reversible', () => {
    const way = 'command: {deploy: ["${env:DEPLOYER}"], current: [./which], variable: WANTED}';
    expect(wayOf(way, 'reversible: false\napproval: {by: alice}')).toEqual({
      kind: 'command',
      deploy: ['${env:DEPLOYER}'],
      rollback: null,
      current: ['./which'],
      variable: 'WANTED',
    });
  });
});

describe('databases that are backed up', () => {
  const databasesOf = (database: string, before = '') =>
    deploymentsOf(`${before}${deployment(`backup: {database: ${database}}`)}`)[0]?.backup.databases;
  const own = 'database: {url: "postgres://ops:${env:DB_PASSWORD}@db:5432/ops?sslmode=require"}\n';
  const ownUrl = 'postgres://ops:${env:DB_PASSWORD}@db:5432/ops?sslmode=require';

  it('are none by default', () => {
    expect(databasesOf('false', own)).toEqual([]);
    expect(deploymentsOf(`${own}${deployment('backup: {}')}`)[0]?.backup.databases).toEqual([]);
  });

  it('are that of database.url where nothing else is said', () => {
    expect(databasesOf('true', own)).toEqual([{ name: 'ops', url: ownUrl, isRestored: false }]);
    expect(databasesOf('{restore: true}', own)).toEqual([{ name: 'ops', url: ownUrl, isRestored: true }]);
    expect(databasesOf('[{name: mine}]', own)).toEqual([{ name: 'mine', url: ownUrl, isRestored: false }]);
  });

  it.each([
    ['postgres://db/shop', 'shop'],
    ['postgres://u:${file:/run/secrets/db}@db/shop', 'shop'],
    ['postgresql:///shop?host=/run/postgresql', 'shop'],
    ['postgres://db/shop%20eu', 'shop-eu'],
    ['postgres://db/%E0%A4%A', 'E0-A4-A'],
    ['postgres://db/__proto__', 'proto'],
    ['postgres://db/constructor', 'database'],
    ['postgres://db', 'database'],
    ['postgres://db/', 'database'],
    ['postgres://db/${env:NAME}', 'database'],
    ['${env:DATABASE_URL}', 'database'],
  ])('are named after the database as far as %s tells it', (url, name) => {
    expect(databasesOf(`"${url}"`)).toEqual([{ name, url, isRestored: false }]);
  });

  it('have different names whatever their URLs say', () => {
    const text =
      '["postgres://a/shop", "postgres://b/shop", {url: "${env:A}", name: shop-2}, "${env:B}", "${env:C}"]';
    const databases = databasesOf(text) ?? [];
    expect(databases.map(({ name }) => name)).toEqual(['shop', 'shop-3', 'shop-2', 'database', 'database-2']);
  });
});

describe('a metric', () => {
  it('has these defaults', () => {
    const [http, postgres] = settingsOf(`analysis:
  - {name: errors, http: "http://127.0.0.1/errors", successCondition: "[BODY].rate < 0.01"}
  - {name: queue, postgres: "\${env:DB}", query: SELECT 1, failureCondition: "[BODY].waiting > 10"}
`).analysis;
    expect(http).toEqual({
      name: 'errors',
      source: {
        kind: 'http',
        url: 'http://127.0.0.1/errors',
        method: 'GET',
        headers: {},
        body: null,
        auth: null,
        insecure: false,
        followRedirects: true,
        conditions: ['[STATUS] < 400'],
      },
      intervalMs: 10_000,
      count: null,
      successCondition: '[BODY].rate < 0.01',
      failureCondition: null,
      failureLimit: 0,
      consecutiveErrorLimit: 4,
      inconclusiveLimit: 0,
      timeoutMs: 10_000,
    });
    expect(postgres).toMatchObject({
      source: { kind: 'postgres', url: '${env:DB}', query: 'SELECT 1' },
      successCondition: null,
      failureCondition: '[BODY].waiting > 10',
    });
  });

  it('is taken as it is written', () => {
    const text = `watchFor: 1m
analysis:
  - name: errors
    http: http://127.0.0.1/errors
    method: POST
    headers: {Accept: text/plain}
    auth: {bearer: "\${env:TOKEN}"}
    interval: 500ms
    count: 120
    successCondition: "[BODY].rate < 0.01"
    failureCondition: "[BODY].rate > 0.1"
    failureLimit: 1
    consecutiveErrorLimit: 2
    inconclusiveLimit: 3
    timeout: 1s
`;
    expect(settingsOf(text).analysis).toMatchObject([
      {
        source: { method: 'POST', headers: { Accept: 'text/plain' }, auth: { bearer: '${env:TOKEN}' } },
        intervalMs: 500,
        count: 120,
        failureLimit: 1,
        consecutiveErrorLimit: 2,
        inconclusiveLimit: 3,
        timeoutMs: 1_000,
      },
    ]);
  });
});

describe('all mistakes', () => {
  it('are told at once, each where it stands', () => {
    expect(
      problemsOf(`deployments:
  - name: shop api
    via: {pm2: {app: api, interpreterArguments: [--title=api]}}
    services: [api]
    watchFor: 5 minutes
    reversible: false
  - via: {docker: {container: ab, image: "a:1"}}
`),
    ).toEqual([
      'opsloop.yaml:2:5 deployments[0].approval: is missing: who may approve what cannot be brought back; for example approval: {by: [alice]}',
      'opsloop.yaml:2:11 deployments[0].name: "shop api" is not a name of letters, digits, ".", "_" and "-" (at most 100); for example shop-api',
      'opsloop.yaml:3:49 deployments[0].via.pm2.interpreterArguments: a list holds {version} nowhere, so that no version could be told from another; for example ["--title=shop-{version}"]',
      'opsloop.yaml:4:16 deployments[0].services[0]: "api" is not a service; the section services names none',
      'opsloop.yaml:5:15 deployments[0].watchFor: "5 minutes" is not a duration; for example 5m',
      'opsloop.yaml:7:5 deployments[1].name: is missing: a name of letters, digits, ".", "_" and "-" (at most 100); for example shop-api',
      'opsloop.yaml:7:42 deployments[1].via.docker.image: "a:1" is not a repository of images, without a tag; for example registry.example.org/shop/api',
    ]);
  });
});
