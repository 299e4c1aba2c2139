/** The real docker-compose against a real engine. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSupervisor } from '../../src/adapters/supervisors/supervisor.js';
import {
  startDockerEngine,
  testImage,
  whyNoDockerEngine,
  type TestDockerEngine,
} from '../support/docker-engine.js';
import { standInProgram } from '../support/stand-in-program.js';

const limit = { timeoutMs: 30_000 };

const program =
  spawnSync('docker', ['compose', 'version']).status === 0
    ? ['docker', 'compose']
    : spawnSync('docker-compose', ['version']).status === 0
      ? ['docker-compose']
      : null;
const whyNot = whyNoDockerEngine ?? (program === null ? 'docker-compose is not installed' : null);

const file = (folder: string) => join(folder, 'docker-compose.yml');
const obedient = `trap 'exit 0' TERM; trap 'echo reloaded' HUP; echo ready; while :; do sleep 1 & wait; done`;
const content = JSON.stringify({
  version: '2.4',
  services: {
    api: { image: testImage, network_mode: 'none', mem_limit: '64m', command: ['sh', '-c', obedient] },
    idle: { image: testImage, network_mode: 'none', command: ['sh', '-c', 'exit 4'] },
  },
});

describe.skipIf(whyNot !== null)(
  `services of a Compose file${whyNot === null ? '' : ` (skipped: ${whyNot})`}`,
  { timeout: 120_000 },
  () => {
    let engine: TestDockerEngine;
    let folder: string;
    const service = (name: string) =>
      createSupervisor(
        { kind: 'compose', file: file(folder), service: name },
        { ...process.env, DOCKER_HOST: engine.address },
      );
    const status = (name: string) => service(name).status(limit);
    const compose = async (...args: string[]): Promise<string> => {
      const [name = '', ...words] = [...(program ?? []), '--file', file(folder), ...args];
      const env = { ...process.env, DOCKER_HOST: engine.address };
      return (await promisify(execFile)(name, words, { env })).stdout;
    };

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'opsloop-compose-'));
      await writeFile(file(folder), content);
      engine = await startDockerEngine();
    }, 120_000);
    afterAll(async () => {
      await engine.stop();
      await rm(folder, { recursive: true, force: true });
    }, 60_000);

    it('has no container before it is brought up', async () => {
      const seen = await status('api');
      expect(seen.state).toBe('stopped');
      expect(seen.detail).toBe(
        `api has no container: run docker compose --file ${file(folder)} up --detach api`,
      );
    });

    it('tells pid, memory and limit of its container', async () => {
      await compose('up', '--detach', 'api');
      expect(await status('api')).toMatchObject({
        state: 'running',
        memoryLimitBytes: 64 * 1024 * 1024,
        restarts: 0,
        pid: expect.any(Number) as number,
        memoryBytes: expect.any(Number) as number,
        cpuPercent: expect.any(Number) as number,
      });
    });

    it('counts the instances of a service, but not the errands of compose run', async () => {
      await compose('up', '--detach', '--scale', 'api=2', 'api');
      expect(await status('api')).toMatchObject({
        state: 'running',
        pid: null,
        memoryLimitBytes: 128 * 1024 * 1024,
      });
      await compose('run', '--detach', 'api', 'sh', '-c', 'exit 1');
      expect(await status('api')).toMatchObject({ state: 'running', memoryLimitBytes: 128 * 1024 * 1024 });
      await compose('up', '--detach', '--scale', 'api=1', 'api');
    });

    it('restarts, reloads, stops and starts', async () => {
      const before = await status('api');
      const restarted = await service('api').restart(limit);
      expect(restarted).toMatchObject({ method: 'exec', isSuccess: true, exitCode: 0 });
      expect(restarted.endpoint).toBe(`${program?.join(' ')} --file ${file(folder)} restart api`);
      expect((await status('api')).pid).not.toBe(before.pid);
      expect(await service('api').reload(limit)).toMatchObject({ isSuccess: true });
      await expect.poll(() => compose('logs', 'api'), { timeout: 20_000 }).toContain('reloaded');
      expect(await service('api').stop(limit)).toMatchObject({ isSuccess: true });
      expect(await status('api')).toMatchObject({
        state: 'stopped',
        detail: 'the container is exited (exit code 0)',
      });
      expect(await service('api').start(limit)).toMatchObject({ isSuccess: true });
      expect(await status('api')).toMatchObject({ state: 'running' });
    });

    it('tells a service that ended, and one that the file does not have', async () => {
      await compose('up', '--detach', 'idle');
      await expect
        .poll(async () => (await status('idle')).detail, { timeout: 20_000 })
        .toBe('the container is exited (exit code 4)');
      const missing = await status('nope');
      expect(missing.state).toBe('unknown');
      expect(missing.detail).toMatch(/^compose cannot tell the containers of nope: exit code 1: .*nope/);
    });
  },
);

describe('Compose that cannot be asked', () => {
  const supervise = (environment: NodeJS.ProcessEnv) =>
    createSupervisor({ kind: 'compose', file: '/srv/compose.yml', service: 'api' }, environment);

  it('is unknown when it is not installed', async () => {
    const supervisor = supervise({ PATH: '/no/such/folder' });
    const problem = 'neither `docker compose` nor `docker-compose` can be run: install one of them';
    expect(await supervisor.status(limit)).toMatchObject({ state: 'unknown', detail: problem });
    expect(await supervisor.stop(limit)).toMatchObject({
      endpoint: 'docker compose --file /srv/compose.yml stop api',
      isSuccess: false,
      error: problem,
    });
  });

  it('prefers the plugin of docker to the old program', async () => {
    const { path, calls } = await standInProgram('docker', '[ "$2" = version ] || exit 1');
    await supervise({ PATH: path }).status(limit);
    expect(await calls()).toEqual([
      'compose version',
      'compose --file /srv/compose.yml ps --all --quiet api',
    ]);
  });
});
