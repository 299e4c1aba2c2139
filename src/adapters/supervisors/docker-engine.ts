/** The Docker Engine API over its unix socket or TCP address: the few requests that opsloop makes. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { formatDuration } from '../../domain/duration.js';
import type { SupervisorOptions } from './supervisor-control.js';

export interface DockerEngine {
  /** As a person would write it: `unix:///var/run/docker.sock`. */
  address: string;
  /** Throws `EngineUnreachable` when nobody answers in time. */
  ask(method: 'GET' | 'POST', path: string, limit: EngineLimit): Promise<EngineAnswer>;
}

/** One limit for several questions, from the moment it is made. */
export interface EngineLimit {
  timeoutMs: number;
  signal: AbortSignal;
}

export const engineLimit = ({ timeoutMs, signal }: SupervisorOptions): EngineLimit => {
  const timeout = AbortSignal.timeout(Math.ceil(timeoutMs));
  return { timeoutMs, signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]) };
};

export interface EngineAnswer {
  status: number;
  /** Parsed JSON; null when the engine sent none. */
  body: unknown;
}

/** The engine could not be asked at all; the message says where and what to do. */
export class EngineUnreachable extends Error {
  override readonly name = 'EngineUnreachable';
}

const maxAnswerBytes = 4 * 1024 * 1024;

/** Where the `docker` command would look: DOCKER_HOST, else the usual sockets of a system, rootless or desktop engine. */
export const dockerEngine = (environment: NodeJS.ProcessEnv): DockerEngine => {
  const address = environment['DOCKER_HOST'] || `unix://${usualSocket(environment)}`;
  return {
    address,
    ask: async (method, path, { timeoutMs, signal }) => {
      const { origin, socketPath } = reachedBy(address, environment);
      // One connection per question: next to nothing on a local socket, and none is left open.
      const agent = new Agent({
        maxResponseSize: maxAnswerBytes,
        connect: { timeout: timeoutMs, ...(socketPath === null ? {} : { socketPath }) },
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      try {
        const response = await request(`${origin}${path}`, { method, dispatcher: agent, signal });
        return { status: response.statusCode, body: parsed(await response.body.text()) };
      } catch (error) {
        throw new EngineUnreachable(unreachable(address, timeoutMs, error), { cause: error });
      } finally {
        void agent.destroy();
      }
    },
  };
};

const usualSocket = (environment: NodeJS.ProcessEnv): string => {
  const system = '/var/run/docker.sock';
  const runtime = environment['XDG_RUNTIME_DIR'];
  const others = [
    ...(runtime === undefined ? [] : [join(runtime, 'docker.sock')]),
    join(environment['HOME'] || homedir(), '.docker/run/docker.sock'),
  ];
  return [system, ...others].find((path) => existsSync(path)) ?? system;
};

const reachedBy = (
  address: string,
  environment: NodeJS.ProcessEnv,
): { origin: string; socketPath: string | null } => {
  const [, scheme, rest] = /^(\w+):\/\/(.+)$/.exec(address) ?? [];
  if (rest !== undefined && scheme === 'unix') return { origin: 'http://docker', socketPath: rest };
  const isPlain = (environment['DOCKER_TLS_VERIFY'] ?? '') === '';
  if (rest !== undefined && (scheme === 'tcp' || scheme === 'http') && isPlain) {
    return { origin: `http://${rest.replace(/\/$/, '')}`, socketPath: null };
  }
  throw new EngineUnreachable(
    `DOCKER_HOST=${address}${isPlain ? '' : ' with DOCKER_TLS_VERIFY'} is not supported: use unix:///var/run/docker.sock, or tcp://host:port without TLS`,
  );
};

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

const timeoutCodes = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

const unreachable = (address: string, timeoutMs: number, error: unknown): string => {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError' || timeoutCodes.has(code ?? '')) {
    return `no answer from the Docker engine at ${address} within ${formatDuration(timeoutMs)}`;
  }
  if (name === 'AbortError') return `the question to the Docker engine at ${address} was cancelled`;
  if (code === 'EACCES') {
    return `the Docker engine at ${address} may not be used: add the user that runs opsloop to the group docker`;
  }
  return `the Docker engine at ${address} cannot be reached (${code ?? message}): start it, or set DOCKER_HOST`;
};
