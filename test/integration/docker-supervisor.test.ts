/** A real Docker engine, and servers that only pretend to be one. */
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createSupervisor } from '../../src/adapters/supervisors/supervisor.js';
import {
  startDockerEngine,
  testImage,
  whyNoDockerEngine,
  type TestDockerEngine,
} from '../support/docker-engine.js';
import { isAlive } from '../support/process-existence.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const limit = { timeoutMs: 30_000 };
const skipped = whyNoDockerEngine === null ? '' : ` (skipped: ${whyNoDockerEngine})`;

describe.skipIf(whyNoDockerEngine !== null)(
  `containers of a running engine${skipped}`,
  { timeout: 90_000 },
  () => {
    let engine: TestDockerEngine;
    const container = (name: string) =>
      createSupervisor({ kind: 'docker', container: name }, { ...process.env, DOCKER_HOST: engine.address });
    const status = (name: string) => container(name).status(limit);
    const run = (name: string, script: string, ...options: string[]) =>
      engine.docker(
        'run',
        '--detach',
        '--network',
        'none',
        '--name',
        name,
        ...options,
        testImage,
        'sh',
        '-c',
        script,
      );
    /** A process without handlers ignores SIGTERM as the first of its container, which makes stopping slow. */
    const obedient = (script: string) => `trap 'exit 0' TERM; ${script}; while :; do sleep 1 & wait; done`;

    beforeAll(async () => {
      engine = await startDockerEngine();
    }, 120_000);
    afterAll(() => engine.stop(), 60_000);

    it('tells pid, memory, its limit, CPU and restarts', async () => {
      await run('calm', obedient(':'), '--memory', '64m');
      const seen = await status('calm');
      expect(seen).toMatchObject({
        state: 'running',
        memoryLimitBytes: 64 * 1024 * 1024,
        restarts: 0,
        detail: null,
      });
      expect(isAlive(seen.pid ?? 0)).toBe(true);
      expect(seen.memoryBytes).toBeGreaterThan(10_000);
      expect(seen.memoryBytes).toBeLessThan(64 * 1024 * 1024);
      expect(seen.cpuPercent).toBeGreaterThanOrEqual(0);
      expect(seen.cpuPercent).toBeLessThan(90);
    });

    it('tells CPU as percent of one core, and no limit where there is none', async () => {
      await run('busy', 'while :; do :; done', '--stop-signal', 'KILL');
      const seen = await status('busy');
      await engine.docker('kill', 'busy');
      expect(seen.memoryLimitBytes).toBeNull();
      // The machine's cores are shared with other tests.
      expect(seen.cpuPercent).toBeGreaterThan(20);
      expect(seen.cpuPercent).toBeLessThan(150);
    });

    it('restarts, stops and starts, twice over as well', async () => {
      await run('verbs', obedient(':'));
      const before = await status('verbs');
      const restarted = await container('verbs').restart(limit);
      expect(restarted).toMatchObject({ method: 'POST', isSuccess: true, exitCode: null, error: null });
      expect(restarted.endpoint).toBe(`${engine.address}/containers/verbs/restart`);
      const after = await status('verbs');
      expect(after.state).toBe('running');
      expect(after.pid).not.toBe(before.pid);
      for (const verb of ['stop', 'stop'] as const) {
        expect(await container('verbs')[verb](limit)).toMatchObject({ isSuccess: true });
      }
      expect(await status('verbs')).toMatchObject({
        state: 'stopped',
        pid: null,
        detail: 'the container is exited (exit code 0)',
      });
      expect(await container('verbs').reload(limit)).toMatchObject({
        isSuccess: false,
        error: expect.stringContaining('the Docker engine answers 409') as string,
      });
      for (const verb of ['start', 'start'] as const) {
        expect(await container('verbs')[verb](limit)).toMatchObject({ isSuccess: true });
      }
      expect(await status('verbs')).toMatchObject({ state: 'running' });
    });

    it('reloads by the signal HUP', async () => {
      await run('reloads', obedient("trap 'echo reloaded' HUP; echo ready"));
      await expect.poll(() => engine.docker('logs', 'reloads'), { timeout: 10_000 }).toContain('ready');
      expect(await container('reloads').reload(limit)).toMatchObject({ isSuccess: true });
      await expect.poll(() => engine.docker('logs', 'reloads'), { timeout: 10_000 }).toContain('reloaded');
      expect(await status('reloads')).toMatchObject({ state: 'running' });
    });

    it('tells how a container ended, is held, or keeps crashing', async () => {
      await run('ended', 'exit 7');
      await expect
        .poll(async () => (await status('ended')).detail, { timeout: 10_000 })
        .toBe('the container is exited (exit code 7)');
      await run('held', obedient(':'));
      await engine.docker('pause', 'held');
      expect(await status('held')).toMatchObject({ state: 'stopped', detail: 'the container is paused' });
      await engine.docker('unpause', 'held');
      await run('crashes', 'exit 9', '--restart', 'always');
      await expect
        .poll(() => status('crashes'), { timeout: 20_000 })
        .toMatchObject({ state: 'stopped', detail: 'the container is restarting (exit code 9)' });
      expect((await status('crashes')).restarts).toBeGreaterThan(0);
      await engine.docker('rm', '--force', 'crashes');
    });

    it('says that there is no such container', async () => {
      expect(await status('nope')).toMatchObject({
        state: 'stopped',
        detail: 'no such container: nope; see docker ps -a',
      });
      expect(await container('nope').restart(limit)).toMatchObject({
        isSuccess: false,
        error: 'the Docker engine answers 404: No such container: nope',
      });
      // A name cannot reach another part of the API.
      expect(await status('../info')).toMatchObject({
        state: 'unknown',
        detail: 'the Docker engine answers 301',
      });
    });
  },
);

describe('an engine that cannot be asked', () => {
  const statusAt = (address: string, environment: NodeJS.ProcessEnv = {}, timeoutMs = 5_000) =>
    createSupervisor({ kind: 'docker', container: 'api' }, { ...environment, DOCKER_HOST: address }).status({
      timeoutMs,
    });
  const listening = async (server: Server, where: string | 0): Promise<number> => {
    await new Promise<void>((resolve) => void server.listen(...([where] as [string]), resolve));
    onTestFinished(() => void server.close());
    return typeof where === 'string' ? 0 : (server.address() as AddressInfo).port;
  };

  it('is unknown when nobody listens, and says what to do', async () => {
    const address = `unix://${await temporaryFolder()}/docker.sock`;
    expect(await statusAt(address)).toMatchObject({
      state: 'unknown',
      detail: `the Docker engine at ${address} cannot be reached (ENOENT): start it, or set DOCKER_HOST`,
    });
    const action = await createSupervisor(
      { kind: 'docker', container: 'api' },
      { DOCKER_HOST: address },
    ).stop(limit);
    expect(action).toMatchObject({ isSuccess: false, endpoint: `${address}/containers/api/stop` });
    expect(action.error).toContain('cannot be reached');
  });

  it('is unknown when it accepts and says nothing', async () => {
    const path = join(await temporaryFolder(), 'docker.sock');
    const sockets = new Set<{ destroy(): void }>();
    await listening(
      createServer((socket) => void sockets.add(socket)),
      path,
    );
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    const startedAt = performance.now();
    expect((await statusAt(`unix://${path}`, {}, 200)).detail).toBe(
      `no answer from the Docker engine at unix://${path} within 200ms`,
    );
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it('is unknown when it answers with an error or with something else', async () => {
    const server = createHttpServer((request, response) => {
      const isHtml = request.url?.includes('/stop') === true;
      response.writeHead(isHtml ? 502 : 500).end(isHtml ? '<html>' : '{"message": "disk full"}');
    });
    const port = await listening(server, 0);
    const address = `tcp://127.0.0.1:${port}`;
    expect(await statusAt(address)).toMatchObject({
      state: 'unknown',
      detail: 'the Docker engine answers 500: disk full',
    });
    const supervisor = createSupervisor({ kind: 'docker', container: 'api' }, { DOCKER_HOST: address });
    expect((await supervisor.stop(limit)).error).toBe('the Docker engine answers 502');
  });

  it('is unknown, with what is possible, for addresses it cannot use', async () => {
    for (const address of ['ssh://host', 'docker.sock', 'npipe:////./pipe/docker']) {
      expect((await statusAt(address)).detail).toContain(
        `DOCKER_HOST=${address} is not supported: use unix://`,
      );
    }
    const { detail } = await statusAt('tcp://127.0.0.1:2376', { DOCKER_TLS_VERIFY: '1' });
    expect(detail).toContain('with DOCKER_TLS_VERIFY is not supported');
  });
});
