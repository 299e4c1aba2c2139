/** `npm start` in a project of one's own, ended in the ways in which people and programs end it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { opsloopProgram } from '../support/cli-run.js';
import { prepareStack, type Stack } from '../support/stack.js';
import { processesOf } from '../support/stack-processes.js';

let stack: Stack;

beforeEach(() => {
  stack = prepareStack({
    configuration: {
      environment: 'shop',
      heartbeat: { every: '5s' },
      services: [{ name: 'disk', checks: [{ disk: '/' }] }],
    },
    // A group of its own, as a terminal gives one to what is typed into it.
    command: ['npm', 'start', '--silent'],
    isGroupLeader: true,
  });
  const scripts = { start: `node ${opsloopProgram} up` };
  writeFileSync(
    join(stack.directory, 'package.json'),
    JSON.stringify({ name: 'shop', private: true, scripts }),
  );
});

afterEach(() => stack.close());

const nothingLeft = (): Promise<void> =>
  expect.poll(() => processesOf(stack.directory), { timeout: 12_000, interval: 100 }).toEqual([]);

describe('npm start', () => {
  it('ends with everything it started when npm alone is killed, which tells nobody', async () => {
    await stack.start();
    const upPid = stack.endpoints().pid;
    expect(upPid).not.toBe(stack.pid());
    process.kill(stack.pid(), 'SIGKILL');
    await nothingLeft();
    expect(() => stack.endpoints()).toThrow(/ENOENT/);
  });

  it('ends in order on a Ctrl-C, which reaches the whole group', async () => {
    await stack.start();
    process.kill(-stack.pid(), 'SIGINT');
    await nothingLeft();
    expect(stack.output()).toContain('stopping (SIGINT)');
    expect(() => stack.endpoints()).toThrow(/ENOENT/);
  });
});
