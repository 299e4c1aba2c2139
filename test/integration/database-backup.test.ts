/** Dumps of a real PostgreSQL: whole and verified, or not there. */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dumpDatabase } from '../../src/adapters/deploy/database-backup.js';
import { programConnection } from '../../src/adapters/deploy/postgres-address.js';
import { findPostgresPrograms, usualPlaces } from '../../src/adapters/deploy/postgres-programs.js';
import { productDatabase, programRuns, serverUrl, sql } from '../support/database-runs.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const { signal } = new AbortController();

async function filledDatabase(rows = 20_000): Promise<string> {
  const { url } = await productDatabase();
  await sql(
    url,
    `create table orders as select n as id, md5(n::text) as text from generate_series(1, ${rows}) n`,
  );
  return url;
}

const dumpPath = async (): Promise<string> => join(await temporaryFolder(), 'backups', 'shop.dump');

describe('a dump of a database', () => {
  it('is a file that only its owner reads, with its size and checksum', async () => {
    const path = await dumpPath();
    const dump = await dumpDatabase({
      name: 'shop',
      url: await filledDatabase(),
      path,
      signal,
      ...programRuns(),
    });
    const content = await readFile(path);
    expect(dump).toEqual({
      path,
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700);
    expect((await readdir(join(path, '..'))).sort()).toEqual(['shop.dump', 'shop.dump.json']);
  });

  it('is kept when it is asked for again, also when the database has changed', async () => {
    const [path, url] = [await dumpPath(), await filledDatabase()];
    const first = await dumpDatabase({ name: 'shop', url, path, signal, ...programRuns() });
    await sql(url, 'drop table orders');
    const runs = programRuns();
    expect(await dumpDatabase({ name: 'shop', url, path, signal, ...runs })).toEqual(first);
    expect(runs.started).toEqual([]);
  });

  it('is made anew when it is no longer what was written', async () => {
    const [path, url] = [await dumpPath(), await filledDatabase()];
    const first = await dumpDatabase({ name: 'shop', url, path, signal, ...programRuns() });
    await truncate(path, first.bytes - 1);
    const runs = programRuns();
    const second = await dumpDatabase({ name: 'shop', url, path, signal, ...runs });
    expect(runs.started[0]?.name).toBe('dump-shop');
    expect((await stat(path)).size).toBe(second.bytes);
  });

  it('is finished from what a killed worker left, without dumping twice', async () => {
    const [path, url, runs] = [await dumpPath(), await filledDatabase(), programRuns()];
    // The worker died when pg_dump had ended.
    const cut: typeof runs.run = async (name, ...rest) => {
      const result = await runs.run(name, ...rest);
      if (name === 'dump-shop') throw new Error('killed');
      return result;
    };
    await expect(dumpDatabase({ name: 'shop', url, path, signal, run: cut })).rejects.toThrow('killed');
    expect(await readdir(join(path, '..'))).toEqual(['shop.dump.partial']);
    await dumpDatabase({ name: 'shop', url, path, signal, run: runs.run });
    expect(runs.started.filter(({ name }) => name.startsWith('dump'))).toHaveLength(1);
  });

  it('is made when its program is known to have worked and its file is gone', async () => {
    const [path, url, runs] = [await dumpPath(), await filledDatabase(), programRuns()];
    await dumpDatabase({ name: 'shop', url, path: await dumpPath(), signal, ...runs });
    // The same results by name, another file.
    const dump = await dumpDatabase({ name: 'shop', url, path, signal, ...runs });
    expect((await stat(path)).size).toBe(dump.bytes);
    expect(runs.started.map(({ name }) => name)).toContain('dump-again-shop');
  });

  it('is one of several that are made in one call', async () => {
    const [folder, runs] = [await temporaryFolder(), programRuns()];
    for (const [name, rows] of [
      ['one', 1],
      ['two', 2],
      ['three', 3],
    ] as const) {
      const url = await filledDatabase(rows);
      await dumpDatabase({ name, url, path: join(folder, `${name}.dump`), signal, ...runs });
    }
    expect(runs.started.map(({ name }) => name.replace(/-[0-9a-f]{64}$/, ''))).toEqual(
      ['one', 'two', 'three'].flatMap((name) => [`dump-${name}`, `list-${name}`, `read-${name}`]),
    );
  });

  it('has no name while it cannot be read to its end', async () => {
    const [path, url] = [await dumpPath(), await filledDatabase()];
    const runs = programRuns();
    const damaging: typeof runs.run = async (name, ...rest) => {
      const result = await runs.run(name, ...rest);
      // The table of contents is at the beginning, and whole.
      if (name === 'dump-shop')
        await truncate(`${path}.partial`, (await stat(`${path}.partial`)).size - 50_000);
      return result;
    };
    await expect(dumpDatabase({ name: 'shop', url, path, signal, run: damaging })).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(
        /^the dump of database shop \(.*\) cannot be read, and was removed: exit code 1: pg_restore: error/,
      ),
    });
    expect(await readdir(join(path, '..'))).toEqual([]);
    // Its table of contents was good.
    expect(runs.started.map(({ name }) => name.replace(/-.*/, ''))).toEqual(['dump', 'list', 'read']);
  });

  it('is no dump when the program fails, and the message does not tell the password', async () => {
    const path = await dumpPath();
    const url = new URL(await filledDatabase());
    url.password ||= 'secret-word';
    const runs = programRuns((_name, [program = '', ...rest]) => [program, ...rest, '--table=missing']);
    const failure = await dumpDatabase({ name: 'shop', url: url.href, path, signal, ...runs }).catch(
      (error: unknown) => error as Error,
    );
    expect(failure).toMatchObject({
      name: 'OpsError',
      message:
        'database shop could not be dumped: exit code 1: pg_dump: error: no matching tables were found',
    });
    expect(await readdir(join(path, '..'))).toEqual([]);
    expect(JSON.stringify(runs.started.map(({ command }) => command))).not.toContain(
      decodeURIComponent(url.password),
    );
  });

  it('says what cannot be reached, without the password', async () => {
    const work = { name: 'shop', path: await dumpPath(), signal, ...programRuns() };
    const nobody = dumpDatabase({ ...work, url: 'postgresql://ann:hidden@127.0.0.1:1/shop' });
    await expect(nobody).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringMatching(/^PostgreSQL at 127\.0\.0\.1:1\/shop cannot be used: (?!.*hidden)/),
    });
  });
});

describe('how programs reach a database', () => {
  it('is told without the password, which is in the environment', () => {
    const { argument, env } = programConnection(
      'postgresql://ann:p%40ss@db.example:6432/sh%27op?sslmode=verify-full',
    );
    expect(argument).toContain(
      `host='db.example' port='6432' dbname='sh\\'op' user='ann' sslmode='verify-full'`,
    );
    expect(argument).not.toContain('p@ss');
    expect(env).toEqual({ PGPASSWORD: 'p@ss' });
  });

  it('is told in words that they know', () => {
    expect(programConnection('postgresql://db.example/shop?sslmode=no-verify').argument).toContain(
      "sslmode='require'",
    );
    expect(programConnection('postgresql://db.example/shop').argument).not.toContain('sslmode');
  });

  it('is not changed by variables of the environment', async () => {
    const url = await filledDatabase(10);
    const runs = programRuns();
    const run: typeof runs.run = (name, command, options = {}) =>
      runs.run(name, command, {
        ...options,
        env: {
          PGDATABASE: 'elsewhere',
          PGHOST: 'nowhere.invalid',
          PGPORT: '1',
          PGUSER: 'nobody',
          ...options.env,
        },
      });
    const dump = await dumpDatabase({ name: 'shop', url, path: await dumpPath(), signal, run });
    expect(dump.bytes).toBeGreaterThan(0);
  });
});

describe('the programs', () => {
  /** A folder of stand-ins that tell a version. */
  async function folderOf(folder: string, version: string): Promise<string> {
    await mkdir(folder, { recursive: true });
    for (const name of ['pg_dump', 'pg_restore']) {
      await writeFile(join(folder, name), `#!/bin/sh\necho "${name} (PostgreSQL) ${version}"\n`);
      await chmod(join(folder, name), 0o755);
    }
    return folder;
  }

  it('are those of the version of the server, then of the next higher one', async () => {
    const root = await temporaryFolder();
    for (const version of ['13.4', '16.2', '17.0'])
      await folderOf(join(root, version.slice(0, 2), 'bin'), version);
    const path = await folderOf(join(root, 'path'), '18beta1');
    const find = (version: number) => findPostgresPrograms(version, { path, distribution: [root] });
    expect(await find(16)).toEqual({
      dump: join(root, '16/bin/pg_dump'),
      restore: join(root, '16/bin/pg_restore'),
      version: 16,
    });
    expect((await find(14)).version).toBe(16);
    expect((await find(18)).dump).toBe(join(path, 'pg_dump'));
  });

  it('are named with what to install when all are older than the server', async () => {
    const root = await temporaryFolder();
    const path = await folderOf(join(root, 'path'), '15.1 (Debian 15.1)');
    await expect(
      findPostgresPrograms(17, { path, distribution: [join(root, 'none')] }),
    ).rejects.toMatchObject({
      reason: 'notFound',
      message: expect.stringMatching(
        /PostgreSQL 17 or newer are needed, as the server has version 17, and there is only version 15 \(.*pg_dump\)\. Install .*postgresql-client-17/,
      ),
    });
    await expect(findPostgresPrograms(17, { path: '', distribution: [] })).rejects.toThrow(
      'and there are none',
    );
  });

  it('are found on this machine for the server of the tests', async () => {
    const [row] = await sql<{ version: string }>(
      serverUrl(),
      `select current_setting('server_version_num') as version`,
    );
    const major = Math.floor(Number(row?.version) / 10_000);
    expect((await findPostgresPrograms(major, usualPlaces())).version).toBeGreaterThanOrEqual(major);
  });
});
