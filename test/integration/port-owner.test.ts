/** Real listeners of this machine, and the free space where something will be written. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freeSpaceAt } from '../../src/adapters/deploy/free-space.js';
import { isInTree, ownerOfPort, runsFrom } from '../../src/adapters/deploy/port-owner.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const isLinux = process.platform === 'linux';

async function listenHere(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

/** A Node.js program that prints a line; ended with its group when the test ends. */
async function program(
  code: string,
  options: { args?: string[]; detached?: boolean } = {},
): Promise<{
  child: ChildProcess;
  line: string;
}> {
  const child = spawn(process.execPath, ['-e', code, ...(options.args ?? [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: options.detached ?? false,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, line: line.toString().trim() };
}

const listening = `const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port));`;

describe('the owner of a port', () => {
  it('is nobody when nobody listens', async () => {
    const port = await freePort();
    expect(await ownerOfPort(port)).toBeNull();
    expect(await ownerOfPort(port, 'darwin')).toBeNull();
  });

  it.runIf(isLinux)(
    'is found on every address, with its pid and the beginning of its command line',
    async () => {
      const { child, line } = await program(listening, { args: ['x'.repeat(500)] });
      expect(await ownerOfPort(Number(line))).toEqual({
        pids: [child.pid],
        processes: [expect.stringMatching(new RegExp(`^\\S+ \\(pid ${child.pid}: .*node.{1,80}…\\)$`))],
      });
      for (const host of ['0.0.0.0', '::', '::1'])
        expect(await ownerOfPort(await listenHere(host))).toMatchObject({ pids: [process.pid] });
    },
  );

  it('is not named where the system does not tell it', async () => {
    for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
      expect(await ownerOfPort(await listenHere(host), 'darwin')).toEqual({
        pids: [],
        processes: ['a process that this system does not name'],
      });
    }
  });

  const isRoot = process.getuid?.() === 0;
  it.runIf(isLinux && isRoot)('is said to be hidden from a user who may not look', async () => {
    const port = await listenHere('127.0.0.1');
    // The compiled product, where another user may read it.
    const folder = await temporaryFolder();
    await chmod(folder, 0o755);
    await cp('dist/adapters/deploy', join(folder, 'adapters/deploy'), { recursive: true });
    await cp('dist/domain', join(folder, 'domain'), { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const ask = `process.setgid(65534); process.setuid(65534);
      import(${JSON.stringify(join(folder, 'adapters/deploy/port-owner.js'))})
        .then(async ({ ownerOfPort }) => console.log(JSON.stringify(await ownerOfPort(${port}))));`;
    const { line } = await program(ask);
    expect(JSON.parse(line)).toEqual({
      pids: [],
      processes: ['a process of user 0 that the user of this worker may not look into'],
    });
  });
});

describe.runIf(isLinux)('a tree of processes', () => {
  it('holds what a process started, at any depth', async () => {
    const nested = `const c = require('child_process').spawn(process.execPath, ['-e', 'console.log(process.pid); setInterval(() => {}, 1e6)'],
      { stdio: ['ignore', 'inherit', 'inherit'] });`;
    const { child, line } = await program(nested);
    onTestFinished(() => void process.kill(Number(line), 'SIGKILL'));
    const pid = child.pid ?? 0;
    expect(await isInTree(Number(line), [pid])).toBe(true);
    expect(await isInTree(Number(line), [process.pid])).toBe(true);
    expect(await isInTree(pid, [pid])).toBe(true);
    expect(await isInTree(pid, [Number(line)])).toBe(false);
    expect(await isInTree(pid, [])).toBe(false);
  });

  it('holds what a leader of a group left behind', async () => {
    const leaving = `const c = require('child_process').spawn(process.execPath, ['-e', 'console.log(process.pid); setInterval(() => {}, 1e6)'],
      { stdio: ['ignore', 'inherit', 'inherit'] }); c.unref();`;
    const { child, line } = await program(leaving, { detached: true });
    onTestFinished(() => void process.kill(Number(line), 'SIGKILL'));
    if (child.exitCode === null) await once(child, 'exit');
    expect(await isInTree(Number(line), [child.pid ?? 0])).toBe(true);
  });

  it('runs from the folder that it works in, or whose program it runs, by whatever link', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'releases', 'v1'), { recursive: true });
    await symlink('releases/v1', join(folder, 'current'));
    const script = 'console.log(process.pid); setInterval(() => {}, 1e6)';
    await writeFile(join(folder, 'releases', 'v1', 'app.cjs'), script);
    const start = (command: string[], cwd: string): number => {
      const child = spawn(process.execPath, command, { cwd, stdio: 'ignore' });
      onTestFinished(() => void child.kill('SIGKILL'));
      return child.pid ?? 0;
    };
    const working = start(['-e', script], join(folder, 'current'));
    const named = start([join(folder, 'current', 'app.cjs')], '/');
    const other = start(['-e', script], tmpdir());
    await eventually(
      'the programs',
      async () => (await runsFrom(working, folder)) && runsFrom(named, folder),
    );
    expect(await runsFrom(other, folder)).toBe(false);
    expect(await runsFrom(working, `${folder}-other`)).toBe(false);
    expect(await runsFrom(2 ** 22 + 1, folder)).toBe(false);
  });

  it('holds nothing that is gone or everybody comes from', async () => {
    expect(await isInTree(2 ** 22 + 1, [2 ** 22 + 2])).toBe(false);
    expect(await isInTree(process.pid, [1])).toBe(false);
    expect(await isInTree(process.pid, [2 ** 22 + 1])).toBe(false);
  });
});

describe('free space', () => {
  it('is that of the nearest folder that is there', async () => {
    const folder = await temporaryFolder();
    const here = await freeSpaceAt(folder, { timeoutMs: 5_000 });
    expect(here.path).toBe(folder);
    expect(here.bytes).toBeGreaterThan(0);
    expect(here.percent).toBeGreaterThan(0);
    expect(here.percent).toBeLessThanOrEqual(100);
    expect((await freeSpaceAt(join(folder, 'not/there/yet'), { timeoutMs: 5_000 })).path).toBe(folder);
    await writeFile(join(folder, 'file'), '');
    expect((await freeSpaceAt(join(folder, 'file', 'below'), { timeoutMs: 5_000 })).path).toBe(
      join(folder, 'file'),
    );
    expect((await freeSpaceAt(dirname('/'), { timeoutMs: 5_000 })).path).toBe('/');
  });

  it('is unknown, and no number, when nobody waits for it', async () => {
    const cut = freeSpaceAt('/', { timeoutMs: 5_000, signal: AbortSignal.abort() });
    await expect(cut).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringContaining('cancelled'),
    });
  });
});
