/** Deployments of containers of a real Docker engine, as a person with a terminal meets them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeploymentDocument, DeploymentPlanDocument } from '../../src/domain/documents.js';
import { containerNames, inspect, makeImage } from '../support/container-images.js';
import { deploy, phaseOf, whenOver, whenPhase } from '../support/deployment-runs.js';
import { startDockerEngine, whyNoDockerEngine, type TestDockerEngine } from '../support/docker-engine.js';
import { eventually } from '../support/eventually.js';
import { killAll, processesOf } from '../support/stack-processes.js';
import { prepareStack, type Stack } from '../support/stack.js';

const skipped = whyNoDockerEngine === null ? '' : ` (skipped: ${whyNoDockerEngine})`;

/** Ends when the file is there; SIGTERM ends it at once. */
const mortal = `trap 'exit 0' TERM; until busybox test -e /control/die; do sleep 0.1 & wait; done; exit 3`;
/** SIGTERM ends it only once the file is there. */
const stubborn = `trap 'until busybox test -e /control/let-go; do sleep 0.1; done; exit 0' TERM; while :; do sleep 0.1 & wait; done`;
const command = (text: string): string => `CMD ${JSON.stringify(['sh', '-c', text])}`;

describe.skipIf(whyNoDockerEngine !== null)(`a deployment of a container${skipped}`, () => {
  const ground = mkdtempSync('/tmp/ways-');
  /** Bind-mounted into all containers. */
  const control = join(ground, 'control');
  let engine: TestDockerEngine;
  let stack: Stack;

  const run = (name: string, ...options: string[]): Promise<string> =>
    engine.docker(
      ...['run', '--detach', '--network', 'none', '--name', name, '--volume', `${control}:/control`],
      ...options,
    );
  const names = (part: string): Promise<string[]> => containerNames(engine, part);
  const idOf = (name: string): Promise<string> => inspect(engine, name, '.Id');
  const isRunning = (name: string): Promise<boolean> => inspect<boolean>(engine, name, '.State.Running');
  const imageOf = (name: string): Promise<string> => inspect(engine, name, '.Config.Image');

  const serviceOf = (name: string): object => ({
    name,
    every: '5s',
    openAfter: 2,
    closeAfter: 1,
    supervisor: { docker: name },
    checks: [{ process: 'supervisor' }, { command: ['docker', 'exec', name, 'sh', '-c', 'exit 0'] }],
  });
  /** The watch ends only when somebody says so, or when it fails. */
  const targetOf = (name: string, image: string | null): object => ({
    name,
    via: { docker: { container: name, ...(image === null ? {} : { image }) } },
    services: [name],
    verifyWithin: '60s',
    watchFor: '10m',
    watchEvery: '500ms',
  });

  beforeAll(async () => {
    mkdirSync(control);
    engine = await startDockerEngine();
    await makeImage(engine, 'shop/api:1', ['ENV MODE=old']);
    await makeImage(engine, 'shop/api:2', ['ENV MODE=new']);
    await makeImage(engine, 'shop/api:mortal', [command(mortal)]);
    await makeImage(engine, 'shop/api:stubborn', [command(stubborn)]);
    await makeImage(engine, 'shop/api:late', [
      'HEALTHCHECK --interval=1s --retries=60 CMD busybox test -e /control/ready',
    ]);
    await run(
      'shop',
      ...['--env', 'SET=yes', '--label', 'team=shop', '--restart', 'unless-stopped', '--memory', '64m'],
      ...['--hostname', 'shop-host', '--user', '0:0', 'shop/api:1'],
    );
    await run('fixed', 'shop/api:1');
    await run('held', '--stop-timeout', '300', 'shop/api:stubborn');
    stack = prepareStack({ configuration: {}, env: { DOCKER_HOST: engine.address } });
    stack.configure({
      environment: 'shop',
      services: ['shop', 'fixed', 'held'].map(serviceOf),
      deployments: [
        targetOf('shop', 'shop/api'),
        targetOf('fixed', null),
        // It goes on by itself, whenever its stack is back.
        { ...targetOf('held', 'shop/api'), watchFor: '1s' },
      ],
    });
    await stack.start();
  }, 180_000);
  afterAll(async () => {
    // Nothing holds a container back any more.
    writeFileSync(join(control, 'let-go'), '');
    await stack?.close();
    await engine?.stop();
    rmSync(ground, { recursive: true, force: true });
  }, 120_000);

  /** Starts it with `--wait`, and promotes it in its watch. */
  async function promoted(target: string, version: string, number: number) {
    const ending = deploy(stack, 'start', target, version, '--wait', '--by', 'alice');
    await whenPhase(stack, { target, number, phase: 'watch' });
    const seen = await names(target);
    expect((await deploy(stack, 'promote', target, '--by', 'alice')).code).toBe(0);
    return { ...(await ending), seen };
  }

  it('is planned without touching anything', async () => {
    const { code, body } = await deploy<DeploymentPlanDocument>(stack, 'plan', 'shop', '2');
    expect(code).toBe(0);
    expect(body).toMatchObject({
      isPossible: true,
      via: 'docker',
      versionBefore: '1',
      versionAfter: '2',
      changes: ['image of shop: shop/api:1 -> shop/api:2', 'defaults of the new image: environment'],
    });
    expect(body.steps).toContain('stop shop and keep it; the new one takes its name and starts');
    expect(await names('shop')).toEqual(['shop']);
    expect(await imageOf('shop')).toBe('shop/api:1');
  });

  it('keeps the settings of the old one, and the old one itself until the watch is over', async () => {
    const before = await inspect<Inspected>(engine, 'shop');
    const { code, body, seen } = await promoted('shop', '2', 1);
    expect(body).toMatchObject({
      state: 'succeeded',
      versionBefore: '1',
      versionAfter: '2',
      via: 'docker',
      leftBehind: [],
    });
    expect(code).toBe(0);
    expect(seen).toEqual(['shop', 'shop-opsloop-old-1']);
    expect(await names('shop')).toEqual(['shop']);
    const after = await inspect<Inspected>(engine, 'shop');
    expect(after.Id).not.toBe(before.Id);
    expect(after.Config).toMatchObject({ Image: 'shop/api:2', Hostname: 'shop-host', User: '0:0' });
    expect([...after.Config.Env].sort()).toEqual(['MODE=new', 'SET=yes']);
    expect(after.Config.Labels['team']).toBe('shop');
    expect(after.HostConfig).toMatchObject({
      Binds: [`${control}:/control`],
      Memory: 64 * 1024 * 1024,
      NetworkMode: 'none',
      RestartPolicy: { Name: 'unless-stopped' },
    });
    expect((await deploy(stack, 'status', 'shop')).body).toEqual(body);
  });

  it('that dies in its watch is rolled back to the very container that was there', async () => {
    const before = await idOf('fixed');
    const ending = deploy(stack, 'start', 'fixed', 'shop/api:mortal', '--wait', '--by', 'alice');
    await whenPhase(stack, { target: 'fixed', number: 1, phase: 'watch' });
    expect(await names('fixed')).toEqual(['fixed', 'fixed-opsloop-old-1']);
    expect(await isRunning('fixed-opsloop-old-1')).toBe(false);
    writeFileSync(join(control, 'die'), '');
    const { code, body } = await ending;
    expect(code).toBe(1);
    expect(body).toMatchObject({
      state: 'rolledBack',
      versionBefore: 'shop/api:1',
      versionAfter: 'shop/api:1',
      reason: expect.stringContaining('fixed') as string,
      leftBehind: [],
    });
    expect(phaseOf(body, 'watch').state).toBe('failed');
    expect(phaseOf(body, 'verifyRollBack').state).toBe('succeeded');
    expect(await names('fixed')).toEqual(['fixed']);
    expect(await idOf('fixed')).toBe(before);
    expect(await isRunning('fixed')).toBe(true);
  });

  it('of an image that is nowhere never stops the old one, and says why', async () => {
    const before = await inspect<Inspected>(engine, 'fixed');
    const image = '127.0.0.1:1/shop/api:9';
    const { code, body } = await deploy(stack, 'start', 'fixed', image, '--wait', '--by', 'alice');
    expect(code).toBe(1);
    expect(body).toMatchObject({ state: 'rolledBack', versionAfter: 'shop/api:1' });
    expect(body.reason).toContain(image);
    const after = await inspect<Inspected>(engine, 'fixed');
    expect(after.Id).toBe(before.Id);
    expect(after.State).toMatchObject({ Running: true, StartedAt: before.State.StartedAt });
    expect(await names('fixed')).toEqual(['fixed']);
  });

  it('that becomes healthy late is waited for', async () => {
    const ending = promoted('shop', 'late', 2);
    await whenPhase(stack, { target: 'shop', number: 2, phase: 'verify' });
    expect(await inspect(engine, 'shop', '.State.Health.Status')).toBe('starting');
    writeFileSync(join(control, 'ready'), '');
    const { code, body } = await ending;
    expect(body).toMatchObject({ state: 'succeeded', versionBefore: '2', versionAfter: 'late' });
    expect(code).toBe(0);
    expect(await names('shop')).toEqual(['shop']);
  });

  it('goes on where it was when everything is killed in the middle of its switch', async () => {
    expect((await deploy(stack, 'start', 'held', '2', '--by', 'alice')).code).toBe(0);
    // Its name is gone already, and it does not end yet.
    await eventually('the middle of the switch', async () =>
      (await names('held')).includes('held-opsloop-old-1'),
    );
    expect(await isRunning('held-opsloop-old-1')).toBe(true);
    killAll(processesOf(stack.directory).map(({ pid }) => pid));
    await stack.exited();
    // The kernel takes its time to end those that were in the middle of something.
    await eventually('the end of all', () => processesOf(stack.directory).length === 0);
    writeFileSync(join(control, 'let-go'), '');
    await stack.start();
    const body: DeploymentDocument = await whenOver(stack, 'held', 1);
    expect(body).toMatchObject({
      number: 1,
      state: 'succeeded',
      versionBefore: 'stubborn',
      versionAfter: '2',
      leftBehind: [],
    });
    expect(await names('held')).toEqual(['held']);
    expect(await imageOf('held')).toBe('shop/api:2');
    expect(await isRunning('held')).toBe(true);
    expect((await deploy<DeploymentDocument[]>(stack, 'list', 'held')).body).toHaveLength(1);
  });
});

/** What is read of `docker inspect`. */
interface Inspected {
  Id: string;
  State: { Running: boolean; StartedAt: string };
  Config: { Image: string; Hostname: string; User: string; Env: string[]; Labels: Record<string, string> };
  HostConfig: object;
}
