/**
 * systemd does not run where these tests run. A stand-in `systemctl` on PATH proves what we ask and in which order, not what
 * systemd then does; how the drop-in is read is asked of systemd's own parser where `systemd-analyze` is installed.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDeploymentDriver } from '../../src/adapters/deploy/deploy-driver.js';
import type { DriverContext, DriverVersions } from '../../src/adapters/deploy/deployment-driver.js';
import { dropInText } from '../../src/adapters/deploy/systemd-drop-in.js';
import type { DeploymentWay } from '../../src/domain/deployment-settings.js';
import { driverContext } from '../support/driver-context.js';
import { createReleases } from '../support/releases.js';
import { standInProgram } from '../support/stand-in-program.js';
import { temporaryFolder } from '../support/temporary-folder.js';

type SystemdWay = Extract<DeploymentWay, { kind: 'systemd' }>;

const versions = (before: string | null, after: string): DriverVersions => ({
  before: { version: before, snapshot: null },
  after,
  number: 1,
});
const restarted = '--no-ask-password restart -- shop.service';
const reloaded = '--no-ask-password daemon-reload';

/** `$here/seen` gets what `watched` holds at each restart: what the unit would have started with. */
const stand = async (way: Partial<SystemdWay>, watched: string, script = '') => {
  const body = `
case "$*" in
  show*) printf 'LoadState=%s\\nActiveState=active\\nSubState=running\\nMainPID=1\\n' "$(cat "$here/load" 2>/dev/null || echo loaded)"; exit 0 ;;
esac
${script}
cat '${watched}' >> "$here/seen" 2>/dev/null || echo none >> "$here/seen"
`;
  const { path, calls } = await standInProgram('systemctl', body);
  const environment = { PATH: path };
  const folder = path.split(':')[0] ?? '';
  const driver = createDeploymentDriver(
    { kind: 'systemd', unit: 'shop.service', directory: null, dropIn: null, ...way },
    environment,
  );
  /** Without the questions. */
  const actions = async () => (await calls()).filter((call) => !call.startsWith('show'));
  return { driver, actions, folder, context: driverContext({ environment }) };
};
const killed = (context: DriverContext): DriverContext => ({
  ...context,
  run: () => Promise.reject(new Error('killed')),
});

describe('by a release directory', () => {
  const scene = async (live: string | null = 'v1', script = '') => {
    const releases = await createReleases([], null);
    for (const name of ['v1', 'v2', 'v3']) releases.add(name, { name: `${name}\n` });
    if (live !== null) symlinkSync(`releases/${live}`, releases.path('current'));
    const directory = { root: releases.root, keep: 2 };
    const made = await stand({ directory }, releases.path('current', 'name'), script);
    const seen = (): string[] =>
      readFileSync(join(made.folder, 'seen'), 'utf8')
        .split('\n')
        .filter((line) => line !== '');
    return { ...made, releases, seen };
  };

  it('restarts the unit after the switch, and after the way back', async () => {
    const { driver, context, actions, releases, seen } = await scene();
    const before = await driver.current(context);
    expect(before.version).toBe('v1');
    const plan = await driver.plan('v2', before, context);
    expect(plan.steps.at(-1)).toBe(`run systemctl ${restarted}`);
    expect(await actions()).toEqual([]);
    for (let time = 0; time < 2; time += 1) await driver.switch(versions('v1', 'v2'), context);
    expect(await driver.describe(context)).toEqual({
      version: 'v2',
      text: 'current -> releases/v2; shop.service is active',
      isReady: true,
    });
    await driver.undo(versions('v1', 'v2'), context);
    expect(seen()).toEqual(['v2', 'v2', 'v1']);
    await driver.undo(versions('v1', 'v2'), context);
    expect(await actions()).toEqual([restarted, restarted, restarted]);
    await driver.settle(versions('v1', 'v1'), context);
    expect(releases.listReleases()).toEqual(['v1', 'v3']);
    expect(releases.list()).toEqual(['current', 'releases']);
  });

  it('restarts when a kill came before the restart, and says that it is outstanding', async () => {
    const { driver, context, releases, seen } = await scene();
    await expect(driver.switch(versions('v1', 'v2'), killed(context))).rejects.toThrow('killed');
    expect((await driver.describe(context)).text).toBe(
      'current -> releases/v2; shop.service is active; a restart is outstanding',
    );
    await expect(driver.undo(versions('v1', 'v2'), killed(context))).rejects.toThrow('killed');
    expect(releases.target()).toBe('releases/v1');
    await driver.undo(versions('v1', 'v2'), context);
    expect(seen()).toEqual(['v1']);
    expect(releases.list()).toEqual(['current', 'releases']);
  });

  it('leaves no sign of a restart where the link could not be moved', async () => {
    const { driver, context, releases, actions } = await scene('v3');
    for (const step of [driver.switch, driver.undo])
      await expect(step(versions('v1', 'v2'), context)).rejects.toMatchObject({ reason: 'conflict' });
    expect(releases.list()).toEqual(['current', 'releases']);
    expect(await actions()).toEqual([]);
  });

  it('restarts after all when a kill came between the marker and the link', async () => {
    const { driver, context, releases, actions } = await scene();
    writeFileSync(releases.path('.opsloop-restart'), '');
    await driver.undo(versions('v1', 'v2'), context);
    expect(await actions()).toEqual([restarted]);
    expect(releases.list()).toEqual(['current', 'releases']);
  });

  it('stops the unit where nothing was live before', async () => {
    const { driver, context, releases, actions } = await scene(null);
    await driver.switch(versions(null, 'v1'), context);
    await driver.undo(versions(null, 'v1'), context);
    expect(releases.list()).toEqual(['releases']);
    expect(await actions()).toEqual([restarted, '--no-ask-password stop -- shop.service']);
  });

  it('gives back what systemd said when it refuses', async () => {
    const { driver, context } = await scene('v1', 'echo "Failed to restart: Access denied" >&2; exit 4');
    await expect(driver.switch(versions('v1', 'v2'), context)).rejects.toMatchObject({
      reason: 'unavailable',
      message: `systemctl ${restarted}: exit code 4: Failed to restart: Access denied`,
    });
    expect((await driver.describe(context)).text).toContain('a restart is outstanding');
  });

  it('refuses a unit that is not there, and a version that is an attack', async () => {
    const { driver, context, folder } = await scene();
    const before = await driver.current(context);
    for (const version of ['../v1', '--now', 'v1\n', '.'])
      await expect(driver.plan(version, before, context)).rejects.toMatchObject({ field: 'version' });
    writeFileSync(join(folder, 'load'), 'not-found');
    await expect(driver.plan('v2', before, context)).rejects.toMatchObject({
      reason: 'notFound',
      message: expect.stringContaining('no such unit: shop.service') as string,
    });
    expect((await driver.describe(context)).isReady).toBe(false);
  });

  it('says that systemd cannot be asked', async () => {
    const { root } = await createReleases(['v1', 'v2']);
    const directory = { root, keep: 2 };
    const way: DeploymentWay = { kind: 'systemd', unit: 'shop.service', directory, dropIn: null };
    const driver = createDeploymentDriver(way, { PATH: '/no/such/folder' });
    const context = driverContext();
    await expect(driver.plan('v2', await driver.current(context), context)).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringContaining('no program named systemctl on PATH') as string,
    });
    expect(await driver.describe(context)).toMatchObject({ version: 'v1', isReady: null });
  });
});

describe('by a drop-in', () => {
  const scene = async (text: string | null = '[Service]\nEnvironment="SHOP_VERSION=v1"\n') => {
    const path = join(await temporaryFolder(), 'shop.service.d', 'version.conf');
    if (text !== null) {
      mkdirSync(dirname(path));
      writeFileSync(path, text);
    }
    const made = await stand({ dropIn: { variable: 'SHOP_VERSION', path } }, path);
    return { ...made, path, text: () => readFileSync(path, 'utf8'), list: () => readdirSync(dirname(path)) };
  };

  it('writes the version, has systemd read it and restarts, and back', async () => {
    const { driver, context, actions, text, list, path } = await scene();
    const before = await driver.current(context);
    expect(before).toEqual({ version: 'v1', snapshot: null });
    const plan = await driver.plan('v2', before, context);
    expect(plan.changes).toEqual([`SHOP_VERSION in ${path}: v1 -> v2`]);
    expect(plan.steps).toEqual([`write ${path}`, `run systemctl ${reloaded}`, `run systemctl ${restarted}`]);
    for (let time = 0; time < 2; time += 1) {
      await driver.switch(versions('v1', 'v2'), context);
      expect(text()).toBe('[Service]\nEnvironment="SHOP_VERSION=v2"\n');
    }
    expect(await driver.describe(context)).toEqual({
      version: 'v2',
      text: `SHOP_VERSION=v2 in ${path}; shop.service is active`,
      isReady: true,
    });
    for (let time = 0; time < 2; time += 1) {
      await driver.undo(versions('v1', 'v2'), context);
      expect(text()).toBe('[Service]\nEnvironment="SHOP_VERSION=v1"\n');
    }
    expect(await actions()).toEqual([reloaded, restarted, reloaded, restarted, reloaded, restarted]);
    expect(list()).toEqual(['version.conf']);
  });

  it('is made for the first deployment, and removed again', async () => {
    const { driver, context, actions, text, list } = await scene(null);
    const before = await driver.current(context);
    expect(before.version).toBeNull();
    await driver.plan('v1', before, context);
    await driver.prepare(versions(null, 'v1'), context);
    await driver.switch(versions(null, 'v1'), context);
    expect(text()).toBe('[Service]\nEnvironment="SHOP_VERSION=v1"\n');
    for (let time = 0; time < 2; time += 1) await driver.undo(versions(null, 'v1'), context);
    expect(list()).toEqual([]);
    expect(await actions()).toEqual([reloaded, restarted, reloaded, restarted]);
  });

  it('goes on where a kill left a half-written file, or no restart', async () => {
    const { driver, context, path, text, list, actions } = await scene();
    writeFileSync(`${path}.opsloop-new`, '[Serv');
    expect((await driver.describe(context)).text).toContain(`${path}.opsloop-new is left over`);
    await expect(driver.switch(versions('v1', 'v2'), killed(context))).rejects.toThrow('killed');
    expect(text()).toContain('v2');
    writeFileSync(`${path}.opsloop-new`, '[Serv');
    await driver.undo(versions('v1', 'v2'), context);
    expect(text()).toContain('v1');
    expect(await actions()).toEqual([reloaded, restarted]);
    expect(list()).toEqual(['version.conf']);
  });

  it('writes through no link that lies in its way', async () => {
    const { driver, context, path, text } = await scene();
    const precious = join(await temporaryFolder(), 'precious');
    writeFileSync(precious, 'kept');
    symlinkSync(precious, `${path}.opsloop-new`);
    await driver.switch(versions('v1', 'v2'), context);
    expect(text()).toContain('v2');
    expect(readFileSync(precious, 'utf8')).toBe('kept');
  });

  it('leaves a file alone that says more, or that somebody else has changed', async () => {
    const more = '[Service]\nEnvironment="SHOP_VERSION=v1"\nLimitNOFILE=9\n';
    const { driver, context, text, actions, path } = await scene(more);
    await expect(driver.current(context)).rejects.toMatchObject({
      reason: 'invalidInput',
      message: `${path} does not set SHOP_VERSION and nothing else, so it is not opsloop's file: move it away, or give another path`,
    });
    for (const step of [driver.switch, driver.undo])
      await expect(step(versions('v1', 'v2'), context)).rejects.toMatchObject({ reason: 'invalidInput' });
    expect(text()).toBe(more);
    writeFileSync(path, dropInText('SHOP_VERSION', 'v9'));
    for (const step of [driver.switch, driver.undo])
      await expect(step(versions('v1', 'v2'), context)).rejects.toMatchObject({ reason: 'conflict' });
    rmSync(path);
    symlinkSync('/dev/null', path);
    expect(await driver.describe(context)).toMatchObject({ version: null });
    await expect(driver.current(context)).rejects.toMatchObject({ reason: 'invalidInput' });
    expect(await actions()).toEqual([]);
  });

  it('refuses names that would become another setting, and paths that systemd does not read', async () => {
    const { driver, context, text } = await scene();
    const before = await driver.current(context);
    const was = text();
    for (const version of ['v2"\nUser=root', 'v2\n', '-v', '', 'v\u0000'])
      for (const attempt of [
        driver.plan(version, before, context),
        driver.switch(versions('v1', version), context),
      ])
        await expect(attempt).rejects.toMatchObject({ reason: 'invalidInput', field: 'version' });
    expect(text()).toBe(was);
    const folder = await temporaryFolder();
    const wrong = await stand(
      { dropIn: { variable: 'SHOP_VERSION', path: join(folder, 'version') } },
      '/dev/null',
    );
    await expect(
      wrong.driver.plan('v2', { version: null, snapshot: null }, wrong.context),
    ).rejects.toMatchObject({ field: 'via.systemd.dropIn' });
  });

  const hasParser = spawnSync('systemd-analyze', ['--version']).status === 0;
  it.skipIf(!hasParser)('is read by systemd itself as it was meant', async () => {
    const folder = await temporaryFolder();
    const unit = join(folder, 'shop.service');
    mkdirSync(`${unit}.d`);
    writeFileSync(unit, '[Service]\nExecStart=/bin/true\n');
    for (const name of ['basic', 'sysinit', 'shutdown'])
      writeFileSync(join(folder, `${name}.target`), `[Unit]\nDescription=${name}\n`);
    const names = [
      'v1',
      'a"b',
      'a\\b',
      'end\\',
      '%i%%n',
      "it's",
      '$HOME',
      '# ;x',
      'a  b',
      'ghcr.io/a:1',
      'ü',
    ];
    for (const version of names) {
      writeFileSync(join(`${unit}.d`, 'version.conf'), dropInText('SHOP_VERSION', version));
      const { stdout, stderr } = spawnSync('systemd-analyze', ['verify', unit], {
        env: { ...process.env, SYSTEMD_UNIT_PATH: folder, SYSTEMD_LOG_LEVEL: 'debug' },
        encoding: 'utf8',
      });
      const [, read] = /^\s*Environment: (SHOP_VERSION=.*)$/m.exec(stdout + stderr) ?? [];
      expect(read).toBe(`SHOP_VERSION=${version}`);
    }
  });
});

it('has to be told where the version is', () => {
  const nothing: DeploymentWay = { kind: 'systemd', unit: 'shop.service', directory: null, dropIn: null };
  expect(() => createDeploymentDriver(nothing, {})).toThrow('via.systemd does not say where the version is');
});
