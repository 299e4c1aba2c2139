/** Deployments of processes that PM2 and systemd keep: PM2 is the real one, systemctl a stand-in. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeploymentPlanDocument } from '../../src/domain/documents.js';
import { startPm2App, standInUnit, type DeployedApp, type StandInUnit } from '../support/deployed-apps.js';
import { startReleasedService, type DeployedService } from '../support/deployed-services.js';
import { deploy, phaseOf } from '../support/deployment-runs.js';
import { freePort } from '../support/free-port.js';
import { createPm2Home, whyNoPm2, type Pm2Home } from '../support/pm2-home.js';
import { prepareStack, type Stack } from '../support/stack.js';

const skipped = whyNoPm2 === null ? '' : ` (skipped: ${whyNoPm2})`;
/** Outside of the stack's folder. */
const ground = mkdtempSync('/tmp/ways-');
const rootOf = (target: string): string => join(ground, target);
const live = (target: string): string => readlinkSync(join(rootOf(target), 'current'));

let stack: Stack;
let pm2: Pm2Home | null = null;
const apps = new Map<string, DeployedApp>();
let unit: StandInUnit;
let plain: DeployedService;
let squatter: ChildProcess;
let squattedPort: number;

const appOf = (name: string): DeployedApp => {
  const found = apps.get(name);
  if (found === undefined) throw new Error(`no app ${name}`);
  return found;
};

const usual = { verifyWithin: '5s', watchFor: '1s', watchEvery: '500ms' };
const service = (name: string, more: object): object => ({
  ...{ name, every: '5s', openAfter: 2, closeAfter: 1 },
  ...more,
});

const pm2Services = (): object[] =>
  [...apps].map(([name, { url }]) =>
    service(name, { supervisor: { pm2: name }, checks: [{ http: url }, { process: 'supervisor' }] }),
  );

/** `api` goes by its directory and a command, `worker` by PM2's own way. */
const pm2Targets = (): object[] =>
  [...apps].map(([name, { port }]) => ({
    ...{ name, services: [name], preChecks: { ports: [port] }, ...usual },
    ...(name === 'api'
      ? { via: { directory: { root: rootOf(name) } }, restart: ['pm2', 'reload', name] }
      : { via: { pm2: { app: name, directory: rootOf(name) } } }),
  }));

async function startSquatter(port: number): Promise<ChildProcess> {
  const script = `process.title = 'squatter';
    require('node:net').createServer().listen(${port}, '127.0.0.1', () => console.log('listens'));`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

beforeAll(async () => {
  if (whyNoPm2 === null) {
    pm2 = await createPm2Home();
    for (const name of ['api', 'worker']) apps.set(name, await startPm2App(pm2, rootOf(name), name));
  }
  unit = standInUnit(rootOf('unit'));
  plain = await startReleasedService(rootOf('plain'));
  squattedPort = await freePort();
  squatter = await startSquatter(squattedPort);
  const path = [unit.folder, resolve('node_modules/.bin'), process.env['PATH']].join(delimiter);
  const { PM2_HOME: home = '', OPSLOOP_PM2: program = '' } = pm2?.environment ?? {};
  stack = prepareStack({
    configuration: {},
    env: { PATH: path, ...(pm2 === null ? {} : { PM2_HOME: home, OPSLOOP_PM2: program }) },
  });
  stack.configure({
    environment: 'shop',
    services: [
      ...pm2Services(),
      service('plain', { checks: [{ http: plain.url }] }),
      service('unit', { supervisor: { systemd: 'shop.service' }, checks: [{ process: 'supervisor' }] }),
    ],
    deployments: [
      ...pm2Targets(),
      {
        ...{ name: 'plain', via: { directory: { root: rootOf('plain') } }, services: ['plain'], ...usual },
        preChecks: { ports: [squattedPort] },
      },
      {
        ...{ name: 'unit', services: ['unit'], ...usual },
        via: { systemd: { unit: 'shop.service', directory: rootOf('unit') } },
      },
    ],
  });
  await stack.start();
}, 120_000);
afterAll(async () => {
  await stack?.close();
  squatter?.kill('SIGKILL');
  await plain?.close();
  await pm2?.stop();
  rmSync(ground, { recursive: true, force: true });
}, 60_000);

describe.skipIf(whyNoPm2 !== null)(`an app of PM2${skipped}`, () => {
  describe.each([
    ['api', 'directory'],
    ['worker', 'pm2'],
  ] as const)('%s, by way of %s', (name, via) => {
    it('takes the new release, on the port that is its own', async () => {
      appOf(name).release('v2');
      const { code, body } = await deploy(stack, 'start', name, 'v2', '--wait', '--by', 'alice');
      expect(body).toMatchObject({ state: 'succeeded', via, versionBefore: 'v1', versionAfter: 'v2' });
      expect(code).toBe(0);
      expect(phaseOf(body, 'preCheck').note).toMatch(
        new RegExp(`port ${appOf(name).port} is used by ${name} \\(pid \\d+\\)`),
      );
      expect(await appOf(name).answering()).toBe('v2');
    });

    it('gets the release before back when the new one is bad', async () => {
      appOf(name).release('v3', 500);
      const { code, body } = await deploy(stack, 'start', name, 'v3', '--wait', '--by', 'alice');
      expect(code).toBe(1);
      expect(body).toMatchObject({ state: 'rolledBack', versionBefore: 'v2', versionAfter: 'v2' });
      expect(phaseOf(body, 'verify').state).toBe('failed');
      expect(phaseOf(body, 'verifyRollBack').state).toBe('succeeded');
      expect(live(name)).toBe('releases/v2');
      expect(await appOf(name).answering()).toBe('v2');
    });
  });

  it('gets the release before back when the new one dies of each request', async () => {
    appOf('worker').release('v4', NaN);
    const { code, body } = await deploy(stack, 'start', 'worker', 'v4', '--wait', '--by', 'alice');
    expect(code).toBe(1);
    expect(body).toMatchObject({ state: 'rolledBack', versionAfter: 'v2', leftBehind: [] });
    expect(await appOf('worker').answering()).toBe('v2');
  });
});

describe('a port that somebody else has', () => {
  it('refuses the deployment, and names who has it', async () => {
    plain.release('v2');
    const { code, body } = await deploy(stack, 'start', 'plain', 'v2', '--wait', '--by', 'alice');
    expect(code).toBe(1);
    expect(body.state).toBe('refused');
    expect(body.reason).toContain(`port ${squattedPort} is used by squatter (pid ${squatter.pid}`);
    expect(plain.live()).toBe('v1');
    const { body: plan } = await deploy<DeploymentPlanDocument>(stack, 'plan', 'plain', 'v2');
    expect(plan).toMatchObject({
      isPossible: false,
      reason: expect.stringContaining(`pid ${squatter.pid}`) as string,
    });
  });
});

describe('a unit of systemd', () => {
  const restarted = '--no-ask-password restart -- shop.service';

  it('is restarted with the new release', async () => {
    unit.release('v2');
    const { code, body } = await deploy(stack, 'start', 'unit', 'v2', '--wait', '--by', 'alice');
    expect(body).toMatchObject({
      state: 'succeeded',
      via: 'systemd',
      versionBefore: 'v1',
      versionAfter: 'v2',
    });
    expect(code).toBe(0);
    expect(unit.running()).toBe('v2');
    expect(unit.calls()).toEqual([restarted]);
  });

  it('that fails with it is restarted with the release before', async () => {
    unit.release('v3', true);
    const { code, body } = await deploy(stack, 'start', 'unit', 'v3', '--wait', '--by', 'alice');
    expect(code).toBe(1);
    expect(body).toMatchObject({ state: 'rolledBack', versionBefore: 'v2', versionAfter: 'v2' });
    expect(unit.running()).toBe('v2');
    expect(live('unit')).toBe('releases/v2');
    expect(unit.calls()).toEqual([restarted, restarted, restarted]);
  });
});
