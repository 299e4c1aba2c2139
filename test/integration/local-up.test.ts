/** The whole stack of `opsloop up`, with stand-ins for worker and API: start, stop, and everything that may be in the way. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isPortFree } from '../../src/local/port.js';
import { findRedisServer } from '../../src/local/redis-server.js';
import { openFolder } from '../support/open-folder.js';
import { isAlive } from '../support/process-existence.js';
import { childrenOf, preferOwnPorts, recordPathOf, upForTest as up } from '../support/up-process.js';

interface RecordEntry {
  name: string;
  pid?: number;
  databaseUrl?: string;
  given?: Record<string, string>;
}

const readRecord = (directory: string): RecordEntry[] =>
  readFileSync(recordPathOf(directory), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordEntry);

async function listen(): Promise<{ port: number; address: string }> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  return { port, address: `127.0.0.1:${port}` };
}

/** Connections to servers that exist already, so that a test starts none. */
async function givenServers(): Promise<NodeJS.ProcessEnv> {
  const { address } = await listen();
  return {
    TEMPORAL_ADDRESS: address,
    DATABASE_URL: `postgres://u:p@${address}/x`,
    REDIS_URL: `redis://${address}`,
  };
}

describe('the stack', () => {
  it('starts everything, tells the programs where it is, and leaves nothing behind after Ctrl-C', async () => {
    const directory = await openFolder();
    const stack = up({ directory });
    const endpoints = await stack.ready;
    const children = childrenOf(directory);
    const hasRedis = (await findRedisServer(process.env)) !== null;
    expect(Object.keys(children).sort()).toEqual([
      'api',
      'postgres',
      ...(hasRedis ? ['redis'] : []),
      'temporal',
      'worker',
    ]);
    expect(endpoints).toEqual({
      pid: stack.pid,
      startedAt: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      temporal: {
        address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
        namespace: 'default',
        webUi: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
      },
      database: {
        url: expect.stringMatching(/^postgres:\/\/opsloop:[0-9a-f]{32}@127\.0\.0\.1:\d+\/opsloop$/) as string,
      },
      redis: hasRedis
        ? { url: expect.stringMatching(/^redis:\/\/:[0-9a-f]{32}@127\.0\.0\.1:\d+$/) as string }
        : null,
      api: { url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string },
    });
    const stateDir = join(directory, '.opsloop');
    expect(statSync(join(stateDir, 'run', 'endpoints.json')).mode & 0o777).toBe(0o600);
    for (const name of ['run', 'logs', 'reports'])
      expect(statSync(join(stateDir, name)).mode & 0o777).toBe(0o700);

    const record = readRecord(directory);
    expect(record.slice(0, 1)).toEqual([{ name: 'migrate', databaseUrl: endpoints.database.url }]);
    expect(record.find(({ name }) => name === 'apply')).toMatchObject({
      temporal: { address: endpoints.temporal.address },
      databaseUrl: endpoints.database.url,
    });
    expect(record.find(({ name }) => name === 'worker')?.given).toMatchObject({
      TEMPORAL_ADDRESS: endpoints.temporal.address,
      TEMPORAL_NAMESPACE: 'default',
      DATABASE_URL: endpoints.database.url,
      REDIS_URL: endpoints.redis?.url ?? '',
      OPSLOOP_API: endpoints.api.url,
      OPSLOOP_WEB_UI: endpoints.temporal.webUi,
      OPSLOOP_WORKER_METRICS: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
    });
    const output = stack.output();
    expect(output).toContain('worker says hello\n');
    expect(output).not.toContain('worker writes to its log');
    expect(readFileSync(join(stateDir, 'logs', 'worker.stderr.log'), 'utf8')).toBe(
      'worker writes to its log\n',
    );
    expect(output.indexOf(endpoints.api.url)).toBeLessThan(output.indexOf('opsloop is ready'));
    expect(output).not.toContain(new URL(endpoints.database.url).password);

    const stoppedAtMs = performance.now();
    stack.child.kill('SIGINT');
    expect(await stack.exited).toBe(0);
    expect(performance.now() - stoppedAtMs).toBeLessThan(10_000);
    expect(Object.values(children).filter(isAlive)).toEqual([]);
    expect(readdirSync(join(stateDir, 'run')).sort()).toEqual(['ports.json', 'processes.json']);
  });

  it('keeps its addresses and its state from one start to the next', async () => {
    const directory = await openFolder();
    await preferOwnPorts(directory);
    const first = up({ directory });
    const before = await first.ready;
    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(0);
    const after = await up({ directory }).ready;
    expect({ ...after, pid: 0, startedAt: '' }).toEqual({ ...before, pid: 0, startedAt: '' });
  });

  it('refuses a second start on the same state directory and says who has it', async () => {
    const directory = await openFolder();
    const env = await givenServers();
    const first = up({ directory, env });
    await first.ready;
    const second = up({ directory, env });
    expect(await second.exited).toBe(2);
    expect(second.output()).toMatch(new RegExp(`runs already on .*: process ${first.pid} since \\d{4}-`));
    expect(isAlive(first.pid)).toBe(true);
  });

  it('runs beside another stack on other ports', async () => {
    const [one, other] = [up({ directory: await openFolder() }), up({ directory: await openFolder() })];
    const [first, second] = await Promise.all([one.ready, other.ready]);
    const addresses = ({ temporal, database, api }: typeof first): (string | null)[] => [
      temporal.address,
      temporal.webUi,
      new URL(database.url).host,
      api.url,
    ];
    const both = [...addresses(first), ...addresses(second)];
    expect(new Set(both).size).toBe(both.length);
  });

  it('says how to get Redis when there is none, and goes on without', async () => {
    const { REDIS_URL: _redis, ...env } = await givenServers();
    const stack = up({ directory: await openFolder(), env: { ...env, PATH: await openFolder() } });
    expect((await stack.ready).redis).toBeNull();
    expect(stack.output()).toMatch(/^Redis is off: .*apt-get install redis-server/m);
  });
});

describe('given servers', () => {
  it('are used, and nothing is started', async () => {
    const directory = await openFolder();
    const env = await givenServers();
    const endpoints = await up({ directory, env }).ready;
    expect(endpoints).toMatchObject({
      temporal: { address: env['TEMPORAL_ADDRESS'], webUi: null },
      database: { url: env['DATABASE_URL'] },
      redis: { url: env['REDIS_URL'] },
    });
    expect(Object.keys(childrenOf(directory)).sort()).toEqual(['api', 'worker']);
  });

  it('may come from the configuration, by references to the environment', async () => {
    const { address } = await listen();
    const { TEMPORAL_ADDRESS, REDIS_URL } = await givenServers();
    const stack = up({
      directory: await openFolder(),
      config: { database: { url: '${env:SHOP_DB}' } },
      env: { TEMPORAL_ADDRESS, REDIS_URL, SHOP_DB: `postgres://u:secret@${address}/shop` },
    });
    expect((await stack.ready).database.url).toBe(`postgres://u:secret@${address}/shop`);
    expect(stack.output()).not.toContain('secret');
  });

  it.each([
    [
      'TEMPORAL_ADDRESS',
      '127.0.0.1:9',
      /Temporal at 127\.0\.0\.1:9 \(from TEMPORAL_ADDRESS\) cannot be reached/,
    ],
    [
      'DATABASE_URL',
      'postgres://u:hush@127.0.0.1:9/x',
      /PostgreSQL at 127\.0\.0\.1:9 \(from DATABASE_URL\) cannot/,
    ],
    ['REDIS_URL', 'redis://127.0.0.1:9', /Redis at 127\.0\.0\.1:9 \(from REDIS_URL\) cannot be reached/],
  ])('that cannot be reached are named: %s', async (variable, value, message) => {
    const directory = await openFolder();
    const stack = up({ directory, env: { ...(await givenServers()), [variable]: value } });
    expect(await stack.exited).toBe(3);
    expect(stack.output()).toMatch(message);
    expect(stack.output()).not.toContain('hush');
    expect(childrenOf(directory)).toEqual({});
  });
});

describe('ports', () => {
  it('that the configuration names and that are taken are an error', async () => {
    const { port } = await listen();
    const stack = up({
      directory: await openFolder(),
      config: {
        api: { listen: { host: '127.0.0.1', port }, isListenGiven: true, token: null, pingKey: null },
      },
    });
    expect(await stack.exited).toBe(2);
    expect(stack.output()).toMatch(
      new RegExp(`api\\.listen: 127\\.0\\.0\\.1:${port} is taken by another process`),
    );
  });

  it('that are only usual and taken are passed over', async () => {
    // Held for the time of the test, unless something else has it anyway.
    const server = createServer();
    if (await isPortFree(7700))
      await new Promise<void>((resolve) => server.listen(7700, '127.0.0.1', () => resolve()));
    onTestFinished(() => void server.close());
    const endpoints = await up({ directory: await openFolder(), env: await givenServers() }).ready;
    expect(Number(new URL(endpoints.api.url).port)).toBeGreaterThan(7700);
  });
});

describe('a state directory that cannot be used', () => {
  it('because a newer opsloop wrote it is left alone', async () => {
    const directory = await openFolder();
    mkdirSync(join(directory, '.opsloop'));
    writeFileSync(join(directory, '.opsloop', 'version.json'), '{"version":2}');
    const stack = up({ directory });
    expect(await stack.exited).toBe(2);
    expect(stack.output()).toMatch(/has version 2; this opsloop knows 1\. It was written by a newer opsloop/);
    expect(readdirSync(join(directory, '.opsloop'))).toEqual(['version.json']);
  });

  it('because it is a file is named', async () => {
    const directory = await openFolder();
    writeFileSync(join(directory, '.opsloop'), '');
    const stack = up({ directory });
    expect(await stack.exited).toBe(2);
    expect(stack.output()).toMatch(/\.opsloop cannot be used: it is a file, a folder is expected/);
  });

  it.runIf(process.platform === 'linux')('because nothing can be written there is named', async () => {
    const stack = up({ directory: await openFolder(), config: { stateDir: '/proc/opsloop' } });
    expect(await stack.exited).toBe(2);
    expect(stack.output()).toMatch(/The state directory \/proc\/opsloop cannot be used: .*set `stateDir`/);
  });
});

/** Folders on disks of their own need root, and a container may forbid even root. */
function mount(folder: string, options: string): boolean {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'opsloop-test', folder]);
  if (status === 0) onTestFinished(() => void spawnSync('umount', [folder]));
  return status === 0;
}

describe.runIf(process.platform === 'linux' && process.getuid?.() === 0)('a disk', () => {
  it.for([
    [
      'that is full',
      'size=1m',
      /The disk of the state directory \S+ is full: \d MB are free, 300 MB are needed/,
    ],
    ['that is read-only', 'ro', /cannot be used: the disk is read-only \(EROFS\)/],
  ] as const)('%s is named', async ([, options, message], { skip }) => {
    const directory = await openFolder();
    const disk = await openFolder();
    if (!mount(disk, options)) skip('this machine does not allow a mount');
    const stack = up({ directory, config: { stateDir: join(disk, 'state') } });
    expect(await stack.exited).toBe(2);
    expect(stack.output()).toMatch(message);
  });
});

describe('a stop', () => {
  it('asked for while the stack still starts ends it without a failure', async () => {
    const directory = await openFolder();
    const stack = up({ directory });
    await expect.poll(() => stack.output(), { timeout: 20_000, interval: 10 }).toMatch(/Redis/);
    stack.child.kill('SIGINT');
    expect(await stack.exited).toBe(0);
    expect(childrenOf(directory)).toEqual({});
  });

  it('does not wait for a worker that ignores it', async () => {
    const directory = await openFolder();
    const stack = up({ directory, env: { ...(await givenServers()), STAND_IN_IGNORES_SIGTERM: 'worker' } });
    await stack.ready;
    const { worker = 0 } = childrenOf(directory);
    const askedAtMs = performance.now();
    stack.child.kill('SIGTERM');
    expect(await stack.exited).toBe(0);
    expect(performance.now() - askedAtMs).toBeLessThan(10_000);
    expect(isAlive(worker)).toBe(false);
  });

  it('asked for twice is done at once', async () => {
    const directory = await openFolder();
    const stack = up({ directory, env: { ...(await givenServers()), STAND_IN_IGNORES_SIGTERM: 'worker' } });
    await stack.ready;
    const { worker = 0 } = childrenOf(directory);
    stack.child.kill('SIGINT');
    await expect.poll(() => stack.output()).toContain('stopping (SIGINT)');
    const askedAtMs = performance.now();
    // The first ones still count as the Ctrl-C that npm passed on.
    const again = setInterval(() => stack.child.kill('SIGINT'), 200);
    expect(await stack.exited).toBe(0);
    clearInterval(again);
    expect(performance.now() - askedAtMs).toBeLessThan(3_000);
    expect(isAlive(worker)).toBe(false);
  });
});
