/** What a deployment asks of the Docker engine about containers and images; refusals are `OpsError`. */
import { setTimeout as delay } from 'node:timers/promises';
import { OpsError, type OpsErrorReason } from '../../domain/errors.js';
import {
  engineLimit,
  EngineUnreachable,
  type DockerEngine,
  type EngineAnswer,
  type EngineQuestion,
} from '../supervisors/docker-engine.js';
import type { DriverContext } from './deployment-driver.js';

/** What an image brings for its containers, as far as it is looked at. */
export interface ImageConfig {
  User?: string;
  WorkingDir?: string;
  StopSignal?: string;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Entrypoint?: string[] | null;
  Shell?: string[] | null;
  Labels?: Record<string, string> | null;
  ExposedPorts?: Record<string, unknown> | null;
  Volumes?: Record<string, unknown> | null;
  Healthcheck?: Record<string, unknown> | null;
  [other: string]: unknown;
}

/** The same with what can be set on a container only. */
export interface ContainerConfig extends ImageConfig {
  /** As it was asked for. */
  Image: string;
  Hostname?: string;
  Domainname?: string;
  MacAddress?: string;
  /** Seconds; the engine waits 10 where it is not set. */
  StopTimeout?: number | null;
}

export interface RestartPolicy {
  Name: string;
  MaximumRetryCount?: number;
}

export interface HostConfig {
  NetworkMode?: string;
  UTSMode?: string;
  AutoRemove?: boolean;
  Binds?: string[] | null;
  Mounts?: { Type: string; Source?: string; Target: string; [other: string]: unknown }[] | null;
  Links?: string[] | null;
  PortBindings?: Record<string, unknown> | null;
  RestartPolicy?: RestartPolicy;
  [other: string]: unknown;
}

export interface NetworkEndpoint {
  NetworkID?: string;
  Aliases?: string[] | null;
  [other: string]: unknown;
}

/** Of `GET /containers/{id}/json`, as far as it is used. */
export interface ContainerInspection {
  Id: string;
  /** With a slash before it. */
  Name: string;
  /** Id of the image. */
  Image: string;
  State: {
    Status: string;
    Running: boolean;
    ExitCode?: number;
    Error?: string;
    Health?: { Status: string } | null;
  };
  Config: ContainerConfig;
  HostConfig: HostConfig;
  Mounts?: { Type: string; Name?: string; Destination: string; RW?: boolean }[];
  NetworkSettings?: { Networks?: Record<string, NetworkEndpoint> | null };
}

/** Of `GET /images/{name}/json`. */
export interface ImageInspection {
  Id: string;
  Config: ImageConfig | null;
}

/** What has to be known of a call to ask on its behalf. */
export type EngineContext = Pick<DriverContext, 'timeoutMs' | 'stepTimeoutMs' | 'signal' | 'report'>;

export interface ContainerEngine {
  address: string;
  /** By name or id; null: there is none. */
  container(name: string): Promise<ContainerInspection | null>;
  /** Of the engine's filters, for example `{ label: ['a=b'] }`; those that do not run, too. */
  containers(filters: Record<string, string[]>): Promise<ContainerInspection[]>;
  /** By reference or id; null: it is not on this machine. */
  image(name: string): Promise<ImageInspection | null>;
  /** Any other request; `what` begins the message of its refusal: `the container api cannot be started`. */
  request(
    method: 'POST' | 'DELETE',
    path: string,
    options: { what: string; body?: unknown },
  ): Promise<EngineAnswer>;
  /** The raw one, with the limits of this call. */
  ask(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    question?: Partial<EngineQuestion>,
  ): Promise<EngineAnswer>;
}

/** Limits count per request, from its beginning. */
export const containerEngine = (engine: DockerEngine, context: EngineContext): ContainerEngine => {
  const ask: ContainerEngine['ask'] = async (method, path, question) => {
    try {
      return await engine.ask(method, path, { ...engineLimit(context), ...question });
    } catch (error) {
      if (!(error instanceof EngineUnreachable)) throw error;
      throw new OpsError(error.isLate ? 'timeout' : 'unavailable', error.message, { cause: error });
    }
  };
  const find = async (path: string, what: string): Promise<unknown> => {
    const answer = await ask('GET', path);
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw refusal(what, answer);
    return answer.body;
  };
  const container: ContainerEngine['container'] = async (name) =>
    (await find(
      `/containers/${encodeURIComponent(name)}/json`,
      `the container ${name} cannot be looked at`,
    )) as ContainerInspection | null;
  return {
    address: engine.address,
    ask,
    container,
    containers: async (filters) => {
      const query = `all=true&filters=${encodeURIComponent(JSON.stringify(filters))}`;
      const rows = await find(`/containers/json?${query}`, 'the containers cannot be listed');
      const found = await Promise.all((rows as { Id: string }[]).map(({ Id }) => container(Id)));
      return found.filter((inspection) => inspection !== null);
    },
    image: async (name) =>
      (await find(
        // Slashes of a name are part of the engine's path; names were checked where they came in.
        `/images/${name.split('/').map(encodeURIComponent).join('/')}/json`,
        `the image ${name} cannot be looked at`,
      )) as ImageInspection | null,
    request: async (method, path, { what, body }) => {
      const answer = await ask(method, path, body === undefined ? {} : { body });
      // 304: it was started or stopped already.
      if (answer.status === 304 || (answer.status >= 200 && answer.status < 300)) return answer;
      throw refusal(what, answer);
    },
  };
};

const reasonOfStatus: Record<number, OpsErrorReason> = {
  400: 'invalidInput',
  404: 'notFound',
  409: 'conflict',
};

const refusal = (what: string, { status, body }: EngineAnswer): OpsError => {
  const { message } = (body ?? {}) as { message?: string };
  const said = message === undefined ? '' : `: ${message.trim()}`;
  return new OpsError(
    reasonOfStatus[status] ?? 'unavailable',
    `${what}: the Docker engine answers ${status}${said}`,
  );
};

/** `api`, without the slash that the engine puts before it. */
export const nameOf = ({ Name }: ContainerInspection): string => Name.replace(/^\//, '');

/** `running, healthy`, `exited (exit code 1)`, `created`. */
export const stateOf = ({ State: state }: ContainerInspection): string => {
  const problem = state.Error ? `: ${state.Error}` : '';
  if (state.Status === 'exited') return `exited (exit code ${state.ExitCode ?? 'unknown'})${problem}`;
  const health = state.Health?.Status ?? 'none';
  return `${state.Status}${health === 'none' || !state.Running ? '' : `, ${health}`}${problem}`;
};

/** Running, and healthy where it is asked: `starting` is not yet. */
export const isContainerReady = ({ State: state }: ContainerInspection): boolean =>
  state.Status === 'running' && ['none', 'healthy'].includes(state.Health?.Status ?? 'none');

const lookAgainMs = 100;

/** Looks until something is there, at most as long as one request may take; null: it did not come. */
export const lookUntil = async <T>(
  look: () => Promise<T | null>,
  { timeoutMs, signal }: EngineContext,
): Promise<T | null> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== null || performance.now() > deadline) return found;
    await delay(lookAgainMs, null, { signal });
  }
};
