/** Applications that turn bad on command, by release directories and in containers, for the benchmark of rollbacks. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startDockerEngine, testImage, whyNoDockerEngine } from '../test/support/docker-engine.js';
import { startHelper } from './child.js';
import { makeRelease, pointTo } from './deployments.js';
import { folderVariable, workFolder } from './work-folder.js';

export interface RollbackWay {
  name: 'directory' | 'docker';
  applicationUrl: string;
  /** Its `via`, and what belongs to it. */
  settings: object;
  /** Of the version v2. */
  setBad(isBad: boolean): void;
  /** What the application took for its own start in the rollback that was last, ms. */
  ownStartMs(): Promise<number>;
  /** The engine without opsloop: stop and start of the same container until it answers, ms; empty where there is none. */
  byHandMs: number[];
  versions: Record<string, string>;
  stop(): Promise<void>;
}

export async function startDirectoryWay(): Promise<RollbackWay> {
  const root = join(workFolder(), 'application');
  for (const version of ['v1', 'v2']) makeRelease(root, version);
  pointTo(root, 'v1');
  const { helper, first } = await startHelper<{ port: number }>('released-server.mjs', ['supervise', root]);
  const bad = join(root, 'releases', 'v2', 'bad');
  return {
    name: 'directory',
    applicationUrl: `http://127.0.0.1:${first.port}/`,
    settings: {
      via: { directory: { root, keep: 5 } },
      restart: ['kill', '-HUP', String(helper.pid)],
    },
    setBad: (isBad) => (isBad ? writeFileSync(bad, '') : rmSync(bad, { force: true })),
    ownStartMs: async () => (await helper.ask<{ startMs: number }>({})).startMs,
    byHandMs: [],
    versions: {},
    stop: async () => helper.stop(),
  };
}

const container = 'application';
/** The first process of a container gets no signal that it does not ask for. */
const serving = (port: number, version: string): string =>
  `trap 'exit 0' TERM; busybox httpd -f -p 127.0.0.1:${port} -h /data/${version} & wait`;

/** Null where no engine can be started. Sets DOCKER_HOST of this process, which the stack is started with. */
export async function startDockerWay(byHandRounds: number): Promise<RollbackWay | null> {
  if (whyNoDockerEngine !== null) {
    console.log(`without Docker: ${whyNoDockerEngine}`);
    return null;
  }
  const engine = await startDockerEngine();
  try {
    process.env['DOCKER_HOST'] = engine.address;
    const data = join(workFolder(), 'container-data');
    const port = await freePort();
    for (const version of ['v1', 'v2']) {
      mkdirSync(join(data, version), { recursive: true });
      writeFileSync(join(data, version, 'index.html'), version);
      const base = await engine.docker('create', '--network', 'none', testImage, 'true');
      const command = `CMD ${JSON.stringify(['sh', '-c', serving(port, version)])}`;
      await engine.docker('commit', '--change', command, base, `application:${version}`);
      await engine.docker('rm', base);
    }
    // The folder in its environment, so that it is ended with the benchmark.
    const environment = ['--env', `${folderVariable}=${workFolder()}`];
    const options = ['--detach', '--network', 'host', '--name', container, '--volume', `${data}:/data:ro`];
    await engine.docker('run', ...options, ...environment, 'application:v1');
    const applicationUrl = `http://127.0.0.1:${port}/`;
    await whenItAnswers(applicationUrl);
    const byHand = await restartByHand(engine.docker, applicationUrl, byHandRounds);
    const page = join(data, 'v2', 'index.html');
    return {
      name: 'docker',
      applicationUrl,
      settings: { via: { docker: { container, image: 'application' } } },
      setBad: (isBad) => (isBad ? rmSync(page, { force: true }) : writeFileSync(page, 'v2')),
      ownStartMs: async () => byHand.ownMs,
      byHandMs: byHand.wholeMs,
      versions: { docker: await engine.docker('version', '--format', '{{.Server.Version}}') },
      stop: async () => {
        await engine.docker('rm', '--force', container).catch(() => undefined);
        await engine.stop();
      },
    };
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

/** Stops and starts the container; the application's own start is from the engine's instant of it to the first answer. */
async function restartByHand(
  docker: (...args: string[]) => Promise<string>,
  url: string,
  count: number,
): Promise<{ wholeMs: number[]; ownMs: number }> {
  const wholeMs: number[] = [];
  const ownMs: number[] = [];
  for (let round = 0; round < count; round += 1) {
    const startedAt = performance.now();
    await docker('stop', container);
    const starting = docker('start', container);
    const answeredAt = await whenItAnswers(url);
    wholeMs.push(performance.now() - startedAt);
    await starting;
    const instant = await docker('inspect', '--format', '{{.State.StartedAt}}', container);
    ownMs.push(Math.max(0, answeredAt - Date.parse(instant)));
  }
  return { wholeMs, ownMs: ownMs.reduce((sum, each) => sum + each, 0) / count };
}

/** The instant, epoch ms. */
async function whenItAnswers(url: string): Promise<number> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const isUp = await fetch(url, { headers: { connection: 'close' } }).then(
      async (response) => (await response.arrayBuffer(), response.ok),
      () => false,
    );
    if (isUp) return Date.now();
    if (Date.now() > deadline) throw new Error(`${url} does not answer`);
    await sleep(5);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await promisify(server.close.bind(server))();
  return port;
}
