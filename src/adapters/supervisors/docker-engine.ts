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
  ask(method: 'GET' | 'POST' | 'DELETE', path: string, question: EngineQuestion): Promise<EngineAnswer>;
}

export interface EngineQuestion extends EngineLimit {
  /** Sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  /** For answers that come bit by bit: told each JSON value as it comes, and the answer's `body` is null then. */
  onMessage?: (message: unknown) => void;
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
  /** Somebody is there, and did not answer in time. */
  readonly isLate: boolean;

  constructor(message: string, { cause, isLate = false }: { cause?: unknown; isLate?: boolean } = {}) {
    super(message, { cause });
    this.isLate = isLate;
  }
}

const maxAnswerBytes = 4 * 1024 * 1024;

/** Where the `docker` command would look: DOCKER_HOST, else the usual sockets of a system, rootless or desktop engine. */
export const dockerEngine = (environment: NodeJS.ProcessEnv): DockerEngine => {
  const address = environment['DOCKER_HOST'] || `unix://${usualSocket(environment)}`;
  return {
    address,
    ask: async (method, path, question) => {
      const { timeoutMs, signal, onMessage } = question;
      const { origin, socketPath } = reachedBy(address, environment);
      // One connection per question: next to nothing on a local socket, and none is left open.
      const agent = new Agent({
        maxResponseSize: onMessage === undefined ? maxAnswerBytes : -1,
        connect: { timeout: timeoutMs, ...(socketPath === null ? {} : { socketPath }) },
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      try {
        const options = { method, dispatcher: agent, signal, ...sent(question) };
        const { statusCode: status, body } = await request(`${origin}${path}`, options);
        if (onMessage === undefined || status !== 200) return { status, body: parsed(await body.text()) };
        for await (const message of messagesOf(body)) onMessage(message);
        return { status, body: null };
      } catch (error) {
        const isLate = isTimeout(error);
        throw new EngineUnreachable(unreachable(address, timeoutMs, error), { cause: error, isLate });
      } finally {
        void agent.destroy();
      }
    },
  };
};

const sent = ({ body, headers }: EngineQuestion): { body?: string; headers: Record<string, string> } =>
  body === undefined
    ? { headers: { ...headers } }
    : { body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } };

/** One a line. A line that is no JSON, or too long to be a message, is left out. */
async function* messagesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = (lines.pop() ?? '').slice(0, maxAnswerBytes);
    for (const line of lines) {
      const message = parsed(line);
      if (message !== null) yield message;
    }
  }
  const last = parsed(rest);
  if (last !== null) yield last;
}

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

const isTimeout = (error: unknown): boolean => {
  const { code, name } = error as NodeJS.ErrnoException;
  return name === 'TimeoutError' || timeoutCodes.has(code ?? '');
};

const unreachable = (address: string, timeoutMs: number, error: unknown): string => {
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (isTimeout(error)) {
    return `no answer from the Docker engine at ${address} within ${formatDuration(timeoutMs)}`;
  }
  if (name === 'AbortError') return `the question to the Docker engine at ${address} was cancelled`;
  if (code === 'EACCES') {
    return `the Docker engine at ${address} may not be used: add the user that runs opsloop to the group docker`;
  }
  return `the Docker engine at ${address} cannot be reached (${code ?? message}): start it, or set DOCKER_HOST`;
};
