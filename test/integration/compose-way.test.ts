/** Services of Compose files with the real program and a real engine, which falls silent at every request that changes something. */
import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { composeWay } from '../../src/adapters/deploy/compose-way.js';
import type { DriverVersions } from '../../src/adapters/deploy/deployment-driver.js';
import { containerContext } from '../support/container-context.js';
import { makeImage } from '../support/container-images.js';
import { startDockerEngine, whyNoDockerEngine, type TestDockerEngine } from '../support/docker-engine.js';
import { startEngineProxy, type EngineProxy } from '../support/engine-proxy.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const program =
  spawnSync('docker', ['compose', 'version']).status === 0
    ? ['docker', 'compose']
    : spawnSync('docker-compose', ['version']).status === 0
      ? ['docker-compose']
      : null;
const whyNot = whyNoDockerEngine ?? (program === null ? 'docker-compose is not installed' : null);

// SIGKILL: a container that is stopped as soon as it runs has not set its trap yet, and would take ten seconds.
const withVariableText = `# the shop
version: "2.4"
services:
  api:
    image: shop/api:\${SHOP_VERSION:-1}
    network_mode: none
    stop_signal: SIGKILL
  other:
    image: shop/api:1
    network_mode: none
`;
const withTagText = `# the shop
version: "2.4"

services:
  api: {network_mode: none, stop_signal: SIGKILL,   image:  "shop/api:1"}   # pinned
  other:
    image: shop/api:1
    network_mode: none
`;

describe.skipIf(whyNot !== null)(
  `deploying a service of a Compose file${whyNot === null ? '' : ` (skipped: ${whyNot})`}`,
  { timeout: 120_000 },
  () => {
    let engine: TestDockerEngine;
    let proxy: EngineProxy;

    beforeAll(async () => {
      engine = await startDockerEngine();
      proxy = await startEngineProxy(engine.address);
      for (const tag of ['1', '2', '3']) await makeImage(engine, `shop/api:${tag}`, [`LABEL made=${tag}`]);
      await makeImage(engine, 'shop/api:slow', [
        'HEALTHCHECK --interval=1s --retries=60 CMD busybox test -e /ready',
      ]);
    }, 180_000);
    afterEach(() => proxy.heal());
    afterAll(async () => {
      await proxy.stop();
      await engine.stop();
    }, 60_000);

    let projects = 0;
    const changes = (request: string) => !request.startsWith('GET') && !request.includes('/attach');
    interface Project {
      folder: string;
      file: string;
      env: string;
      compose(...words: string[]): Promise<string>;
      context(): ReturnType<typeof containerContext>;
      driver: ReturnType<typeof composeWay>;
      begin(after?: string): Promise<DriverVersions>;
      deploy(versions: DriverVersions): Promise<void>;
    }
    /** `address`: of the engine that the programs talk to. */
    const project = async (
      text: string,
      variable: string | null,
      address = engine.address,
    ): Promise<Project> => {
      projects += 1;
      const number = projects;
      const folder = join(await temporaryFolder(), `shop${number}`);
      await mkdir(folder);
      const file = join(folder, 'docker-compose.yml');
      await writeFile(file, text, { mode: 0o640 });
      const environment = { DOCKER_HOST: address };
      const context = () => containerContext(60_000, environment);
      const driver = composeWay(
        { kind: 'compose', file, service: 'api', variable },
        { ...process.env, ...environment },
      );
      const compose = async (...words: string[]): Promise<string> => {
        const [name = '', ...args] = [...(program ?? []), '--file', file, ...words];
        const env = { ...process.env, DOCKER_HOST: engine.address };
        return (await promisify(execFile)(name, args, { env, cwd: folder })).stdout;
      };
      onTestFinished(async () => {
        const label = `label=com.docker.compose.project=shop${number}`;
        const left = (await engine.docker('ps', '--all', '--quiet', '--filter', label)).split('\n');
        const ids = left.filter(Boolean);
        if (ids.length > 0) await engine.docker('rm', '--force', ...ids);
      });
      return {
        ...{ folder, file, env: join(folder, '.env'), compose, context, driver },
        begin: async (after = '2') => ({ before: await driver.current(context()), after, number: 7 }),
        deploy: async (versions) => {
          await driver.prepare(versions, context());
          await driver.switch(versions, context());
        },
      };
    };
    const live = async ({ driver, context }: Project) => await driver.describe(context());

    it('writes the variable to .env, so that a later up of a person changes nothing', async () => {
      const shop = await project(withVariableText, 'SHOP_VERSION');
      await writeFile(shop.env, 'SECRET=x\nSHOP_VERSION="1"   # mine\nLAST=y', { mode: 0o600 });
      await shop.compose('up', '--detach');
      const versions = await shop.begin();
      expect(versions.before.version).toBe('1');
      const plan = await shop.driver.plan('2', versions.before, shop.context());
      expect(plan).toEqual({
        versionAfter: '2',
        changes: [`SHOP_VERSION in ${shop.env}: 1 -> 2`],
        steps: [
          `write the version to ${shop.env}`,
          'compose up api, which replaces its containers; those of other services stay',
        ],
      });
      const other = await shop.compose('ps', '--quiet', 'other');
      await shop.deploy(versions);
      expect(await readFile(shop.env, 'utf8')).toBe('SECRET=x\nSHOP_VERSION=2   # mine\nLAST=y');
      expect((await stat(shop.env)).mode & 0o777).toBe(0o600);
      expect(await live(shop)).toMatchObject({ version: '2', isReady: true });
      expect((await live(shop)).text).toMatch(/^shop\d+[_-]api[_-]1: image shop\/api:2, running$/);
      expect(await shop.compose('ps', '--quiet', 'other')).toBe(other);

      const made = await shop.compose('ps', '--quiet', 'api');
      await shop.compose('up', '--detach');
      expect(await shop.compose('ps', '--quiet', 'api')).toBe(made);
      await shop.driver.settle(versions, shop.context());
      expect(await live(shop)).toMatchObject({ version: '2' });
    });

    it('makes .env where there is none, and takes it away again', async () => {
      const shop = await project(withVariableText, 'SHOP_VERSION');
      await shop.compose('up', '--detach', 'api');
      const versions = await shop.begin();
      expect(versions.before.version).toBe('1');
      await shop.deploy(versions);
      expect(await readFile(shop.env, 'utf8')).toBe('SHOP_VERSION=2\n');
      await shop.driver.undo(versions, shop.context());
      await shop.driver.undo(versions, shop.context());
      expect(await readdir(shop.folder)).toEqual(['docker-compose.yml']);
      expect(await live(shop)).toMatchObject({ version: '1', isReady: true });
    });

    it('writes the tag into the file, touches nothing else in it, and puts it back byte for byte', async () => {
      const shop = await project(withTagText, null);
      await shop.compose('up', '--detach', 'api');
      const versions = await shop.begin();
      expect(versions.before.version).toBe('1');
      expect((await shop.driver.plan('2', versions.before, shop.context())).changes).toEqual([
        `image of api in ${shop.file}: shop/api:1 -> shop/api:2`,
      ]);
      await shop.deploy(versions);
      expect(await readFile(shop.file, 'utf8')).toBe(withTagText.replace('"shop/api:1"', '"shop/api:2"'));
      expect((await stat(shop.file)).mode & 0o777).toBe(0o640);
      expect(await live(shop)).toMatchObject({ version: '2', isReady: true });
      await shop.driver.undo(versions, shop.context());
      expect(await readFile(shop.file, 'utf8')).toBe(withTagText);
      expect(await live(shop)).toMatchObject({ version: '1', isReady: true });
      expect(await readdir(shop.folder)).toEqual(['docker-compose.yml']);
    });

    it('leaves what people changed in the file meanwhile, and takes only the version back', async () => {
      const shop = await project(withTagText, null);
      await shop.compose('up', '--detach', 'api');
      const versions = await shop.begin();
      await shop.deploy(versions);
      await writeFile(shop.file, `${await readFile(shop.file, 'utf8')}# a remark\n`);
      await shop.driver.undo(versions, shop.context());
      expect(await readFile(shop.file, 'utf8')).toBe(`${withTagText}# a remark\n`);
    });

    it('follows links of files and leaves them links', async () => {
      const shop = await project(withVariableText, 'SHOP_VERSION');
      const real = join(await temporaryFolder(), 'real.env');
      await writeFile(real, 'SHOP_VERSION=1\n');
      await chmod(real, 0o604);
      await symlink(real, shop.env);
      await shop.compose('up', '--detach', 'api');
      await shop.deploy(await shop.begin());
      expect(await readFile(real, 'utf8')).toBe('SHOP_VERSION=2\n');
      expect((await stat(real)).mode & 0o777).toBe(0o604);
    });

    it('keeps the number of containers', async () => {
      const shop = await project(withTagText, null);
      await shop.compose('up', '--detach', '--scale', 'api=3', 'api');
      const versions = await shop.begin();
      await shop.deploy(versions);
      expect((await live(shop)).text.match(/image shop\/api:2, running/g)).toHaveLength(3);
      await shop.driver.undo(versions, shop.context());
      expect((await live(shop)).text.match(/image shop\/api:1, running/g)).toHaveLength(3);
    });

    it('uses all the files that the service was brought up with', async () => {
      const shop = await project(withTagText, null);
      const override = { version: '2.4', services: { api: { labels: { from: 'override' } } } };
      await writeFile(join(shop.folder, 'docker-compose.override.yml'), JSON.stringify(override));
      await shop.compose('--file', join(shop.folder, 'docker-compose.override.yml'), 'up', '--detach', 'api');
      await shop.deploy(await shop.begin());
      const id = (await shop.compose('ps', '--quiet', 'api')).trim();
      expect(
        await engine.docker('inspect', '--format', '{{.Config.Image}} {{.Config.Labels.from}}', id),
      ).toBe('shop/api:2 override');
    });

    it('deploys the first version, and takes its container away again', async () => {
      const shop = await project(withVariableText, 'SHOP_VERSION');
      const versions = await shop.begin();
      expect(versions.before.version).toBeNull();
      await shop.driver.plan('2', versions.before, shop.context());
      await shop.deploy(versions);
      expect(await live(shop)).toMatchObject({ version: '2', isReady: true });
      await shop.driver.undo(versions, shop.context());
      expect(await live(shop)).toEqual({ version: null, text: 'api has no container', isReady: false });
    });

    it('leaves a service that did not run not running after an undo', async () => {
      const shop = await project(withTagText, null);
      await shop.compose('up', '--detach', 'api');
      await shop.compose('stop', 'api');
      const versions = await shop.begin();
      await shop.deploy(versions);
      expect(await live(shop)).toMatchObject({ version: '2', isReady: true });
      await shop.driver.undo(versions, shop.context());
      expect(await live(shop)).toMatchObject({ version: '1', isReady: false });
    });

    it('is not ready before the healthcheck says so', async () => {
      const shop = await project(withTagText, null);
      await shop.compose('up', '--detach', 'api');
      await shop.deploy(await shop.begin('slow'));
      const seen = await live(shop);
      expect(seen).toMatchObject({ version: 'slow', isReady: false });
      expect(seen.text).toContain('running, starting');
      await engine.docker('exec', (await shop.compose('ps', '--quiet', 'api')).trim(), 'touch', '/ready');
      await expect.poll(async () => (await live(shop)).isReady, { timeout: 30_000 }).toBe(true);
    });

    it('does nothing in an undo where nothing was done', async () => {
      const shop = await project(withTagText, null);
      await shop.compose('up', '--detach', 'api');
      const versions = await shop.begin();
      const context = shop.context();
      await shop.driver.undo(versions, context);
      expect(context.runs).toEqual([]);
    });

    it('says that the containers run something else than the file says', async () => {
      const shop = await project(withVariableText, 'SHOP_VERSION');
      await shop.compose('up', '--detach', 'api');
      await writeFile(shop.env, 'SHOP_VERSION=3\n');
      expect(await live(shop)).toMatchObject({
        version: '1',
        text: expect.stringMatching(/image shop\/api:1, running; .*\.env says 3$/) as string,
      });
      const before = await shop.driver.current(shop.context());
      expect((await shop.driver.plan('2', before, shop.context())).changes[1]).toBe(
        `until now ${shop.env} says 3, and 1 runs`,
      );
      const versions = { before, after: '2', number: 7 };
      await shop.deploy(versions);
      await shop.driver.undo(versions, shop.context());
      expect(await live(shop)).toMatchObject({ version: '1' });
      expect(await readFile(shop.env, 'utf8')).toBe('SHOP_VERSION=3\n');
    });

    it('says that nobody has the image, and leaves all as it is', async () => {
      const shop = await project(withTagText.replaceAll('shop/api', '127.0.0.1:9/api'), null);
      await engine.docker('tag', 'shop/api:1', '127.0.0.1:9/api:1');
      await shop.compose('up', '--detach', 'api');
      const versions = await shop.begin('9');
      expect((await shop.driver.plan('9', versions.before, shop.context())).steps[0]).toBe(
        'fetch 127.0.0.1:9/api:9',
      );
      await expect(shop.driver.prepare(versions, shop.context())).rejects.toThrow(
        'the image 127.0.0.1:9/api:9 is not on this machine and could not be fetched',
      );
      expect(await live(shop)).toMatchObject({ version: '1', isReady: true });
      await shop.driver.undo(versions, shop.context());
      expect(await live(shop)).toMatchObject({ version: '1', isReady: true });
    });

    it('refuses files that it cannot work with, and versions that are attacks', async () => {
      const plan = async (text: string, variable: string | null, version = '2') => {
        const shop = await project(text, variable);
        return await shop.driver.plan(version, await shop.driver.current(shop.context()), shop.context());
      };
      await expect(plan(withVariableText, null)).rejects.toThrow('name it in via.compose.variable');
      await expect(plan(withTagText, 'SHOP_VERSION')).rejects.toThrow(
        'does not use the variable SHOP_VERSION: write it where the version belongs',
      );
      const anchored = withTagText.replace('"shop/api:1"', '&image "shop/api:1"');
      await expect(plan(anchored, null)).rejects.toThrow('it has an anchor');
      for (const version of ['../x', '--flag', '2\n', '', 'a b', '$(x)', 'a/../b', '2 # x', '"2"']) {
        await expect(plan(withTagText, null, version)).rejects.toMatchObject({ field: 'version' });
        await expect(plan(withVariableText, 'SHOP_VERSION', version)).rejects.toMatchObject({
          reason: 'invalidInput',
          field: 'version',
        });
      }
      const shop = await project(withTagText, null);
      await shop.compose('up', '--detach', 'api');
      await writeFile(shop.file, withTagText.replace('"shop/api:1"', '"shop/api:3"'));
      const before = await shop.driver.current(shop.context());
      await expect(shop.driver.plan('2', before, shop.context())).rejects.toThrow(
        'bring both in line first (docker compose',
      );
    });

    /** Deploys until the engine falls silent; gives the number of requests that change something. */
    const cutOff = async (shop: Project, versions: DriverVersions, last: number): Promise<number> => {
      proxy.cutAt(last, changes);
      await shop.deploy(versions).catch(() => null);
      const counted = proxy.requests.filter(changes).length;
      proxy.heal();
      return counted;
    };

    it('goes on with an undo that was cut off at any request', async () => {
      const undoCut = async (last: number): Promise<number> => {
        const shop = await project(withVariableText, 'SHOP_VERSION', proxy.address);
        await writeFile(shop.env, 'SHOP_VERSION=1');
        await shop.compose('up', '--detach', 'api');
        const versions = await shop.begin();
        await shop.deploy(versions);
        proxy.cutAt(last, changes);
        await shop.driver.undo(versions, shop.context()).catch(() => null);
        const counted = proxy.requests.filter(changes).length;
        proxy.heal();
        await shop.driver.undo(versions, shop.context());
        expect((await live(shop)).text, `cut at ${last}`).toMatch(
          /^shop\d+[_-]api[_-]1: image shop\/api:1, running$/,
        );
        expect(await readFile(shop.env, 'utf8')).toBe('SHOP_VERSION=1');
        return counted;
      };
      const counted = await undoCut(Infinity);
      for (let last = 1; last <= counted; last += 1) await undoCut(last);
    }, 600_000);

    it('says that the image before is gone, and leaves the new version in file and container', async () => {
      await makeImage(engine, 'shop/api:gone', ['ENV ONLY=here']);
      await engine.docker('tag', 'shop/api:gone', '127.0.0.1:9/api:gone');
      const shop = await project(withTagText.replaceAll('shop/api:1', '127.0.0.1:9/api:gone'), null);
      await engine.docker('tag', 'shop/api:2', '127.0.0.1:9/api:2');
      await shop.compose('up', '--detach', 'api');
      const versions = await shop.begin();
      await shop.deploy(versions);
      await engine.docker('rmi', 'shop/api:gone', '127.0.0.1:9/api:gone');
      await expect(shop.driver.undo(versions, shop.context())).rejects.toThrow(
        'the image 127.0.0.1:9/api:gone is not on this machine',
      );
      expect(await live(shop)).toMatchObject({ version: '2', isReady: true });
      expect(await readFile(shop.file, 'utf8')).toContain('"127.0.0.1:9/api:2"');
    });

    it('finishes the switch, or undoes all of it, whichever request was the last', async () => {
      const begin = async () => {
        const shop = await project(withTagText, null, proxy.address);
        await shop.compose('up', '--detach', 'api');
        return { shop, versions: await shop.begin() };
      };
      const whole = await begin();
      const counted = await cutOff(whole.shop, whole.versions, Infinity);
      expect(counted).toBeGreaterThan(3);
      for (let last = 1; last <= counted; last += 1) {
        const forward = await begin();
        await cutOff(forward.shop, forward.versions, last);
        await forward.shop.deploy(forward.versions);
        expect((await live(forward.shop)).text, `cut at ${last}`).toMatch(
          /^shop\d+[_-]api[_-]1: image shop\/api:2, running$/,
        );
        const back = await begin();
        await cutOff(back.shop, back.versions, last);
        await back.shop.driver.undo(back.versions, back.shop.context());
        expect((await live(back.shop)).text, `cut at ${last}`).toMatch(
          /^shop\d+[_-]api[_-]1: image shop\/api:1, running$/,
        );
        expect(await readFile(back.shop.file, 'utf8')).toBe(withTagText);
      }
    }, 600_000);
  },
);
