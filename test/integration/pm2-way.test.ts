/** Deploying apps of the real PM2, which has a home of its own. */
import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createDeploymentDriver } from '../../src/adapters/deploy/deploy-driver.js';
import type { DriverContext, DriverVersions } from '../../src/adapters/deploy/deployment-driver.js';
import type { DeploymentWay } from '../../src/domain/deployment-settings.js';
import { driverContext } from '../support/driver-context.js';
import { eventually } from '../support/eventually.js';
import { createPm2Home, whyNoPm2, type Pm2Home } from '../support/pm2-home.js';
import { createReleases, type Releases } from '../support/releases.js';
import { standInProgram } from '../support/stand-in-program.js';
import { temporaryFolder } from '../support/temporary-folder.js';

type Pm2Way = Extract<DeploymentWay, { kind: 'pm2' }>;

const skipped = whyNoPm2 === null ? '' : ` (skipped: ${whyNoPm2})`;
const versions = (before: string | null, after: string): DriverVersions => ({
  before: { version: before, snapshot: null },
  after,
  number: 1,
});

/** An app that writes down which release it is, what its interpreter got and where it runs, each time it starts. */
const app = (version: string): string => `
require('node:fs').appendFileSync(__dirname + '/../../starts', JSON.stringify({
  version: '${version}', args: process.execArgv, port: process.env.PORT, secret: process.env.OPSLOOP_SECRET,
}) + '\\n');
setInterval(() => {}, 1000);
`;

interface Start {
  version: string;
  args: string[];
  port?: string;
  secret?: string;
}
const startsOf = (releases: Releases): Start[] =>
  !existsSync(releases.path('starts'))
    ? []
    : readFileSync(releases.path('starts'), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Start);

/** Waits for that many starts; gives the last. */
const start = (releases: Releases, count: number): Promise<Start> =>
  eventually(`start ${count}`, () => {
    const starts = startsOf(releases);
    if (starts.length > count) throw new Error(`${starts.length} starts instead of ${count}`);
    return starts.length === count ? starts.at(-1) : null;
  });

describe.skipIf(whyNoPm2 !== null)(`apps of a running PM2${skipped}`, { timeout: 60_000 }, () => {
  let pm2: Pm2Home;
  beforeAll(async () => {
    pm2 = await createPm2Home();
  });
  afterAll(() => pm2.stop(), 60_000);

  const commands: string[][] = [];
  const context = (changes: Partial<DriverContext> = {}): DriverContext => {
    const base = driverContext({
      environment: { ...pm2.environment, OPSLOOP_SECRET: 'of the worker', PORT: '1' },
    });
    commands.length = 0;
    const run: DriverContext['run'] = (name, command, options) => {
      commands.push(command.slice(1));
      return base.run(name, command, options);
    };
    return { ...base, run, ...changes };
  };
  const driverOf = (way: Pick<Pm2Way, 'app'> & Partial<Pm2Way>) =>
    createDeploymentDriver(
      { kind: 'pm2', directory: null, interpreterArguments: null, ...way },
      pm2.environment,
    );

  /** `instances` start, and each writes a line. */
  const sceneOf = async (instances: number, name: string, ...args: string[]) => {
    const releases = await createReleases([]);
    for (const version of ['v1', 'v2', 'v3']) releases.add(version, { 'app.js': app(version) });
    symlinkSync('releases/v1', releases.path('current'));
    await pm2.pm2('start', releases.path('current', 'app.js'), '--name', name, ...args);
    onTestFinished(async () => void (await pm2.pm2('delete', name)));
    await start(releases, instances);
    const directory = { root: releases.root, keep: 2 };
    return { releases, directory, driver: driverOf({ app: name, directory }) };
  };
  const scene = (name: string, ...args: string[]) => sceneOf(1, name, ...args);

  describe('by a release directory', () => {
    it('reloads the release that the link leads to, and back', async () => {
      const { releases, driver } = await scene('shop');
      const before = await driver.current(context());
      expect(before).toEqual({ version: 'v1', snapshot: null });
      const plan = await driver.plan('v2', before, context());
      expect(plan.changes).toEqual([`${releases.root}/current: releases/v1 -> releases/v2`]);
      expect(plan.steps.at(-1)).toMatch(/^run \S*pm2 reload shop --force$/);
      await driver.prepare(versions('v1', 'v2'), context());
      expect(startsOf(releases)).toHaveLength(1);
      await driver.switch(versions('v1', 'v2'), context());
      // The environment is still the app's own: nothing of the worker's has come in.
      expect(await start(releases, 2)).toEqual({ version: 'v2', args: [] });
      expect(commands).toEqual([['reload', 'shop', '--force']]);
      expect(await driver.describe(context())).toEqual({
        version: 'v2',
        text: 'current -> releases/v2; 1 of 1 instances of shop online',
        isReady: true,
      });
      await driver.undo(versions('v1', 'v2'), context());
      expect((await start(releases, 3)).version).toBe('v1');
      // Nothing is left to do.
      await driver.undo(versions('v1', 'v2'), context());
      expect(commands).toEqual([]);
      await driver.settle(versions('v1', 'v1'), context());
      expect(releases.listReleases()).toEqual(['v1', 'v3']);
    });

    it('restarts every instance of a cluster', async () => {
      const { releases, driver } = await sceneOf(2, 'many', '-i', '2', '--listen-timeout', '200');
      await driver.switch(versions('v1', 'v2'), context());
      await start(releases, 4);
      expect(startsOf(releases).map(({ version }) => version)).toEqual(['v1', 'v1', 'v2', 'v2']);
      expect(await driver.describe(context())).toMatchObject({
        text: 'current -> releases/v2; 2 of 2 instances of many online',
        isReady: true,
      });
    });

    it('leaves the app alone where nothing was switched', async () => {
      const { releases, driver } = await scene('calm');
      await driver.undo(versions('v1', 'v2'), context());
      expect(commands).toEqual([]);
      expect(startsOf(releases)).toHaveLength(1);
    });

    it('reloads when a kill came between the link and the reload, forward and back', async () => {
      const { releases, driver } = await scene('cut');
      const killed = context({ run: () => Promise.reject(new Error('killed')) });
      await expect(driver.switch(versions('v1', 'v2'), killed)).rejects.toThrow('killed');
      expect((await driver.describe(context())).text).toBe(
        'current -> releases/v2; 1 of 1 instances of cut online; a restart is outstanding',
      );
      await driver.switch(versions('v1', 'v2'), context());
      expect((await start(releases, 2)).version).toBe('v2');
      await expect(driver.undo(versions('v1', 'v2'), killed)).rejects.toThrow('killed');
      expect(releases.target()).toBe('releases/v1');
      await driver.undo(versions('v1', 'v2'), context());
      expect((await start(releases, 3)).version).toBe('v1');
      expect((await driver.describe(context())).text).not.toContain('outstanding');
      expect(releases.list()).toEqual(['current', 'releases', 'starts']);
    });

    it('is not held up by the lock of a reload that was killed', async () => {
      const { releases, driver } = await scene('locked');
      writeFileSync(join(pm2.home, 'reload.lock'), String(Date.now()));
      await expect(pm2.pm2('reload', 'locked')).rejects.toThrow('Reload already in progress');
      await driver.switch(versions('v1', 'v2'), context());
      expect((await start(releases, 2)).version).toBe('v2');
    });

    it('says what is missing when the release before is gone, and touches nothing', async () => {
      const { releases, driver } = await scene('gone');
      await driver.switch(versions('v1', 'v2'), context());
      await start(releases, 2);
      rmSync(releases.path('releases', 'v1'), { recursive: true });
      await expect(driver.undo(versions('v1', 'v2'), context())).rejects.toMatchObject({
        reason: 'notFound',
        message: expect.stringContaining('cannot go back to v1') as string,
      });
      expect(commands).toEqual([]);
      expect(await driver.describe(context())).toMatchObject({
        version: 'v2',
        text: 'current -> releases/v2; 1 of 1 instances of gone online',
      });
    });

    it('stops the app where nothing was live before', async () => {
      const { releases, driver } = await scene('first');
      await driver.undo(versions(null, 'v1'), context());
      expect(releases.list()).toEqual(['releases', 'starts']);
      expect(await driver.describe(context())).toMatchObject({ version: null, isReady: false });
      expect((await driver.describe(context())).text).toContain('pm2 says stopped');
    });

    it('refuses an app that PM2 does not run by way of the link', async () => {
      const { releases, directory } = await scene('good');
      const pinned = releases.path('releases', 'v1');
      const ways = [
        { script: join(pinned, 'app.js'), folder: '/' },
        { script: releases.path('current', 'app.js'), folder: pinned },
      ];
      for (const [index, { script, folder }] of ways.entries()) {
        const name = `pinned-${index}`;
        await pm2.pm2('start', script, '--name', name, '--cwd', folder);
        onTestFinished(async () => void (await pm2.pm2('delete', name)));
        const driver = driverOf({ app: name, directory });
        const before = await driver.current(context());
        await expect(driver.plan('v2', before, context())).rejects.toMatchObject({
          reason: 'invalidInput',
          message: expect.stringContaining(
            `pm2 runs ${name} from ${script} in ${folder}, not by way of ${releases.root}/current alone`,
          ) as string,
        });
      }
    });

    it('takes an app that PM2 knows by the real path of the root', async () => {
      const { releases, driver: real } = await scene('linked');
      const root = join(await temporaryFolder(), 'shop');
      symlinkSync(releases.root, root);
      const driver = driverOf({ app: 'linked', directory: { root, keep: 2 } });
      const before = await driver.current(context());
      expect(before).toEqual(await real.current(context()));
      expect((await driver.plan('v2', before, context())).versionAfter).toBe('v2');
    });

    it('refuses what is no release, a release without the script, and an app that is not there', async () => {
      const { releases, directory, driver } = await scene('strict');
      const before = await driver.current(context());
      await expect(driver.plan('../x', before, context())).rejects.toMatchObject({ reason: 'invalidInput' });
      releases.add('v4');
      await expect(driver.plan('v4', before, context())).rejects.toMatchObject({
        reason: 'notFound',
        message: expect.stringContaining('/releases/v4/app.js is missing') as string,
      });
      await expect(driverOf({ app: 'nope', directory }).plan('v2', before, context())).rejects.toMatchObject({
        reason: 'notFound',
        message: `pm2 has no app named nope: start it once, for example pm2 start ${releases.root}/current/app.js --name nope`,
      });
    });
  });

  describe('by arguments of the interpreter', () => {
    const interpreterArguments = ['--title=shop-{version}', '--trace-warnings'];

    it('restarts with others, and back, and keeps the environment', async () => {
      const { releases } = await scene('titled', '--node-args', '--title=shop-v1 --trace-warnings');
      const driver = driverOf({ app: 'titled', interpreterArguments });
      const before = await driver.current(context());
      expect(before).toEqual({ version: 'v1', snapshot: null });
      const plan = await driver.plan('v2', before, context());
      expect(plan.changes).toEqual([
        'interpreter arguments of titled: --title=shop-v1 --trace-warnings -> --title=shop-v2 --trace-warnings',
      ]);
      await driver.switch(versions('v1', 'v2'), context());
      expect(await start(releases, 2)).toEqual({
        version: 'v1',
        args: ['--title=shop-v2', '--trace-warnings'],
      });
      expect(await driver.describe(context())).toEqual({
        version: 'v2',
        text: 'interpreter arguments of titled: --title=shop-v2 --trace-warnings; 1 of 1 instances of titled online',
        isReady: true,
      });
      await driver.undo(versions('v1', 'v2'), context());
      expect((await start(releases, 3)).args).toEqual(['--title=shop-v1', '--trace-warnings']);
      await driver.undo(versions('v1', 'v2'), context());
      expect(commands).toEqual([]);
      expect((await driver.current(context())).version).toBe('v1');
    });

    it('refuses an app with other arguments, which PM2 would throw away', async () => {
      await scene('other', '--node-args', '--title=shop-v1 --no-deprecation');
      const driver = driverOf({ app: 'other', interpreterArguments });
      const before = await driver.current(context());
      expect(before.version).toBeNull();
      await expect(driver.plan('v2', before, context())).rejects.toMatchObject({
        reason: 'invalidInput',
        message: expect.stringContaining(
          'pm2 runs other with the interpreter arguments --title=shop-v1 --no-deprecation',
        ) as string,
      });
    });

    it.each(['a b', '--flag', 'v1\n', ''])('refuses a version that is an attack: %j', async (version) => {
      await scene('safe', '--node-args', '--title=shop-v1 --trace-warnings');
      const driver = driverOf({ app: 'safe', interpreterArguments });
      const before = await driver.current(context());
      await expect(driver.plan(version, before, context())).rejects.toMatchObject({
        reason: 'invalidInput',
        field: 'version',
      });
      await expect(driver.switch(versions('v1', version), context())).rejects.toMatchObject({
        reason: 'invalidInput',
      });
      expect(commands).toEqual([]);
    });

    it('refuses a template that PM2 would split, or that holds no version', async () => {
      await scene('odd');
      for (const wrong of [['--title={version} x'], ['--trace-warnings']]) {
        const driver = driverOf({ app: 'odd', interpreterArguments: wrong });
        const before = { version: 'v1', snapshot: null };
        await expect(driver.plan('v2', before, context())).rejects.toMatchObject({
          field: 'via.pm2.interpreterArguments',
        });
      }
    });
  });
});

it('wakes no daemon that is not there', async () => {
  const home = await temporaryFolder();
  const { path, calls } = await standInProgram('pm2', 'exit 0');
  const releases = await createReleases(['v1', 'v2']);
  const environment = { PATH: path, PM2_HOME: home };
  const context = driverContext({ environment });
  const noDaemon = `no PM2 daemon answers at ${home}/rpc.sock`;
  const ways: Partial<Pm2Way>[] = [
    { directory: { root: releases.root, keep: 2 } },
    { interpreterArguments: ['--title={version}'] },
  ];
  for (const way of ways) {
    const driver = createDeploymentDriver(
      { kind: 'pm2', app: 'shop', directory: null, interpreterArguments: null, ...way },
      environment,
    );
    const before = { version: 'v1', snapshot: null };
    await expect(driver.plan('v2', before, context)).rejects.toMatchObject({
      reason: 'unavailable',
      message: expect.stringContaining(noDaemon) as string,
    });
    await expect(driver.switch(versions('v1', 'v2'), context)).rejects.toThrow(noDaemon);
    await expect(driver.undo(versions('v1', 'v2'), context)).rejects.toThrow(noDaemon);
    expect(await driver.describe(context)).toMatchObject({
      isReady: null,
      text: expect.stringContaining(noDaemon) as string,
    });
  }
  expect(await calls()).toEqual([]);
  expect(existsSync(join(home, 'pm2.log'))).toBe(false);
});

it('has to be told where the version is', () => {
  const nothing: DeploymentWay = { kind: 'pm2', app: 'shop', directory: null, interpreterArguments: null };
  expect(() => createDeploymentDriver(nothing, {})).toThrow('via.pm2 does not say where the version is');
});
