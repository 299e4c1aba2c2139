/** Deploying by the user's own programs: what they get, and what their endings mean. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDeploymentDriver } from '../../src/adapters/deploy/deploy-driver.js';
import type { DriverVersions } from '../../src/adapters/deploy/deployment-driver.js';
import type { DeploymentWay } from '../../src/domain/deployment-settings.js';
import { driverContext } from '../support/driver-context.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const versions = (before: string | null, after: string): DriverVersions => ({
  before: { version: before, snapshot: null },
  after,
  number: 1,
});

/** A program that writes down its arguments and variables, then does what `behaviour` says; `deploy` and `rollback` set what is live. */
const program = `
const { appendFileSync, readFileSync, writeFileSync } = require('node:fs');
const [verb, ...args] = process.argv.slice(2);
const { OPSLOOP_VERSION, SHOP_VERSION } = process.env;
appendFileSync('log', JSON.stringify({ verb, args, OPSLOOP_VERSION, SHOP_VERSION }) + '\\n');
const behaviour = JSON.parse(readFileSync('behaviour', 'utf8'))[verb];
if (behaviour?.hang) setInterval(() => {}, 1000);
else if (behaviour?.fail) { console.error(behaviour.fail); process.exitCode = 7; }
else if (verb === 'current') process.stdout.write(readFileSync('live', 'utf8'));
else writeFileSync('live', args[0] + '\\n');
`;

const scene = async (changes: Partial<Extract<DeploymentWay, { kind: 'command' }>> = {}, live = 'v1\n') => {
  const folder = await temporaryFolder();
  const path = (name: string): string => join(folder, name);
  writeFileSync(path('program.cjs'), program);
  writeFileSync(path('live'), live);
  writeFileSync(path('log'), '');
  const behave = (behaviour: Record<string, { hang?: true; fail?: string }>): void =>
    writeFileSync(path('behaviour'), JSON.stringify(behaviour));
  behave({});
  const vector = (...args: string[]): string[] => [process.execPath, path('program.cjs'), ...args];
  const way: DeploymentWay = {
    kind: 'command',
    deploy: vector('deploy', '{version}', '--to={version}', 'two words'),
    rollback: vector('rollback', '{version}'),
    current: vector('current'),
    variable: 'SHOP_VERSION',
    ...changes,
  };
  const base = driverContext();
  const names: string[] = [];
  const context = driverContext({
    run: (name, command, options) => {
      names.push(name);
      return base.run(name, command, { ...options, cwd: folder });
    },
  });
  const log = (): unknown[] =>
    readFileSync(path('log'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown);
  return { driver: createDeploymentDriver(way, process.env), context, names, log, behave, path };
};

it('gives the version in arguments and variables, forward and back', async () => {
  const { driver, context, log, names } = await scene();
  expect(await driver.current(context)).toEqual({ version: 'v1', snapshot: null });
  const plan = await driver.plan('v2', { version: 'v1', snapshot: null }, context);
  expect(plan.versionAfter).toBe('v2');
  expect(plan.changes).toEqual(['live version: v1 -> v2']);
  expect(plan.steps[0]).toMatch(/^run .* deploy v2 --to=v2 two words$/);
  await driver.prepare(versions('v1', 'v2'), context);
  await driver.switch(versions('v1', 'v2'), context);
  expect(await driver.describe(context)).toEqual({ version: 'v2', text: 'live version: v2', isReady: null });
  await driver.undo(versions('v1', 'v2'), context);
  await driver.settle(versions('v1', 'v2'), context);
  expect((await driver.current(context)).version).toBe('v1');
  expect(log()).toEqual([
    { verb: 'current', args: [] },
    { verb: 'deploy', args: ['v2', '--to=v2', 'two words'], OPSLOOP_VERSION: 'v2', SHOP_VERSION: 'v2' },
    { verb: 'current', args: [] },
    { verb: 'rollback', args: ['v1'], OPSLOOP_VERSION: 'v1', SHOP_VERSION: 'v1' },
    { verb: 'current', args: [] },
  ]);
  expect(names).toEqual(['current', 'deploy', 'current', 'rollback', 'current']);
});

it('runs rollback each time it is asked, also where deploy never ran', async () => {
  const { driver, context, log } = await scene();
  for (let time = 0; time < 2; time += 1) await driver.undo(versions('v1', 'v2'), context);
  expect(log()).toHaveLength(2);
  expect((await driver.current(context)).version).toBe('v1');
});

it.each([
  ['', null],
  ['\n  \n', null],
  ['  v7 \nmore words\n', 'v7'],
])('reads %j as the live version %j', async (printed, version) => {
  const { driver, context } = await scene({}, printed);
  expect((await driver.current(context)).version).toBe(version);
  expect((await driver.describe(context)).text).toBe(`live version: ${version ?? 'nothing'}`);
});

it('refuses a live version that would be an option of the rollback command', async () => {
  const { driver, context } = await scene({}, '--all\n');
  await expect(driver.current(context)).rejects.toMatchObject({
    reason: 'invalidInput',
    field: 'via.command.current',
    message: expect.stringMatching(
      / current printed "--all" is no name of a version: it begins with a hyphen/,
    ) as string,
  });
  expect(await driver.describe(context)).toMatchObject({
    version: null,
    text: expect.stringContaining('the live version cannot be told') as string,
  });
});

describe('a command that fails', () => {
  it('is told with its exit code and last words', async () => {
    const { driver, context, behave } = await scene();
    behave({ deploy: { fail: 'no space left' }, rollback: { fail: 'no way' }, current: { fail: 'no idea' } });
    await expect(driver.switch(versions('v1', 'v2'), context)).rejects.toMatchObject({
      name: 'OpsError',
      reason: 'unavailable',
      message: expect.stringMatching(/ deploy v2 --to=v2 two words: exit code 7: no space left$/) as string,
    });
    await expect(driver.undo(versions('v1', 'v2'), context)).rejects.toThrow('exit code 7: no way');
    await expect(driver.current(context)).rejects.toThrow('exit code 7: no idea');
    expect((await driver.describe(context)).version).toBeNull();
  });

  it('is told when it hangs, and when it is not there', async () => {
    const { driver, context, behave } = await scene();
    behave({ deploy: { hang: true } });
    const base = driverContext({ timeoutMs: 300 });
    const run: typeof context.run = (name, command) => context.run(name, command, { timeoutMs: 300 });
    await expect(driver.switch(versions('v1', 'v2'), { ...base, run })).rejects.toMatchObject({
      reason: 'timeout',
      message: expect.stringContaining('did not end within 300ms') as string,
    });
    const missing = await scene({ deploy: ['./no-such-program', '{version}'] });
    await expect(missing.driver.switch(versions('v1', 'v2'), missing.context)).rejects.toMatchObject({
      reason: 'unavailable',
      message: './no-such-program v2: no such program: ./no-such-program',
    });
  });
});

it('has no way back without a version before or a rollback command, and says so', async () => {
  const { driver, context, log } = await scene();
  await expect(driver.undo(versions(null, 'v2'), context)).rejects.toMatchObject({
    reason: 'invalidInput',
    message: expect.stringContaining('nothing was live before') as string,
  });
  expect(log()).toEqual([]);
  const oneWay = await scene({ rollback: null });
  await expect(oneWay.driver.undo(versions('v1', 'v2'), oneWay.context)).rejects.toMatchObject({
    reason: 'invalidInput',
    field: 'via.command.rollback',
  });
});

it.each(['', '--flag', '-', 'v1\nv2', 'v1\0', 'v1\u001b[2J', 'x'.repeat(256)])(
  'runs nothing for a version that is an attack: %j',
  async (version) => {
    const { driver, context, log } = await scene();
    const before = { version: 'v1', snapshot: null };
    await expect(driver.plan(version, before, context)).rejects.toMatchObject({
      reason: 'invalidInput',
      field: 'version',
    });
    await expect(driver.switch(versions('v1', version), context)).rejects.toMatchObject({
      reason: 'invalidInput',
    });
    await expect(driver.undo(versions(version, 'v2'), context)).rejects.toMatchObject({
      reason: 'invalidInput',
    });
    expect(log()).toEqual([]);
  },
);

it.each(['$(touch x)', "'; exit 1; '", '$& $1', '{version}', 'ghcr.io/shop/api:v2', '*'])(
  'hands %j over as it is',
  async (version) => {
    const { driver, context, log } = await scene();
    await driver.switch(versions('v1', version), context);
    expect(log()).toEqual([
      {
        verb: 'deploy',
        args: [version, `--to=${version}`, 'two words'],
        OPSLOOP_VERSION: version,
        SHOP_VERSION: version,
      },
    ]);
    expect((await driver.current(context)).version).toBe(version);
  },
);
