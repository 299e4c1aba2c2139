/** The embedded Redis: a redis-server or valkey-server that is installed, on loopback, with a password. */

import { execFile } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { OpsError } from '../domain/errors.js';
import { startProcess, type ManagedProcess } from './managed-process.js';
import { loopback } from './port.js';
import { readOrMakeSecret } from './secret-file.js';
import { serverEnvironment } from './server-environment.js';
import { choosePort, startServer, type ServerOptions } from './server-start.js';

export interface RedisBinary {
  path: string;
  /** `Redis 7.0.15` or `Valkey 8.0.1`. */
  version: string;
}

/**
 * OPSLOOP_REDIS_SERVER, else PATH; null when there is none. Throws OpsError `invalidInput` when
 * the given one does not run.
 */
export async function findRedisServer(env: NodeJS.ProcessEnv): Promise<RedisBinary | null> {
  const given = env['OPSLOOP_REDIS_SERVER'];
  if (given) {
    const version = await askVersion(given);
    if (version !== null) return { path: given, version };
    const advice = 'Give the path of redis-server or valkey-server, or leave the variable out.';
    throw new OpsError(
      'invalidInput',
      `OPSLOOP_REDIS_SERVER: ${given} is no Redis server that runs. ${advice}`,
    );
  }
  for (const folder of (env['PATH'] ?? '').split(delimiter).filter(isAbsolute)) {
    for (const name of ['redis-server', 'valkey-server']) {
      const path = join(folder, name);
      const version = isExecutable(path) ? await askVersion(path) : null;
      if (version !== null) return { path, version };
    }
  }
  return null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function askVersion(path: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: 10_000 });
    const match = /^(\w+) server v=(\S+)/i.exec(stdout);
    return match ? `${match[1]} ${match[2]}` : null;
  } catch {
    return null;
  }
}

/** `directory` gets the password and the snapshot; default port 6379. */
export interface RedisServerOptions extends ServerOptions {
  binary: RedisBinary;
}

export interface RedisServer {
  /** With the password: for connections, not for people. */
  url: string;
  port: number;
  pid: number;
  process: ManagedProcess;
  stop(): Promise<void>;
}

const readyTimeoutMs = 20_000;
const stopGraceMs = 2_000;

/** Resolves when it answers. Throws OpsError `unavailable` with the end of its log when it does not come up. */
export async function startRedis(options: RedisServerOptions): Promise<RedisServer> {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const password = readOrMakeSecret(join(options.directory, 'password'));
  const logPath = options.logPath ?? join(options.directory, 'redis.log');
  const { child, ports: port } = await startServer<number>({
    label: `Redis (${options.binary.path})`,
    logPath,
    choosePorts: () => choosePort('Redis', options, 6379),
    spawn: (chosen) =>
      startProcess({
        name: 'redis',
        // From standard input, so that the password shows in no process list.
        command: [options.binary.path, '-'],
        input: serverConfiguration(options.directory, chosen, password),
        env: serverEnvironment(options.directory),
        cwd: options.directory,
        logPath,
        ledger: options.ledger,
      }),
    isServing: (_child, chosen) => answersPing(chosen, password),
    passing: /address already in use/i,
    timeoutMs: readyTimeoutMs,
    stopGraceMs,
    signal: options.signal,
  });
  const url = `redis://:${password}@${loopback}:${port}`;
  return { url, port, pid: child.pid, process: child, stop: () => child.stop(stopGraceMs) };
}

function serverConfiguration(directory: string, port: number, password: string): string {
  return [
    `bind ${loopback}`,
    `port ${port}`,
    'protected-mode yes',
    `requirepass ${password}`,
    'daemonize no',
    `dir ${JSON.stringify(directory)}`,
    // What is in Redis may be lost: a snapshot now and then is plenty.
    'save 300 1',
    'appendonly no',
    'loglevel notice',
    '',
  ].join('\n');
}

/** Our password is accepted: so it is this server, not another one on the same port. */
function answersPing(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: loopback, port });
    let answer = '';
    const finish = (isReady: boolean): void => {
      socket.destroy();
      resolve(isReady);
    };
    socket.setTimeout(1_000, () => finish(false));
    socket.once('error', () => finish(false));
    socket.once('close', () => finish(false));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      if (answer.includes('+PONG')) finish(true);
      else if (answer.includes('-')) finish(false);
    });
    socket.write(`AUTH ${password}\r\nPING\r\n`);
  });
}
