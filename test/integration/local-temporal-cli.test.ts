/** How the Temporal CLI is found and fetched, against a real mirror and a real Go tool. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { silentReport, type Report } from '../../src/local/progress.js';
import { buildTemporalCli, findGo } from '../../src/local/temporal-cli-build.js';
import { temporalCliFolder } from '../../src/local/temporal-cli-cache.js';
import { findTemporalCli, type TemporalCli } from '../../src/local/temporal-cli.js';
import { startDownloadMirror } from '../support/download-mirror.js';
import { temporaryFolder } from '../support/temporary-folder.js';

/** Nothing installed, nothing cached, no Go modules to be had: only the mirror is left. */
async function bareEnvironment(mirror: string): Promise<NodeJS.ProcessEnv> {
  const home = await temporaryFolder();
  return {
    PATH: '/usr/bin:/bin',
    HOME: home,
    XDG_CACHE_HOME: join(home, 'cache'),
    GOPROXY: 'off',
    GOMODCACHE: join(home, 'modules'),
    GOCACHE: join(home, 'go-build'),
    GOTOOLCHAIN: 'local',
    OPSLOOP_DOWNLOAD_BASE: mirror,
  };
}

const find = (env: NodeJS.ProcessEnv, report: Report = silentReport): Promise<TemporalCli> =>
  findTemporalCli({ explicitPath: null, env, report });

async function writeProgram(path: string, output: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho '${output}'\n`);
  await chmod(path, 0o755);
  return path;
}

describe('a given path', () => {
  it('is used before anything else', async () => {
    const path = await writeProgram(
      join(await temporaryFolder(), 'mine'),
      'temporal version 1.7.0 (Server 1.30.0)',
    );
    const cli = await findTemporalCli({
      explicitPath: '/nowhere',
      env: { OPSLOOP_TEMPORAL_CLI: path },
      report: silentReport,
    });
    expect(cli).toEqual({ path, version: '1.7.0', serverVersion: '1.30.0', origin: 'setting' });
  });

  it('is an error of the configuration when it does not work or is too old', async () => {
    const look = (explicitPath: string): Promise<TemporalCli> =>
      findTemporalCli({ explicitPath, env: {}, report: silentReport });
    await expect(look('/nowhere/temporal')).rejects.toMatchObject({ reason: 'invalidInput' });
    const old = await writeProgram(
      join(await temporaryFolder(), 'temporal'),
      'temporal version 1.1.0 (Server 1.25.0)',
    );
    await expect(look(old)).rejects.toThrow(/is version 1\.1\.0; opsloop needs 1\.3 or newer/);
  });
});

describe('PATH', () => {
  it('comes next, and what is too old there is passed over', async () => {
    const env = await bareEnvironment('http://127.0.0.1:9');
    const old = await writeProgram(
      join(await temporaryFolder(), 'temporal'),
      'temporal version 1.1.0 (Server 1.25.0)',
    );
    const good = await writeProgram(
      join(await temporaryFolder(), 'temporal'),
      'temporal version 1.4.1 (Server 1.28.0)',
    );
    const cli = await find({ ...env, PATH: `${dirname(old)}:${dirname(good)}:${env['PATH']}` });
    expect(cli).toMatchObject({ path: good, origin: 'path' });
  });
});

describe('the download', () => {
  it('is verified, shows its progress, and fills the cache', async () => {
    const mirror = await startDownloadMirror({ isRedirecting: true });
    const env = await bareEnvironment(mirror.url);
    const shown: string[] = [];
    const cli = await find(env, { ...silentReport, progress: (text) => shown.push(text) });
    expect(cli).toMatchObject({ origin: 'download', version: '1.8.2', serverVersion: '1.31.2' });
    expect(shown.at(-1)).toMatch(/^Temporal CLI 1\.8\.2 \[#{24}\] 100 %/);
    expect(await readFile(join(temporalCliFolder(env), 'temporal.sha256'), 'utf8')).toMatch(
      /^[0-9a-f]{64} {2}temporal\n$/,
    );

    const again = await find(env);
    expect(again).toMatchObject({ origin: 'cache', path: cli.path });
    expect(mirror.requests).toHaveLength(3);
  });

  it('is thrown away when its checksum is wrong, and the error names every way that was tried', async () => {
    const mirror = await startDownloadMirror({ checksum: 'a'.repeat(64) });
    const env = await bareEnvironment(mirror.url);
    const error: unknown = await find(env).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ reason: 'unavailable' });
    const { message } = error as Error;
    expect(message).toMatch(/PATH: no `temporal` there/);
    expect(message).toMatch(/cache: nothing in /);
    expect(message).toMatch(/download: \S+ has SHA-256 [0-9a-f]{64}, expected a{64}/);
    expect(message).toMatch(/build: (go build failed|no go on PATH)/);
    expect(message).toMatch(/set OPSLOOP_TEMPORAL_CLI/);
    expect(message).toMatch(/set TEMPORAL_ADDRESS/);
    expect(existsSync(temporalCliFolder(env))).toBe(false);
  });

  it('is given up when nothing answers, within ten seconds', async () => {
    const mirror = await startDownloadMirror({ isHanging: true });
    const startedAtMs = performance.now();
    await expect(find(await bareEnvironment(mirror.url))).rejects.toThrow(/no answer within 8 s/);
    expect(performance.now() - startedAtMs).toBeLessThan(11_000);
  });

  it('replaces what is damaged in the cache', async () => {
    const mirror = await startDownloadMirror();
    const env = await bareEnvironment(mirror.url);
    const first = await find(env);
    await appendFile(first.path, 'damage');
    expect(await find(env)).toMatchObject({ origin: 'download' });
    expect(await find(env)).toMatchObject({ origin: 'cache' });
  });

  it('is done by one of two processes that want it at once, and a lock left by a dead one is healed', async () => {
    const mirror = await startDownloadMirror();
    const env = await bareEnvironment(mirror.url);
    const lock = `${temporalCliFolder(env)}.lock`;
    await mkdir(dirname(lock), { recursive: true });
    await writeFile(
      lock,
      JSON.stringify({ pid: 999_999_999, startToken: '1', since: '2026-01-01T00:00:00.000Z' }),
    );
    const program = fileURLToPath(new URL('../support/find-temporal-cli.ts', import.meta.url));
    const run = async (): Promise<TemporalCli> => {
      const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program], { env });
      return JSON.parse(stdout) as TemporalCli;
    };
    const found = await Promise.all([run(), run(), run()]);
    expect(found.map(({ origin }) => origin).sort()).toEqual(['cache', 'cache', 'download']);
    expect(mirror.requests.filter((path) => path.endsWith('.tar.gz'))).toHaveLength(1);
    expect(existsSync(lock)).toBe(false);
  });
});

describe.runIf(findGo(process.env))('the build from source', () => {
  const makeModule = async (main: string): Promise<string> => {
    const source = await temporaryFolder();
    await writeFile(join(source, 'go.mod'), 'module opsloop.invalid/small\n\ngo 1.21\n');
    await writeFile(join(source, 'main.go'), main);
    return source;
  };

  it('compiles with the Go tool and shows what it does', async () => {
    const source = await makeModule('package main\n\nfunc main() { println("temporal") }\n');
    const [workFolder, lines, shown]: [string, string[], string[]] = [await temporaryFolder(), [], []];
    const report: Report = { line: (text) => lines.push(text), progress: (text) => shown.push(text) };
    const binary = await buildTemporalCli({ workFolder, env: process.env, report, source, command: '.' });
    expect(existsSync(binary)).toBe(true);
    expect(lines).toEqual([expect.stringMatching(/from source with .*go; once/)]);
    expect(shown.at(-1)).toMatch(
      /^building the Temporal CLI: \d+s, (\d+ of about \d+ packages compiled|0 modules fetched)/,
    );
  });

  it('says what the compiler says when it fails', async () => {
    const source = await makeModule('package main\n\nfunc main() { unknown() }\n');
    const workFolder = await temporaryFolder();
    const build = buildTemporalCli({
      workFolder,
      env: process.env,
      report: silentReport,
      source,
      command: '.',
    });
    await expect(build).rejects.toThrow(/go build failed: .*undefined: unknown/);
  });
});
