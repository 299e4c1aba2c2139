/** A real Docker engine of its own for one test file, with an image made from the machine's busybox. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './eventually.js';

const execute = promisify(execFile);

export const testImage = 'opsloop-test:1';

export interface TestDockerEngine {
  /** For DOCKER_HOST. */
  address: string;
  /** Runs `docker …` against this engine; returns stdout. */
  docker(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

const isThere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

/** Null when an engine can be started here; otherwise why not. */
export const whyNoDockerEngine: string | null =
  process.platform !== 'linux' || process.getuid?.() !== 0
    ? 'starting a Docker engine needs root on Linux'
    : !isThere('dockerd') || !isThere('docker')
      ? 'Docker is not installed (docker.io)'
      : spawnSync('busybox', ['true']).status !== 0
        ? 'busybox is not installed (busybox-static)'
        : null;

/** Touches no network set-up of the machine: no bridge, no iptables; containers run with `--network none`. */
export const startDockerEngine = async (): Promise<TestDockerEngine> => {
  // Short: the sockets below it may have 107 characters.
  const folder = await mkdtemp('/tmp/opsd-');
  const address = `unix://${folder}/docker.sock`;
  const log = openSync(join(folder, 'log'), 'a');
  const daemon = spawn(
    'dockerd',
    [
      ...[
        '--storage-driver=vfs',
        '--bridge=none',
        '--iptables=false',
        '--ip6tables=false',
        '--ip-masq=false',
      ],
      ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
      ...['--pidfile', join(folder, 'pid'), '--host', address],
    ],
    { stdio: ['ignore', log, log], detached: true },
  );
  const exited = once(daemon, 'exit');
  const docker = async (...args: string[]): Promise<string> =>
    (await execute('docker', args, { env: { ...process.env, DOCKER_HOST: address } })).stdout.trim();

  const stop = async (): Promise<void> => {
    daemon.kill('SIGTERM');
    const forced = setTimeout(() => process.kill(-(daemon.pid ?? 0), 'SIGKILL'), 30_000);
    await exited;
    clearTimeout(forced);
    for (const point of mountsBelow(folder)) spawnSync('umount', ['--lazy', point]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const isUp = (): Promise<boolean> =>
      docker('version').then(
        () => true,
        () => false,
      );
    await eventually('that the engine answers', isUp, 60_000);
    await importImage(folder, docker);
  } catch (error) {
    const said = readFileSync(join(folder, 'log'), 'utf8').slice(-2_000);
    await stop();
    throw new Error(`the Docker engine did not start: ${said}`, { cause: error });
  }
  return { address, docker, stop };
};

const importImage = async (folder: string, docker: (...args: string[]) => Promise<string>): Promise<void> => {
  const root = join(folder, 'root');
  await mkdir(join(root, 'bin'), { recursive: true });
  const { stdout } = await execute('sh', ['-c', 'command -v busybox']);
  await copyFile(stdout.trim(), join(root, 'bin/busybox'));
  for (const name of ['sh', 'sleep', 'kill', 'touch']) await symlink('busybox', join(root, 'bin', name));
  const archive = join(folder, 'root.tar');
  await execute('tar', ['--create', '--file', archive, '--directory', root, '.']);
  await docker('import', archive, testImage);
};

const mountsBelow = (folder: string): string[] =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${folder}/`))
    .reverse();
