/** A Docker container through the Engine API. */
import { performance } from 'node:perf_hooks';
import type { Supervisor } from '../../domain/service.js';
import { createCpuMeter } from '../cpu-meter.js';
import {
  dockerEngine,
  engineLimit,
  EngineUnreachable,
  type DockerEngine,
  type EngineAnswer,
} from './docker-engine.js';
import {
  stoppedStatus,
  unknownStatus,
  type ProcessStatus,
  type SupervisorAction,
  type SupervisorDriver,
  type SupervisorOptions,
  type SupervisorVerb,
} from './supervisor-control.js';

type DockerSupervisor = Extract<Supervisor, { kind: 'docker' }>;

/** Of `GET /containers/{id}/json`, as far as it is used. */
interface Inspection {
  Id: string;
  RestartCount?: number;
  State: {
    Status: string;
    Pid?: number;
    ExitCode?: number;
    OOMKilled?: boolean;
    Error?: string;
    StartedAt?: string;
  };
  HostConfig?: { Memory?: number };
  Config?: { Labels?: Record<string, string> };
}

/** Of `GET /containers/{id}/stats`. */
interface Stats {
  cpu_stats?: { cpu_usage?: { total_usage?: number } };
  memory_stats?: { usage?: number; stats?: { inactive_file?: number; total_inactive_file?: number } };
}

/** Reloading is the signal that servers take for it; a container that ignores it stays as it is. */
const pathOfVerb: Record<SupervisorVerb, string> = {
  restart: 'restart',
  reload: 'kill?signal=HUP',
  stop: 'stop',
  start: 'start',
};

const measureCpu = createCpuMeter();

export const dockerSupervisor = (
  { container }: DockerSupervisor,
  environment: NodeJS.ProcessEnv,
): SupervisorDriver => {
  const engine = dockerEngine(environment);
  return {
    status: async (options) => (await containerStatus(engine, container, options)).status,
    act: (verb, options) => act(engine, container, verb, options),
  };
};

/** One container by name or id. `labels` are Compose's marks; empty when there is no such container. */
export const containerStatus = async (
  engine: DockerEngine,
  container: string,
  options: SupervisorOptions,
): Promise<{ status: ProcessStatus; labels: Record<string, string> }> => {
  const path = `/containers/${encodeURIComponent(container)}`;
  const limit = engineLimit(options);
  const ask = (question: string): Promise<EngineAnswer> => engine.ask('GET', path + question, limit);
  try {
    const { status, body } = await ask('/json');
    if (status === 404)
      return { status: stoppedStatus(`no such container: ${container}; see docker ps -a`), labels: {} };
    if (status !== 200) return { status: unknownStatus(refusal(status, body)), labels: {} };
    const inspection = body as Inspection;
    const figures = inspection.State.Status === 'running' ? await measure(inspection, ask) : {};
    return { status: { ...statusFrom(inspection), ...figures }, labels: inspection.Config?.Labels ?? {} };
  } catch (error) {
    if (error instanceof EngineUnreachable) return { status: unknownStatus(error.message), labels: {} };
    throw error;
  }
};

const statusFrom = ({ State: state, RestartCount, HostConfig }: Inspection): ProcessStatus => {
  const limit = HostConfig?.Memory ?? 0;
  const isRunning = state.Status === 'running';
  return {
    state: isRunning ? 'running' : 'stopped',
    pid: isRunning ? (state.Pid ?? null) : null,
    memoryBytes: null,
    memoryLimitBytes: limit > 0 ? limit : null,
    cpuPercent: null,
    restarts: RestartCount ?? null,
    detail: isRunning ? null : `the container is ${state.Status}${lastEnd(state)}`,
  };
};

const lastEnd = ({ Status, ExitCode, OOMKilled, Error: problem }: Inspection['State']): string => {
  if (Status === 'paused' || Status === 'created') return problem ? `: ${problem}` : '';
  const memory = OOMKilled === true ? ', out of memory' : '';
  return ` (exit code ${ExitCode ?? 'unknown'}${memory})${problem ? `: ${problem}` : ''}`;
};

/** Nulls when the engine does not tell in time: the state stands. Memory as `docker stats` shows it: without the page cache that can be dropped. */
const measure = async (
  inspection: Inspection,
  ask: (question: string) => Promise<EngineAnswer>,
): Promise<Pick<ProcessStatus, 'memoryBytes' | 'cpuPercent'>> => {
  const read = async (): Promise<Stats> =>
    ((await ask('/stats?stream=false&one-shot=true')).body ?? {}) as Stats;
  try {
    const first = await read();
    let next: Stats | null = first;
    const cpuPercent = await measureCpu(`${inspection.Id} ${inspection.State.StartedAt}`, async () => {
      const stats = next ?? (await read());
      next = null;
      const usedNs = stats.cpu_stats?.cpu_usage?.total_usage;
      return usedNs === undefined ? null : { used: usedNs / 1e6, elapsed: performance.now() };
    });
    const { usage, stats } = first.memory_stats ?? {};
    const cache = stats?.inactive_file ?? stats?.total_inactive_file ?? 0;
    return { memoryBytes: usage === undefined ? null : usage - cache, cpuPercent };
  } catch (error) {
    if (error instanceof EngineUnreachable) return { memoryBytes: null, cpuPercent: null };
    throw error;
  }
};

const act = async (
  engine: DockerEngine,
  container: string,
  verb: SupervisorVerb,
  options: SupervisorOptions,
): Promise<SupervisorAction> => {
  const startedAt = performance.now();
  const path = `/containers/${encodeURIComponent(container)}/${pathOfVerb[verb]}`;
  const done = (error: string | null): SupervisorAction => ({
    method: 'POST',
    endpoint: `${engine.address}${path}`,
    isSuccess: error === null,
    exitCode: null,
    durationMs: performance.now() - startedAt,
    error,
  });
  try {
    const { status, body } = await engine.ask('POST', path, engineLimit(options));
    // 304: it was started or stopped already.
    return done(status === 304 || (status >= 200 && status < 300) ? null : refusal(status, body));
  } catch (error) {
    if (error instanceof EngineUnreachable) return done(error.message);
    throw error;
  }
};

const refusal = (status: number, body: unknown): string => {
  const { message } = (body ?? {}) as { message?: string };
  return `the Docker engine answers ${status}${message === undefined ? '' : `: ${message}`}`;
};
