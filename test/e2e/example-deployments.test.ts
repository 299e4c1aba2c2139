/** The example `deployments`, as its page says: the bad release is taken back, the good one stays. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, readlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { DeploymentDocument, DeploymentPlanDocument } from '../../src/domain/documents.js';
import { deploy, phaseOf, whenOver, whenPhase } from '../support/deployment-runs.js';
import { freePort } from '../support/free-port.js';
import { prepareStack, type Stack } from '../support/stack.js';

const folder = resolve('examples/deployments');
let stack: Stack;
let shop: ChildProcess;
let port: number;

interface Example {
  deployments: object[];
}

beforeAll(async () => {
  port = await freePort();
  const text = readFileSync(join(folder, 'opsloop.yaml'), 'utf8').replaceAll(
    '127.0.0.1:8090',
    `127.0.0.1:${port}`,
  );
  const example = parse(text) as Example;
  // Half a minute is what the page says; the clock is the same.
  const deployments = example.deployments.map((deployment) => ({ ...deployment, watchFor: '3s' }));
  stack = prepareStack({ configuration: { ...example, deployments } });
  for (const name of ['server.mjs', 'shop/releases'])
    cpSync(join(folder, name), join(stack.directory, name), { recursive: true });
  shop = spawn(process.execPath, ['server.mjs'], {
    cwd: stack.directory,
    env: { ...process.env, PORT: String(port) },
    stdio: 'ignore',
  });
  await stack.start();
});
afterAll(async () => {
  const exited = once(shop, 'exit');
  shop.kill('SIGTERM');
  await exited;
  await stack.close();
});

const page = async (): Promise<unknown> => (await fetch(`http://127.0.0.1:${port}/`)).json();
const live = (): string => readlinkSync(join(stack.directory, 'shop', 'current'));

describe('the shop', () => {
  it('has a release that could be deployed', async () => {
    const { code, body } = await deploy<DeploymentPlanDocument>(stack, 'plan', 'shop', 'v2');
    expect(body).toMatchObject({ isPossible: true, versionBefore: 'v1', versionAfter: 'v2' });
    expect(code).toBe(0);
    expect(await page()).toMatchObject({ version: 'v1' });
  });

  it('gets v1 back when v2 never gets healthy', async () => {
    const { code, stdout } = await stack.cli('deploy', 'start', 'shop', 'v2', '--wait');
    expect(code).toBe(1);
    expect(stdout).toContain('shop: rolledBack after');
    const { body } = await deploy(stack, 'status', 'shop');
    expect(phaseOf(body, 'verify').state).toBe('failed');
    expect(live()).toBe('releases/v1');
    expect(await page()).toEqual({ version: 'v1', prices: { tea: 3, coffee: 4 } });
  });

  it('keeps v3, which is good', async () => {
    const { code, body } = await deploy(stack, 'start', 'shop', 'v3', '--wait');
    expect(body).toMatchObject({ state: 'succeeded', versionBefore: 'v1', versionAfter: 'v3' });
    expect(code).toBe(0);
    expect(phaseOf(body, 'watch').note).toContain('failed-orders measured');
    expect(await page()).toEqual({ version: 'v3', prices: { tea: 3, coffee: 4, cocoa: 5 } });
    const { body: list } = await deploy<DeploymentDocument[]>(stack, 'list', 'shop');
    expect(list.map(({ number, state }) => [number, state])).toEqual([
      [2, 'succeeded'],
      [1, 'rolledBack'],
    ]);
  });

  it('is taken back by a person in the watch', async () => {
    await deploy(stack, 'start', 'shop', 'v1');
    await whenPhase(stack, { target: 'shop', number: 3, phase: 'watch' });
    expect((await deploy(stack, 'rollback', 'shop', '--by', 'you')).code).toBe(0);
    expect(await whenOver(stack, 'shop', 3)).toMatchObject({ state: 'rolledBack', versionAfter: 'v3' });
    expect(live()).toBe('releases/v3');
    expect(await page()).toMatchObject({ version: 'v3' });
  });

  it('refuses a release that is not there', async () => {
    const { code, body } = await deploy(stack, 'start', 'shop', 'v9', '--wait');
    expect(code).toBe(1);
    expect(body).toMatchObject({ state: 'refused', reason: expect.stringContaining('v9') as string });
    expect(await page()).toMatchObject({ version: 'v3' });
  });
});
