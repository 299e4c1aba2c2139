/** What `opsloop up` makes of killed processes: its children, itself, everything, and the npm that started it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tryConnect } from '../../src/local/port.js';
import { askDatabase } from '../support/database-question.js';
import { openFolder } from '../support/open-folder.js';
import { isAlive } from '../support/process-existence.js';
import {
  childrenOf,
  preferOwnPorts,
  readEndpoints,
  upCommand,
  upForTest as up,
} from '../support/up-process.js';

const within = { timeout: 30_000, interval: 50 };

describe('a child that is killed', () => {
  it('is started again at its old address, each time with one line', async () => {
    const directory = await openFolder();
    await preferOwnPorts(directory);
    const stack = up({ directory });
    const endpoints = await stack.ready;
    await askDatabase(endpoints.database.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const before = childrenOf(directory);
    for (const pid of Object.values(before)) process.kill(pid, 'SIGKILL');
    for (const name of Object.keys(before)) {
      await expect
        .poll(() => stack.output(), within)
        .toMatch(new RegExp(`^${name} ended \\(SIGKILL\\), started again$`, 'm'));
    }
    const after = childrenOf(directory);
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
    for (const name of Object.keys(before)) expect(after[name]).not.toBe(before[name]);
    expect(await askDatabase(endpoints.database.url, 'SELECT answer FROM kept')).toEqual({ answer: 42 });
    const [host = '', port] = endpoints.temporal.address.split(':');
    expect((await tryConnect(host, Number(port), 2_000)).error).toBeNull();
    expect(readEndpoints(join(directory, '.opsloop'))).toEqual(endpoints);
  });

  it('by itself again and again before the stack is ready ends the start with its last words', async () => {
    const directory = await openFolder();
    const stack = up({ directory, env: { STAND_IN_FAILS: 'api' } });
    expect(await stack.exited).toBe(3);
    expect(stack.output()).toMatch(/The api ended 4 times in a row\.(.|\n)*api cannot work/);
    expect(childrenOf(directory)).toEqual({});
  });
});

describe('after a SIGKILL', () => {
  it('of up alone the programs end by themselves and the next start stops the servers that are left', async () => {
    const directory = await openFolder();
    await preferOwnPorts(directory);
    const killed = up({ directory });
    const before = await killed.ready;
    await askDatabase(before.database.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const { worker = 0, api = 0, ...servers } = childrenOf(directory);
    killed.child.kill('SIGKILL');
    await killed.exited;
    await expect.poll(() => [worker, api].filter(isAlive), within).toEqual([]);
    expect(Object.values(servers).filter(isAlive)).toHaveLength(Object.keys(servers).length);

    const next = up({ directory });
    const after = await next.ready;
    expect(next.output()).toMatch(/stopped what an earlier start left running: .*temporal \(process \d+\)/);
    expect(Object.values(servers).filter(isAlive)).toEqual([]);
    expect(after.temporal).toEqual(before.temporal);
    expect(after.database).toEqual(before.database);
    expect(await askDatabase(after.database.url, 'SELECT answer FROM kept')).toEqual({ answer: 42 });
  });

  it('of everything the next start goes on with the same data', async () => {
    const directory = await openFolder();
    await preferOwnPorts(directory);
    const killed = up({ directory });
    const before = await killed.ready;
    await askDatabase(before.database.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    killed.child.kill('SIGKILL');
    for (const pid of Object.values(childrenOf(directory))) process.kill(pid, 'SIGKILL');
    await killed.exited;
    const after = await up({ directory }).ready;
    expect(after.database).toEqual(before.database);
    expect(await askDatabase(after.database.url, 'SELECT answer FROM kept')).toEqual({ answer: 42 });
  });

  it('in the middle of the first start the next one is complete', async () => {
    const directory = await openFolder();
    for (const sign of ['.opsloop', 'Redis', 'Temporal', 'PostgreSQL']) {
      const killed = up({ directory });
      const hasCome =
        sign === '.opsloop'
          ? () => Object.hasOwn(childrenOf(directory), 'temporal')
          : () => killed.output().includes(`${sign} `);
      await Promise.race([expect.poll(hasCome, { timeout: 30_000, interval: 5 }).toBe(true), killed.ready]);
      killed.child.kill('SIGKILL');
      await killed.exited;
    }
    const { database } = await up({ directory }).ready;
    expect(await askDatabase(database.url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  });
});

describe('started by npm', () => {
  it('stops when npm is killed and tells nobody', async () => {
    const directory = await openFolder();
    const { file, args, env, stateDir } = upCommand({ directory });
    // As npm does it: a shell in between that waits.
    const npm = spawn(process.execPath, ['-e', npmScript, JSON.stringify({ file, args })], {
      env: { ...env, npm_lifecycle_event: 'start' },
      stdio: 'ignore',
    });
    await expect.poll(() => readEndpoints(stateDir), within).not.toBeNull();
    const { pid } = readEndpoints(stateDir) ?? { pid: 0 };
    const children = Object.values(childrenOf(directory));
    npm.kill('SIGKILL');
    await expect.poll(() => [pid, ...children].filter(isAlive), within).toEqual([]);
    expect(readEndpoints(stateDir)).toBeNull();
  });
});

const npmScript = `
const { file, args } = JSON.parse(process.argv[1]);
const quote = (text) => "'" + text.replaceAll("'", "'\\\\''") + "'";
require('node:child_process').spawn('sh', ['-c', [file, ...args].map(quote).join(' ') + '; exit $?'], { stdio: 'inherit' });
`;
