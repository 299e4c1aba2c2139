/** Pre-checks and plans of deployments with a real PostgreSQL, real listeners, real programs and a real Docker engine. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { writeGuardPush } from '../../src/adapters/postgres/guard-store.js';
import { writeIncident } from '../../src/adapters/postgres/incident-store.js';
import type { Outcome } from '../../src/activities/deployment-contract.js';
import type { GuardLevel } from '../../src/domain/guard.js';
import { httpCheck, tcpCheck } from '../support/checks.js';
import { createCommandService } from '../support/command-service.js';
import { service } from '../support/configurations.js';
import {
  awayPool,
  deploymentBench,
  type BenchOptions,
  type DeploymentBench,
} from '../support/deployment-bench.js';
import { startDockerEngine, testImage, whyNoDockerEngine } from '../support/docker-engine.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { startHttpServer } from '../support/http-server.js';
import { isAlive } from '../support/process-existence.js';
import { productDatabase, serverUrl, sql } from '../support/database-runs.js';
import { createReleases } from '../support/releases.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { useScratchSchema } from '../support/scratch-schema.js';

const { pool, url } = useScratchSchema();
const isLinux = process.platform === 'linux';

type Options = Omit<BenchOptions, 'pool' | 'databaseUrl'>;
const bench = (options: Options = {}): Promise<DeploymentBench> =>
  deploymentBench({ pool: pool(), databaseUrl: url(), ...options });

const nothing = { ports: [], diskFree: null, commands: [], withinMs: 60_000 };
const check = async (of: DeploymentBench): Promise<Outcome> => of.call('checkDeployment', {});
const checkPorts = async (port: number, options: Options = {}): Promise<Outcome> =>
  check(
    await bench({ ...options, settings: { preChecks: { ...nothing, ports: [port] }, ...options.settings } }),
  );

describe('the resource guard', () => {
  const push = (environment: string, level: GuardLevel) =>
    writeGuardPush(pool(), environment, {
      ...{ service: 'db-1', metric: 'ram', level, threshold: 85, currentValue: 91, at: null },
    });

  it('hinders nothing where there is none, and that is said', async () => {
    expect(await check(await bench())).toEqual({
      isGood: true,
      note: 'nothing guards this machine; no critical incident is open',
    });
  });

  it.each([
    ['INFO', true],
    ['WARN', true],
    ['CRITICAL', false],
    ['EMERGENCY', false],
  ] as const)('at %s passes: %s', async (level, isGood) => {
    const made = await bench();
    await push(made.environment, level);
    const outcome = await check(made);
    expect(outcome.isGood).toBe(isGood);
    expect(outcome.note).toContain(`resource guard: ${level}, db-1 says ${level}: ram 91 (threshold 85)`);
    expect(outcome.note.includes('nothing is deployed until it is INFO or WARN')).toBe(!isGood);
  });

  it('refuses in spite of force: that is for incidents alone', async () => {
    const made = await bench({ request: { force: 'now' } });
    await push(made.environment, 'CRITICAL');
    expect((await check(made)).isGood).toBe(false);
  });

  it('is that of the environment, and counts no longer when it has run out', async () => {
    const [made, other] = [await bench(), await bench()];
    await push(other.environment, 'CRITICAL');
    expect((await check(made)).isGood).toBe(true);
    await push(made.environment, 'CRITICAL');
    await pool().query(
      `update guard_push set expires_at = now() - interval '1 second' where environment = $1`,
      [made.environment],
    );
    expect((await check(made)).isGood).toBe(true);
  });
});

describe('an open critical incident', () => {
  const open = (environment: string, target: string, severity: 'critical' | 'high' = 'critical') =>
    writeIncident(pool(), {
      ...{ environment, id: `incident:${environment}:heartbeat:unhealthy:${target}`, loop: 'heartbeat' },
      ...{
        type: 'unhealthy',
        target,
        episode: 1,
        severity,
        state: 'open',
        reason: 'status 500',
        affected: [],
      },
      ...{ openedAt: Date.now(), acknowledgedBy: null, resolvedAt: null, resolvedBy: null, remedies: [] },
      ...{ advice: null, runbook: null, labels: null, version: 1 },
      event: { at: Date.now(), event: 'opened', by: 'heartbeat', text: '', why: '' },
    });

  it('of one of its services refuses it, and says what to do', async () => {
    const made = await bench({ services: [service('shop')] });
    await open(made.environment, 'shop');
    expect(await check(made)).toEqual({
      isGood: false,
      note: 'a critical incident of shop is open: status 500; resolve it first, or say why it has to be now: --force "…"',
    });
  });

  it('is passed with a reason, which is told', async () => {
    const made = await bench({ services: [service('shop')], request: { force: 'v2 mends it' } });
    await open(made.environment, 'shop');
    const { isGood, note } = await check(made);
    expect(isGood).toBe(true);
    expect(note).toContain('a critical incident of shop is open: status 500; forced: v2 mends it');
  });

  it('of another service, or one that is not critical, is in nobody’s way', async () => {
    const made = await bench({ services: [service('shop'), service('web')] });
    await open(made.environment, 'other');
    await open(made.environment, 'web', 'high');
    expect((await check(made)).isGood).toBe(true);
  });
});

describe('a database that is away', () => {
  it('passes nothing: it is asked again', async () => {
    const made = await bench({ pool: awayPool() } as Options);
    await expect(check(made)).rejects.toMatchObject({
      nonRetryable: false,
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });
});

describe('a port', () => {
  it('that is free passes', async () => {
    const port = await freePort();
    expect(await checkPorts(port)).toMatchObject({
      isGood: true,
      note: expect.stringContaining('is free') as string,
    });
  });

  it.runIf(isLinux)('of a foreign process is refused with its name', async () => {
    const server = await startHttpServer((_request, response) => void response.end());
    onTestFinished(() => server.close());
    const other = service('other', { checks: [tcpCheck('127.0.0.1:1')] });
    const { isGood, note } = await checkPorts(server.port, { services: [other] });
    expect(isGood).toBe(false);
    expect(note).toContain(`port ${server.port} is used by`);
    expect(note).toContain(`pid ${process.pid}`);
    expect(note).toContain('which is none of other; stop it first');
  });

  it.runIf(isLinux)('of a process of the service passes, as its supervisor tells whose it is', async () => {
    const real = await createCommandService();
    onTestFinished(() => real.close());
    const [program = '', ...words] = real.command('start');
    await once(spawn(program, words, { stdio: 'ignore' }), 'exit');
    await eventually('the service', () =>
      fetch(real.url)
        .then(() => true)
        .catch(() => false),
    );
    const port = Number(new URL(real.url).port);
    const own = service('shop', { supervisor: real.supervisor(), checks: [tcpCheck('127.0.0.1:1')] });
    expect(await checkPorts(port, { services: [own] })).toMatchObject({
      isGood: true,
      note: expect.stringContaining(`port ${port} is used by shop (pid ${real.pid()})`) as string,
    });
    // Its process runs, and the port is somebody else's, although the check of the service finds it healthy.
    const server = await startHttpServer((_request, response) => void response.end());
    onTestFinished(() => server.close());
    const misled = service('shop', { supervisor: real.supervisor(), checks: [httpCheck(server.url)] });
    expect((await checkPorts(server.port, { services: [misled] })).isGood).toBe(false);
  });

  it('of a service without a supervisor passes when its own check finds it healthy there, and not otherwise', async () => {
    let status = 200;
    const server = await startHttpServer((_request, response) => void response.writeHead(status).end());
    onTestFinished(() => server.close());
    const own = service('shop', { checks: [httpCheck(server.url)] });
    expect(await checkPorts(server.port, { services: [own] })).toMatchObject({
      isGood: true,
      note: expect.stringContaining('is used by shop, as its check says') as string,
    });
    status = 500;
    expect((await checkPorts(server.port, { services: [own] })).isGood).toBe(false);
    const elsewhere = service('shop', {
      checks: [httpCheck(`http://192.0.2.1:${server.port}`)],
      timeoutMs: 200,
    });
    expect((await checkPorts(server.port, { services: [elsewhere] })).isGood).toBe(false);
  });
});

describe.runIf(isLinux)('a port of a container', () => {
  const via = { kind: 'docker', container: 'shop', image: null } as const;

  /** An engine that lists these containers, and knows no other question. */
  async function engineWith(containers: object[]): Promise<void> {
    const engine = await startHttpServer((request, response) => {
      const isList = request.url === '/containers/json';
      response
        .writeHead(isList ? 200 : 404)
        .end(JSON.stringify(isList ? containers : { message: 'no such' }));
    });
    onTestFinished(() => engine.close());
    vi.stubEnv('DOCKER_HOST', engine.url.replace('http', 'tcp'));
  }

  /** A listener that the kernel calls by this name. */
  async function listenAs(name: string): Promise<number> {
    const program = join(await temporaryFolder(), name);
    copyFileSync(process.execPath, program);
    const code = `const s = require('net').createServer().listen(0, () => console.log(s.address().port)); process.title;`;
    const child = spawn(program, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    return Number(line.toString());
  }
  const listed = (name: string, port: number, labels = {}) => ({
    ...{ Names: [`/${name}`], Labels: labels },
    Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: port, Type: 'tcp' }],
  });

  it('is its own when the proxy of the engine has it, and the engine says for whom', async () => {
    const port = await listenAs('docker-proxy');
    await engineWith([listed('shop', port)]);
    expect(
      await checkPorts(port, { settings: { via, preChecks: { ...nothing, ports: [port] } } }),
    ).toMatchObject({
      isGood: true,
      note: expect.stringContaining(`port ${port} is used by api (a container)`) as string,
    });
  });

  it('is not its own when the proxy has it for another container', async () => {
    const port = await listenAs('docker-proxy');
    await engineWith([listed('other', port), listed('shop', port + 1)]);
    const outcome = await checkPorts(port, { settings: { via, preChecks: { ...nothing, ports: [port] } } });
    expect(outcome.isGood).toBe(false);
    expect(outcome.note).toContain('is used by docker-proxy (pid');
  });

  it('is not its own when a foreign process has it, whatever the engine says', async () => {
    const server = await startHttpServer((_request, response) => void response.end());
    onTestFinished(() => server.close());
    await engineWith([listed('shop', server.port)]);
    const supervised = service('shop', {
      supervisor: { kind: 'docker', container: 'shop' },
      checks: [httpCheck(server.url)],
    });
    const outcome = await checkPorts(server.port, {
      services: [supervised],
      settings: { via, preChecks: { ...nothing, ports: [server.port] } },
    });
    expect(outcome.isGood).toBe(false);
    expect(outcome.note).toContain(`(pid ${process.pid}`);
  });

  it('is not its own when the engine does not answer', async () => {
    const port = await listenAs('docker-proxy');
    vi.stubEnv('DOCKER_HOST', 'tcp://127.0.0.1:1');
    expect(
      (await checkPorts(port, { settings: { via, preChecks: { ...nothing, ports: [port] } } })).isGood,
    ).toBe(false);
  });

  it('is that of a service of Compose when its labels say so, with files as either version writes them', async () => {
    const port = await listenAs('docker-proxy');
    const supervisor = { kind: 'compose', file: '/srv/shop/compose.yml', service: 'web' } as const;
    const supervised = service('shop', { supervisor });
    const labels = (files: string, name = 'web') => ({
      'com.docker.compose.service': name,
      'com.docker.compose.project.working_dir': '/srv/shop',
      'com.docker.compose.project.config_files': files,
    });
    for (const [files, name, isGood] of [
      ['/srv/shop/compose.yml', 'web', true],
      ['base.yml,compose.yml', 'web', true],
      ['/srv/other/compose.yml', 'web', false],
      ['/srv/shop/compose.yml', 'db', false],
    ] as const) {
      await engineWith([listed('shop_web_1', port, labels(files, name))]);
      expect((await checkPorts(port, { services: [supervised] })).isGood).toBe(isGood);
    }
  });

  it.skipIf(whyNoDockerEngine !== null)(
    'is its own when a process of the container listens on the network of the machine',
    async () => {
      const engine = await startDockerEngine();
      onTestFinished(() => engine.stop());
      vi.stubEnv('DOCKER_HOST', engine.address);
      const port = await freePort();
      const run = (name: string, network: string, command: string) =>
        engine.docker('run', '-d', '--name', name, '--network', network, testImage, ...command.split(' '));
      await run('shop', 'host', `/bin/busybox httpd -f -p ${port} -h /bin`);
      await run('other', 'none', '/bin/sleep 300');
      const settings = (container: string) => ({
        via: { kind: 'docker', container, image: null } as const,
        preChecks: { ...nothing, ports: [port] },
      });
      await eventually('the listener', async () => !(await checkPorts(port)).note.includes('is free'));
      expect(await checkPorts(port, { settings: settings('shop') })).toMatchObject({
        isGood: true,
        note: expect.stringMatching(
          new RegExp(`port ${port} is used by api \\(pid \\d+ of a container\\)`),
        ) as string,
      });
      const refused = await checkPorts(port, { settings: settings('other') });
      expect(refused.isGood).toBe(false);
      expect(refused.note).toContain('busybox');
    },
  );
});

describe('free disk space', () => {
  it.each([
    [{ bytes: 1 }, true],
    [{ bytes: Number.MAX_SAFE_INTEGER }, false],
    [{ percent: 0 }, true],
    [{ percent: 101 }, false],
  ])('%j passes: %s', async (diskFree, isGood) => {
    const releases = await createReleases(['v1']);
    const made = await bench({
      settings: {
        via: { kind: 'directory', root: releases.root, keep: 5 },
        preChecks: { ...nothing, diskFree },
      },
    });
    const outcome = await check(made);
    expect(outcome.isGood).toBe(isGood);
    expect(outcome.note).toMatch(new RegExp(`\\(\\d+%\\) free at ${releases.root}`));
    expect(outcome.note.includes('has to be; free some first')).toBe(!isGood);
  });
});

describe('a command', () => {
  const commands = (...scripts: string[]) => ({
    preChecks: { ...nothing, commands: scripts.map((script) => ['sh', '-c', script]) },
  });

  it('that ends well passes, and knows target and version', async () => {
    const made = await bench({ settings: commands('test "$OPSLOOP_TARGET $OPSLOOP_VERSION" = "api v2"') });
    expect(await check(made)).toMatchObject({
      isGood: true,
      note: expect.stringContaining('passed in') as string,
    });
  });

  it('gets the version in its arguments, as it is', async () => {
    const folder = await temporaryFolder();
    const vector = ['sh', '-c', `printf %s "$1" > ${folder}/got`, '-', 'release {version}'];
    const made = await bench({
      request: { version: "'$(id)' $& {version}" },
      settings: { preChecks: { ...nothing, commands: [vector] } },
    });
    expect(await check(made)).toMatchObject({ isGood: true });
    expect(readFileSync(join(folder, 'got'), 'utf8')).toBe("release '$(id)' $& {version}");
  });

  it('never gets a version that could be an option', async () => {
    const folder = await temporaryFolder();
    const made = await bench({
      request: { version: '--delete' },
      settings: { preChecks: { ...nothing, commands: [['touch', join(folder, 'ran'), '{version}']] } },
    });
    const outcome = await check(made);
    expect(outcome).toMatchObject({
      isGood: false,
      note: expect.stringContaining('could be read as an option') as string,
    });
    expect(existsSync(join(folder, 'ran'))).toBe(false);
  });

  it('that fails refuses it with its last words, and those after it do not run', async () => {
    const folder = await temporaryFolder();
    const made = await bench({ settings: commands('echo no migration >&2; exit 3', `touch ${folder}/ran`) });
    const { isGood, note } = await check(made);
    expect(isGood).toBe(false);
    expect(note).toContain('exit code 3: no migration');
    expect(existsSync(join(folder, 'ran'))).toBe(false);
  });

  it('that does not end is ended at its limit', async () => {
    const folder = await temporaryFolder();
    const settings = commands(`echo $$ > ${folder}/pid; exec sleep 300`);
    const made = await bench({ settings: { preChecks: { ...settings.preChecks, withinMs: 1_000 } } });
    const { isGood, note } = await check(made);
    expect(isGood).toBe(false);
    expect(note).toContain('did not end within 1s');
    expect(isAlive(Number(readFileSync(join(folder, 'pid'), 'utf8')))).toBe(false);
  });

  it('does not run when a look has failed', async () => {
    const folder = await temporaryFolder();
    const { preChecks } = commands(`touch ${folder}/ran`);
    const made = await bench({ settings: { preChecks: { ...preChecks, diskFree: { percent: 101 } } } });
    expect((await check(made)).isGood).toBe(false);
    expect(existsSync(join(folder, 'ran'))).toBe(false);
  });

  it('tells no secret when it fails', async () => {
    const made = await bench({
      env: { TOKEN: 'hush-hush-4711' },
      settings: {
        preChecks: { ...nothing, commands: [['sh', '-c', 'echo "$1" >&2; exit 1', '-', '${env:TOKEN}']] },
      },
    });
    const { note } = await check(made);
    expect(note).toContain('***');
    expect(note).not.toContain('hush-hush');
  });

  it('that refers to a secret which is not there is a refusal that names it', async () => {
    const made = await bench({
      settings: { preChecks: { ...nothing, commands: [['echo', '${env:NO_SUCH_TOKEN}']] } },
    });
    expect(await check(made)).toMatchObject({
      isGood: false,
      note: expect.stringContaining('NO_SUCH_TOKEN') as string,
    });
  });
});

describe('a plan', () => {
  const plan = async (options: Options) => (await bench(options)).call('planDeployment', {});
  const directory = async () => {
    const { root } = await createReleases(['v1', 'v2']);
    return { kind: 'directory', root, keep: 5 } as const;
  };

  it('says what is live, what shall be, and which services work before', async () => {
    const server = await startHttpServer((_request, response) => void response.end());
    onTestFinished(() => server.close());
    const services = [service('good', { checks: [httpCheck(server.url)] }), service('bad')];
    expect(await plan({ services, settings: { via: await directory() } })).toMatchObject({
      kind: 'plan',
      plan: { versionBefore: 'v1', versionAfter: 'v2', healthyBefore: ['good'], services: ['good', 'bad'] },
    });
  });

  it.each(['../v2', '--flag', 'v2\nx', 'missing'])('refuses the version %j', async (version) => {
    expect(await plan({ request: { version }, settings: { via: await directory() } })).toMatchObject({
      kind: 'refused',
    });
  });

  it('is refused with its reason when what is live cannot be told now', async () => {
    vi.stubEnv('DOCKER_HOST', 'tcp://127.0.0.1:1');
    expect(await plan({ settings: { via: { kind: 'docker', container: 'shop', image: null } } })).toEqual({
      kind: 'refused',
      reason: expect.stringContaining('the Docker engine at tcp://127.0.0.1:1 cannot be reached') as string,
    });
    const failing = ['sh', '-c', 'echo no token ${env:TOKEN} >&2; exit 1'];
    const via = {
      kind: 'command',
      deploy: ['true'],
      rollback: ['true'],
      current: failing,
      variable: 'V',
    } as const;
    const refused = await plan({
      env: { TOKEN: 'hush-hush-4711' },
      settings: { via: { ...via, deploy: [...via.deploy], rollback: [...via.rollback] } },
    });
    expect(refused).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('no token ***') as string,
    });
  });

  const database = (of: string, isRestored: boolean) => ({
    backup: { databases: [{ name: 'shop', url: of, isRestored }], keep: 5 },
  });

  it('is refused when a database that shall be put back is opsloop’s own, and not when it is only dumped', async () => {
    expect(await plan({ settings: { via: await directory(), ...database(url(), true) } })).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('is the one that opsloop itself uses') as string,
    });
    expect(await plan({ settings: { via: await directory(), ...database(url(), false) } })).toMatchObject({
      kind: 'plan',
    });
  });

  it('is refused when a database is not there, or may not be put back', async () => {
    const gone = new URL(serverUrl());
    gone.pathname = '/no_such_shop';
    for (const isRestored of [true, false])
      expect(
        await plan({ settings: { via: await directory(), ...database(gone.href, isRestored) } }),
      ).toEqual({
        kind: 'refused',
        reason: 'there is no database no_such_shop (shop)',
      });
    const product = await productDatabase();
    const role = `checks_role_${process.pid}`;
    await sql(serverUrl(), `create role ${role} login password 'of-the-role'`);
    onTestFinished(async () => void (await sql(serverUrl(), `drop role ${role}`)));
    const theirs = new URL(product.url);
    theirs.username = role;
    theirs.password = 'of-the-role';
    expect(
      await plan({ settings: { via: await directory(), ...database(theirs.href, true) } }),
    ).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('may not create databases') as string,
    });
    expect(
      await plan({ settings: { via: await directory(), ...database(theirs.href, false) } }),
    ).toMatchObject({
      kind: 'plan',
    });
  });

  it('is refused when the server of a database does not answer', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    silent.close();
    const away = `postgres://shop:hush-hush@127.0.0.1:${port}/shop`;
    const refused = await plan({ settings: { via: await directory(), ...database(away, false) } });
    expect(refused).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('cannot be used') as string,
    });
    expect(JSON.stringify(refused)).not.toContain('hush');
  });

  it('as a dry run says what would be done and what stands in the way, and changes nothing', async () => {
    const releases = await createReleases(['v1', 'v2']);
    const before = releases.list();
    const made = await bench({
      settings: {
        via: { kind: 'directory', root: releases.root, keep: 5 },
        preChecks: { ...nothing, diskFree: { percent: 101 } },
        ...database(url(), false),
      },
    });
    const described = await made.call('describePlan', {});
    expect(described).toMatchObject({
      ...{ versionBefore: 'v1', versionAfter: 'v2', isPossible: false },
      reason: expect.stringContaining('101% has to be') as string,
    });
    expect(described.steps).toContain('dump database shop');
    expect(releases.list()).toEqual(before);
    expect(releases.target()).toBe('releases/v1');
    expect(existsSync(join(made.stateDir, 'deployments'))).toBe(false);
  });
});
