/** A deploy program that hangs, two people who start at once, and a command that is killed while it waits. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, opsloopProgram } from '../support/cli-run.js';
import {
  startCommandedService,
  startReleasedService,
  type DeployedService,
} from '../support/deployed-services.js';
import { deploying, expectWhole, type Deploying } from '../support/deploying-stack.js';
import { eventually } from '../support/eventually.js';
import { loggedPrograms } from '../support/logged-programs.js';
import { isAlive } from '../support/process-existence.js';
import { prepareStack, type Stack } from '../support/stack.js';

let stack: Stack;
let deployments: Deploying;
let hung: DeployedService;
let pair: DeployedService;
let alone: DeployedService;

beforeAll(async () => {
  stack = prepareStack({ configuration: {} });
  deployments = deploying(stack);
  const folder = (name: string): string => join(stack.directory, name);
  mkdirSync(folder('hung'));
  hung = await startCommandedService(folder('hung'));
  pair = await startReleasedService(folder('pair'));
  alone = await startReleasedService(folder('alone'));
  const { vector } = loggedPrograms(folder('hung'));
  const deploy = [process.execPath, resolve('test/support/hung-program.mjs'), folder('hung')];
  const common = { verifyWithin: '10s', watchFor: '3s', watchEvery: '200ms' };
  stack.configure({
    environment: 'shop',
    services: Object.entries({ hung, pair, alone }).map(([name, { url }]) => ({
      ...{ name, every: '1m', checks: [{ http: url }] },
    })),
    deployments: [
      {
        ...{ name: 'hung', services: ['hung'], ...common, deployWithin: '3s' },
        via: { command: { deploy, rollback: vector('rollback'), current: vector('current') } },
      },
      ...['pair', 'alone'].map((name) => ({
        ...{ name, services: [name], ...common },
        via: { directory: { root: folder(name), keep: 20 } },
      })),
    ],
  });
  await stack.start();
});

afterAll(async () => {
  await stack?.close();
  for (const service of [hung, pair, alone]) await service?.close();
});

describe('a deploy program that hangs', () => {
  it('is ended at its limit with everything that it started, and the version before is live', async () => {
    const number = await deployments.begin('hung', 'v2');
    const path = join(stack.directory, 'hung', 'pids');
    const pids = await eventually('all of its processes', () => {
      const lines = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
      return lines.length === 4 ? lines.map((line) => line.split(' ')) : null;
    });
    expect(pids.map(([role]) => role).sort()).toEqual(['child', 'middle', 'orphan', 'parent']);
    const document = await deployments.whenOver('hung', number);
    expect(document).toMatchObject({ state: 'rolledBack', versionAfter: 'v1' });
    expect(document.reason).toContain('3s');
    expect(pids.filter(([, pid]) => isAlive(Number(pid)))).toEqual([]);
    expect(hung.live()).toBe('v1');
    expectWhole(document, stack);
  });
});

describe('two who start at once', () => {
  it.each([1, 2, 3])('have one deployment, and one of them is told whose (%d)', async (number) => {
    const starters = { alice: `alice-${number}`, bob: `bob-${number}` };
    for (const version of Object.values(starters)) pair.release(version);
    const runs = await Promise.all(
      Object.entries(starters).map(async ([by, version]) => ({
        by,
        version,
        run: await stack.cli('deploy', 'start', 'pair', version, '--by', by, '--wait'),
      })),
    );
    const [winner, ...others] = runs.filter(({ run }) => run.code === 0);
    const [loser] = runs.filter(({ run }) => run.code === 1);
    if (winner === undefined || loser === undefined) throw new Error(JSON.stringify(runs));
    expect(others).toEqual([]);
    const document = await deployments.whenOver('pair', number);
    expect(document).toMatchObject({
      state: 'succeeded',
      versionAfter: winner.version,
      startedBy: winner.by,
    });
    expect(loser.run.stderr).toContain(
      `pair is being deployed already: ${winner.version}, started by ${winner.by} at ${document.startedAt}`,
    );
    expect(pair.live()).toBe(winner.version);
    expectWhole(document, stack);
  });
});

describe('a command that waits', () => {
  it('may be killed: the deployment ends by itself', async () => {
    alone.release('v2');
    const child = spawn(process.execPath, [opsloopProgram, 'deploy', 'start', 'alone', 'v2', '--wait'], {
      cwd: stack.directory,
      env: cleanEnvironment(stack.env),
      stdio: 'ignore',
    });
    await deployments.whenPhase('alone', 1, 'watch');
    child.kill('SIGKILL');
    await once(child, 'close');
    const document = await deployments.whenOver('alone', 1);
    expect(document).toMatchObject({ state: 'succeeded', versionAfter: 'v2' });
    expect(alone.live()).toBe('v2');
    expectWhole(document, stack);
  });
});
