/** The real PM2 with a home of its own. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createSupervisor } from '../../src/adapters/supervisors/supervisor.js';
import { createPm2Home, whyNoPm2, type Pm2Home } from '../support/pm2-home.js';
import { isAlive } from '../support/process-existence.js';
import { standInProgram } from '../support/stand-in-program.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const limit = { timeoutMs: 20_000 };
const skipped = whyNoPm2 === null ? '' : ` (skipped: ${whyNoPm2})`;

describe.skipIf(whyNoPm2 !== null)(`apps of a running PM2${skipped}`, { timeout: 60_000 }, () => {
  let pm2: Pm2Home;
  const app = (name: string) => createSupervisor({ kind: 'pm2', app: name }, pm2.environment);
  const status = (name: string) => app(name).status(limit);

  beforeAll(async () => {
    pm2 = await createPm2Home();
    await pm2.startApp('api', '--max-memory-restart', '200M');
  }, 60_000);
  afterAll(() => pm2.stop(), 60_000);

  it('tells pid, memory, its limit, CPU and restarts', async () => {
    await expect
      .poll(async () => (await status('api')).memoryBytes, { timeout: 20_000 })
      .toBeGreaterThan(1_000_000);
    const seen = await status('api');
    expect(seen).toMatchObject({
      state: 'running',
      memoryLimitBytes: 200 * 1024 * 1024,
      restarts: 0,
      detail: null,
    });
    expect(isAlive(seen.pid ?? 0)).toBe(true);
    expect(seen.cpuPercent).toBeGreaterThanOrEqual(0);
  });

  it('restarts, reloads, stops and starts, and counts restarts', async () => {
    const before = await status('api');
    const restarted = await app('api').restart(limit);
    expect(restarted).toMatchObject({ method: 'exec', isSuccess: true, exitCode: 0, error: null });
    expect(restarted.endpoint.endsWith('pm2 restart api')).toBe(true);
    const after = await status('api');
    expect(after).toMatchObject({ state: 'running', restarts: 1 });
    expect(after.pid).not.toBe(before.pid);
    expect(await app('api').reload(limit)).toMatchObject({ isSuccess: true });
    expect(await app('api').stop(limit)).toMatchObject({ isSuccess: true });
    expect(await status('api')).toMatchObject({ state: 'stopped', pid: null, memoryBytes: null });
    expect((await status('api')).detail).toContain('pm2 says stopped');
    expect(await app('api').start(limit)).toMatchObject({ isSuccess: true });
    expect(await status('api')).toMatchObject({ state: 'running' });
  });

  it('adds up the instances of a cluster, and calls it running only when all run', async () => {
    await pm2.startApp('duo', '-i', '2');
    await expect
      .poll(async () => (await status('duo')).memoryBytes, { timeout: 20_000 })
      .toBeGreaterThan(40_000_000);
    expect(await status('duo')).toMatchObject({ state: 'running', pid: null, restarts: 0 });
    const listed = JSON.parse(await pm2.pm2('jlist')) as { name: string; pm_id: number }[];
    const [first] = listed.filter(({ name }) => name === 'duo');
    await pm2.pm2('stop', String(first?.pm_id));
    expect(await status('duo')).toMatchObject({
      state: 'stopped',
      detail: expect.stringContaining('1 of 2 instances run; the others: pm2 says stopped') as string,
    });
  });

  it('tells an app that gave up restarting, with its exit code', async () => {
    await pm2.startScript('crash', 'process.exit(7);\n', '--max-restarts', '2');
    await expect
      .poll(async () => (await status('crash')).detail, { timeout: 30_000 })
      .toMatch(/^pm2 says errored after exit code 7, \d+ restarts$/);
  });

  it('says that there is no such app, and does not invent one', async () => {
    expect(await status('nope')).toMatchObject({
      state: 'stopped',
      detail: 'pm2 has no app named nope; see pm2 list',
    });
    const refused = await app('nope').restart(limit);
    expect(refused).toMatchObject({ isSuccess: false, exitCode: 1 });
    expect(refused.error).toContain('nope not found');
  });

  it('lists once for all who ask at the same time', async () => {
    const { path, calls } = await standInProgram('pm2', `exec '${pm2.environment['OPSLOOP_PM2']}' "$@"`);
    const environment = { ...pm2.environment, OPSLOOP_PM2: '', PATH: path };
    const ask = () => createSupervisor({ kind: 'pm2', app: 'api' }, environment).status(limit);
    const seen = await Promise.all([ask(), ask(), ask()]);
    expect(seen.map(({ state }) => state)).toEqual(['running', 'running', 'running']);
    expect(await calls()).toEqual(['jlist']);
  });
});

describe('a PM2 that cannot be asked', () => {
  /** Something that accepts connections where PM2's daemon would. */
  const listeningHome = async (): Promise<string> => {
    const home = await temporaryFolder();
    const server = createServer().listen(join(home, 'rpc.sock'));
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    return home;
  };
  const statusWith = async (script: string, timeoutMs = 5_000) => {
    const { path } = await standInProgram('pm2', script);
    const environment = { PATH: path, PM2_HOME: await listeningHome() };
    return createSupervisor({ kind: 'pm2', app: 'api' }, environment).status({ timeoutMs });
  };

  it('is not woken by a check or an action', async () => {
    const home = join(await temporaryFolder(), 'home');
    await mkdir(home);
    const { path, calls } = await standInProgram('pm2', 'exit 0');
    const supervisor = createSupervisor({ kind: 'pm2', app: 'api' }, { PATH: path, PM2_HOME: home });
    const noDaemon = expect.stringContaining(`no PM2 daemon answers at ${home}/rpc.sock`) as string;
    expect(await supervisor.status(limit)).toMatchObject({ state: 'stopped', detail: noDaemon });
    expect(await supervisor.restart(limit)).toMatchObject({
      isSuccess: false,
      exitCode: null,
      error: noDaemon,
    });
    expect(await calls()).toEqual([]);
    expect(existsSync(join(home, 'pm2.log'))).toBe(false);
  });

  it('finds the list between banners and notices', async () => {
    const list =
      '[{"name":"api","pm_id":0,"pid":5,"monit":{"memory":7,"cpu":1},"pm2_env":{"status":"online"}}]';
    const script = `cat <<'END'\n>>>> In-memory PM2 is out-of-date\n[PM2] notice\n[]x\n${list}\n[PM2] and another\nEND`;
    expect(await statusWith(script)).toMatchObject({
      state: 'running',
      pid: 5,
      memoryBytes: 7,
      restarts: null,
    });
  });

  it('is unknown without a list, with a failing program, and with one that hangs', async () => {
    expect(await statusWith('echo hello')).toMatchObject({
      state: 'unknown',
      detail: 'pm2 jlist printed no list of processes',
    });
    expect((await statusWith('echo secret; echo broken >&2; exit 1')).detail).toBe(
      'pm2 cannot be asked: exit code 1: broken',
    );
    expect((await statusWith('exec sleep 300', 200)).detail).toContain('pm2 did not end within 200ms');
    const environment = { PATH: '/no/such/folder', PM2_HOME: await listeningHome() };
    const { detail } = await createSupervisor({ kind: 'pm2', app: 'api' }, environment).status(limit);
    expect(detail).toContain('no program named pm2 on PATH');
  });
});
