/** Switching release directories in a real file system. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDeploymentDriver } from '../../src/adapters/deploy/deploy-driver.js';
import type { DriverVersions } from '../../src/adapters/deploy/deployment-driver.js';
import { driverContext } from '../support/driver-context.js';
import { createReleases, type Releases } from '../support/releases.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const context = driverContext();
const driverOf = ({ root }: Releases, keep = 5) =>
  createDeploymentDriver({ kind: 'directory', root, keep }, process.env);
const versions = (before: string | null, after: string): DriverVersions => ({
  before: { version: before, snapshot: null },
  after,
  number: 1,
});
const plan = async (releases: Releases, version: string) => {
  const driver = driverOf(releases);
  return driver.plan(version, await driver.current(context), context);
};

it('switches, and back, whoever often it is asked', async () => {
  const releases = await createReleases(['v1', 'v2']);
  const driver = driverOf(releases);
  expect(await driver.current(context)).toEqual({ version: 'v1', snapshot: null });
  expect(await plan(releases, 'v2')).toEqual({
    versionAfter: 'v2',
    changes: [`${releases.root}/current: releases/v1 -> releases/v2`],
    steps: [`replace the link ${releases.root}/current by one to releases/v2`],
  });
  expect(releases.target()).toBe('releases/v1');
  for (let time = 0; time < 2; time += 1) {
    await driver.prepare(versions('v1', 'v2'), context);
    await driver.switch(versions('v1', 'v2'), context);
    expect(releases.target()).toBe('releases/v2');
  }
  expect(await driver.describe(context)).toEqual({
    version: 'v2',
    text: 'current -> releases/v2',
    isReady: null,
  });
  for (let time = 0; time < 2; time += 1) {
    await driver.undo(versions('v1', 'v2'), context);
    expect(releases.target()).toBe('releases/v1');
  }
  expect(releases.list()).toEqual(['current', 'releases']);
});

it('leaves the very link alone where nothing was switched', async () => {
  const releases = await createReleases(['v1', 'v2']);
  const before = lstatSync(releases.path('current')).ino;
  await driverOf(releases).undo(versions('v1', 'v2'), context);
  expect(lstatSync(releases.path('current')).ino).toBe(before);
});

it('never lets anybody see no release', async () => {
  const releases = await createReleases(['v1', 'v2']);
  for (const name of ['v1', 'v2']) writeFileSync(releases.path('releases', name, 'name'), name);
  const driver = driverOf(releases);
  let isOver = false;
  const seen = new Set<string>();
  const look = async (): Promise<void> => {
    while (!isOver) {
      seen.add(readFileSync(releases.path('current', 'name'), 'utf8'));
      await new Promise(setImmediate);
    }
  };
  const looking = look();
  for (let time = 0; time < 50; time += 1) {
    await driver.switch(versions('v1', 'v2'), context);
    await driver.undo(versions('v1', 'v2'), context);
  }
  isOver = true;
  await looking;
  expect([...seen].sort()).toEqual(['v1', 'v2']);
});

describe('the first deployment', () => {
  it('goes from nothing, and back to nothing', async () => {
    const releases = await createReleases(['v1'], null);
    const driver = driverOf(releases);
    expect((await driver.current(context)).version).toBeNull();
    expect((await plan(releases, 'v1')).changes).toEqual([
      `${releases.root}/current: nothing -> releases/v1`,
    ]);
    for (let time = 0; time < 2; time += 1) await driver.switch(versions(null, 'v1'), context);
    expect(releases.target()).toBe('releases/v1');
    for (let time = 0; time < 2; time += 1) await driver.undo(versions(null, 'v1'), context);
    expect(releases.list()).toEqual(['releases']);
    expect(await driver.describe(context)).toMatchObject({
      version: null,
      text: `${releases.root}/current is missing`,
    });
  });

  it('removes nothing that somebody else has put there', async () => {
    const releases = await createReleases(['v1', 'v9'], 'v9');
    await expect(driverOf(releases).undo(versions(null, 'v1'), context)).rejects.toMatchObject({
      reason: 'conflict',
    });
    expect(releases.target()).toBe('releases/v9');
  });
});

describe('after a kill', () => {
  it.each(['v1', 'v2', 'gone'])(
    'replaces a new link to %s that was not yet put in place',
    async (leftover) => {
      const releases = await createReleases(['v1', 'v2']);
      const driver = driverOf(releases);
      const leave = (): void => symlinkSync(`releases/${leftover}`, releases.path('.current.opsloop-new'));
      leave();
      expect((await driver.describe(context)).text).toBe(
        'current -> releases/v1; .current.opsloop-new is left of a switch that was cut',
      );
      await driver.switch(versions('v1', 'v2'), context);
      expect(releases.target()).toBe('releases/v2');
      expect(releases.list()).toEqual(['current', 'releases']);
      leave();
      await driver.undo(versions('v1', 'v2'), context);
      expect(releases.target()).toBe('releases/v1');
      expect(releases.list()).toEqual(['current', 'releases']);
    },
  );

  it('puts the one before back where the link has vanished', async () => {
    const releases = await createReleases(['v1', 'v2'], null);
    await driverOf(releases).undo(versions('v1', 'v2'), context);
    expect(releases.target()).toBe('releases/v1');
  });

  it('by SIGKILL, at any instant, leads to a release and goes on', { timeout: 60_000 }, async () => {
    const releases = await createReleases(['v1', 'v2']);
    const driver = driverOf(releases);
    const source = resolve('src/adapters/deploy/directory-way.ts');
    const program = `
      const { directoryWay } = await import(${JSON.stringify(source)});
      const driver = directoryWay({ kind: 'directory', root: ${JSON.stringify(releases.root)}, keep: 2 });
      const versions = { before: { version: 'v1', snapshot: null }, after: 'v2', number: 1 };
      const context = { report: () => {} };
      for (let time = 0; ; time += 1) {
        await driver.switch(versions, context);
        await driver.undo(versions, context);
        if (time === 3) process.send('going');
      }`;
    const arguments_ = ['--import', 'tsx', '--input-type=module', '--eval', program];
    for (let time = 0; time < 8; time += 1) {
      const child = spawn(process.execPath, arguments_, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      const ended = once(child, 'exit');
      await Promise.race([once(child, 'message'), ended]);
      child.kill('SIGKILL');
      expect((await ended)[1]).toBe('SIGKILL');
      expect(['v1', 'v2']).toContain((await driver.describe(context)).version);
      const step = time % 2 === 0 ? driver.switch : driver.undo;
      await step(versions('v1', 'v2'), context);
      expect(releases.target()).toBe(time % 2 === 0 ? 'releases/v2' : 'releases/v1');
      expect(releases.list()).toEqual(['current', 'releases']);
    }
  });

  it('does not take a directory of that name for a leftover', async () => {
    const releases = await createReleases(['v1', 'v2']);
    mkdirSync(releases.path('.current.opsloop-new'));
    await expect(driverOf(releases).switch(versions('v1', 'v2'), context)).rejects.toThrow('is in the way');
    expect(releases.target()).toBe('releases/v1');
  });
});

it('says exactly what is there when the release before is gone, and leaves the link', async () => {
  const releases = await createReleases(['v1', 'v2', 'v3'], 'v2');
  rmSync(releases.path('releases', 'v1'), { recursive: true });
  const undo = driverOf(releases).undo(versions('v1', 'v2'), context);
  await expect(undo).rejects.toMatchObject({ name: 'OpsError', reason: 'notFound', retryable: false });
  await expect(undo).rejects.toThrow(
    `cannot go back to v1: the directory ${releases.root}/releases/v1 is missing; ` +
      `${releases.root}/current -> releases/v2 stays as it is; there are: v2, v3. ` +
      'Put v1 back there, or deploy another version',
  );
  expect(releases.target()).toBe('releases/v2');
});

it('says that the live release is missing, and goes on to one that is there', async () => {
  const releases = await createReleases(['v1', 'v2']);
  rmSync(releases.path('releases', 'v1'), { recursive: true });
  expect((await driverOf(releases).describe(context)).text).toBe('current -> releases/v1 (missing)');
  expect((await plan(releases, 'v2')).changes[0]).toContain('releases/v1 (missing) -> releases/v2');
});

it('does not overwrite what somebody else has switched to meanwhile', async () => {
  const releases = await createReleases(['v1', 'v2', 'v9'], 'v9');
  const driver = driverOf(releases);
  for (const step of [driver.switch, driver.undo])
    await expect(step(versions('v1', 'v2'), context)).rejects.toMatchObject({
      reason: 'conflict',
      message: expect.stringContaining('current -> releases/v9, which is neither v1 nor v2') as string,
    });
  expect(releases.target()).toBe('releases/v9');
});

describe('a `current` that is no link to a release', () => {
  const refused = async (releases: Releases, words: string) => {
    const driver = driverOf(releases);
    const nothing = { version: null, snapshot: null };
    for (const asked of [driver.current(context), driver.plan('v1', nothing, context)])
      await expect(asked).rejects.toMatchObject({ reason: 'invalidInput', retryable: false });
    for (const step of [driver.switch, driver.undo])
      await expect(step(versions(null, 'v1'), context)).rejects.toThrow(words);
    expect(await driver.describe(context)).toMatchObject({
      version: null,
      text: expect.stringContaining(words) as string,
    });
  };

  it('is refused with what to do when it is a directory', async () => {
    const releases = await createReleases(['v1'], null);
    mkdirSync(releases.path('current'));
    await refused(releases, `${releases.root}/current is a directory, not a link: move it to`);
    await refused(releases, `then ln -s releases/v1 ${releases.root}/current`);
    expect(lstatSync(releases.path('current')).isDirectory()).toBe(true);
  });

  it('is refused when it is a file, or leads elsewhere', async () => {
    const releases = await createReleases(['v1'], null);
    writeFileSync(releases.path('current'), 'mine');
    await refused(releases, 'is a file, not a link');
    expect(readFileSync(releases.path('current'), 'utf8')).toBe('mine');
    for (const target of ['/etc', '..', '.', 'releases', 'releases/v1/sub', 'releases/../elsewhere']) {
      rmSync(releases.path('current'));
      symlinkSync(target, releases.path('current'));
      await refused(releases, `leads to ${target}, not to a directory in`);
    }
  });

  it('is taken when it is written as a whole path, also through a link to the root', async () => {
    const releases = await createReleases(['v1', 'v2'], null);
    const linked = join(await temporaryFolder(), 'shop');
    symlinkSync(releases.root, linked);
    symlinkSync(`${linked}/releases/v1/`, releases.path('current'));
    for (const root of [linked, releases.root]) {
      const driver = createDeploymentDriver({ kind: 'directory', root, keep: 2 }, process.env);
      expect((await driver.current(context)).version).toBe('v1');
    }
  });
});

describe('a version that is an attack', () => {
  it.each(['', '.', '..', '../x', 'a/b', '/etc', '--flag', 'v1\n', 'v1\0', '.hidden', 'x'.repeat(256)])(
    'is refused: %j',
    async (version) => {
      const releases = await createReleases(['v1']);
      await expect(plan(releases, version)).rejects.toMatchObject({
        reason: 'invalidInput',
        field: 'version',
      });
      // Also where it did not come by the plan.
      for (const step of [driverOf(releases).prepare, driverOf(releases).switch])
        await expect(step(versions('v1', version), context)).rejects.toMatchObject({
          reason: 'invalidInput',
        });
      expect(releases.list()).toEqual(['current', 'releases']);
      expect(releases.target()).toBe('releases/v1');
    },
  );

  it('is refused as a link out of the releases, as a file, and as nothing', async () => {
    const releases = await createReleases(['v1', 'v3']);
    const outside = await temporaryFolder();
    symlinkSync(outside, releases.path('releases', 'out'));
    symlinkSync('../..', releases.path('releases', 'up'));
    symlinkSync('v1/..', releases.path('releases', 'itself'));
    symlinkSync('nowhere', releases.path('releases', 'dangling'));
    mkdirSync(releases.path('releases', 'v1', 'sub'));
    symlinkSync('v1/sub', releases.path('releases', 'deep'));
    writeFileSync(releases.path('releases', 'file'), '');
    for (const name of ['out', 'up', 'itself', 'deep'])
      await expect(plan(releases, name)).rejects.toThrow('out of');
    await expect(plan(releases, 'file')).rejects.toThrow('is no directory');
    await expect(plan(releases, 'dangling')).rejects.toThrow('is a link to something that is missing');
    await expect(plan(releases, 'v2')).rejects.toMatchObject({
      reason: 'notFound',
      message: expect.stringMatching(
        /^no release v2: .*releases\/v2 is missing; there are: .*v1, v3$/,
      ) as string,
    });
  });

  it('is the release itself where it is a link to one', async () => {
    const releases = await createReleases(['v1', 'v2']);
    symlinkSync('v2', releases.path('releases', 'latest'));
    expect((await plan(releases, 'latest')).versionAfter).toBe('v2');
  });

  it('is refused when the directory has become a link out of it after the plan', async () => {
    const releases = await createReleases(['v1', 'v2']);
    await plan(releases, 'v2');
    renameSync(releases.path('releases', 'v2'), releases.path('gone'));
    symlinkSync('../gone', releases.path('releases', 'v2'));
    await expect(driverOf(releases).switch(versions('v1', 'v2'), context)).rejects.toThrow('out of');
    expect(releases.target()).toBe('releases/v1');
  });
});

it('says that there is no root', async () => {
  const releases = await createReleases(['v1', 'v2']);
  rmSync(releases.root, { recursive: true });
  await expect(plan(releases, 'v2')).rejects.toMatchObject({
    reason: 'notFound',
    message: expect.stringContaining('there are none in') as string,
  });
  expect((await driverOf(releases).describe(context)).version).toBeNull();
});

describe('old releases', () => {
  const names = ['v1', 'v2', 'v3', 'v4', 'v5', 'v6'];

  it('go beyond the number that stays, the oldest first', async () => {
    const releases = await createReleases(names, 'v6');
    const driver = driverOf(releases, 3);
    for (let time = 0; time < 2; time += 1) {
      await driver.settle(versions('v5', 'v6'), context);
      expect(releases.listReleases()).toEqual(['v4', 'v5', 'v6']);
    }
  });

  it('count current and previous, and never go when they are those', async () => {
    const releases = await createReleases(names, 'v1');
    await driverOf(releases, 3).settle(versions('v2', 'v1'), context);
    expect(releases.listReleases()).toEqual(['v1', 'v2', 'v6']);
    await driverOf(releases, 1).settle(versions('v2', 'v1'), context);
    expect(releases.listReleases()).toEqual(['v1', 'v2']);
  });

  it('stay when they are live, whatever the deployment believes', async () => {
    const releases = await createReleases(names, 'v1');
    await driverOf(releases, 1).settle(versions('v5', 'v6'), context);
    expect(releases.listReleases()).toEqual(['v1', 'v5', 'v6']);
  });

  it('stay when a link to them is live', async () => {
    const releases = await createReleases(names, null);
    symlinkSync('v1', releases.path('releases', 'stable'));
    symlinkSync('releases/stable', releases.path('current'));
    await driverOf(releases, 2).settle(versions('v5', 'stable'), context);
    expect(releases.listReleases()).toEqual(['stable', 'v1', 'v5']);
  });

  it('are removed without following any link, inside of them or instead of them', async () => {
    const outside = await temporaryFolder();
    writeFileSync(join(outside, 'precious'), 'kept');
    const releases = await createReleases(names, 'v6');
    symlinkSync(outside, releases.path('releases', 'v1', 'folder'));
    symlinkSync(join(outside, 'precious'), releases.path('releases', 'v1', 'file'));
    // The links have changed the directory: it shall be the oldest all the same.
    utimesSync(releases.path('releases', 'v1'), 1, 1);
    symlinkSync(outside, releases.path('releases', 'v0'));
    writeFileSync(releases.path('releases', 'notes.txt'), '');
    mkdirSync(releases.path('releases', '.git'));
    await driverOf(releases, 3).settle(versions('v5', 'v6'), context);
    expect(releases.listReleases()).toEqual(['.git', 'notes.txt', 'v0', 'v4', 'v5', 'v6']);
    expect(readdirSync(outside)).toEqual(['precious']);
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('kept');
  });

  it('are removed to the end when a kill cut it', async () => {
    const releases = await createReleases(names, 'v6');
    renameSync(releases.path('releases', 'v1'), releases.path('releases', '.opsloop-removing'));
    expect((await driverOf(releases).describe(context)).text).toBe(
      'current -> releases/v6; releases/.opsloop-removing is left of a removal that was cut',
    );
    await driverOf(releases, 5).settle(versions('v5', 'v6'), context);
    expect(releases.listReleases()).toEqual(['v2', 'v3', 'v4', 'v5', 'v6']);
  });

  it('do not lead out of the releases by way of what a removal is called', async () => {
    const outside = await temporaryFolder();
    writeFileSync(join(outside, 'precious'), '');
    const releases = await createReleases(names, 'v6');
    symlinkSync(outside, releases.path('releases', '.opsloop-removing'));
    await driverOf(releases, 2).settle(versions('v5', 'v6'), context);
    expect(existsSync(join(outside, 'precious'))).toBe(true);
    expect(releases.listReleases()).toEqual(['v5', 'v6']);
  });

  it('stay when the work is called off', async () => {
    const releases = await createReleases(names, 'v6');
    const off = driverContext({ signal: AbortSignal.abort(new Error('called off')) });
    await expect(driverOf(releases, 2).settle(versions('v5', 'v6'), off)).rejects.toThrow('called off');
    expect(releases.listReleases()).toEqual(names);
    unlinkSync(releases.path('current'));
    await driverOf(releases, 2).settle(versions('v5', 'v6'), context);
    expect(releases.listReleases()).toEqual(['v5', 'v6']);
  });
});
