/** The worker and the API of `opsloop up`: children that get the connections in their environment and are supervised. */

import { join } from 'node:path';
import { OpsError } from '../domain/errors.js';
import { waitUntil } from './deadline.js';
import type { Endpoints } from './endpoints.js';
import { addressText } from './external-server.js';
import { lastLogLines } from './log-file.js';
import { startProcess } from './managed-process.js';
import { claimPort } from './port-claim.js';
import { isPortFree, loopback, tryConnect } from './port.js';
import { supervise, type Supervised } from './supervision.js';
import type { UpContext } from './up-context.js';

const readyTimeoutMs = 30_000;
/** A program that ends so often before everything is ready will not get well by itself. */
const tooManyRestarts = 4;

export interface ApiListen {
  host: string;
  port: number;
  /** For clients on this machine. */
  url: string;
}

/** Throws OpsError `invalidInput` when the configuration names a port and it is taken. */
export async function chooseApiListen({ config, ports, env, claims }: UpContext): Promise<ApiListen> {
  const { listen, isListenGiven } = config.api;
  const isPortNamed = isListenGiven && listen.port !== 0;
  if (isPortNamed && !(await isPortFree(listen.port, listen.host))) {
    throw new OpsError(
      'invalidInput',
      `api.listen: ${addressText(listen)} is taken by another process. End that one, name another port, ` +
        'or leave api.listen out and the next free port is used.',
      { field: 'api.listen' },
    );
  }
  const claim = isPortNamed ? null : await claimPort(ports.preferred('api'), env);
  if (claim) claims.push(claim);
  const port = claim?.port ?? listen.port;
  ports.remember('api', port);
  const reachable = ['0.0.0.0', '::'].includes(listen.host) ? loopback : listen.host;
  return { host: listen.host, port, url: `http://${addressText({ host: reachable, port })}` };
}

export interface Programs {
  worker: Supervised;
  api: Supervised;
}

/** Resolves once both are started, not yet ready. */
export async function startPrograms(
  context: UpContext,
  endpoints: Endpoints,
  listen: ApiListen,
): Promise<Programs> {
  const metrics = await claimPort(context.ports.preferred('workerMetrics'), context.env, [listen.port]);
  context.claims.push(metrics);
  context.ports.remember('workerMetrics', metrics.port);
  const env = programEnvironment(context, endpoints, listen, metrics.port);
  const [worker, api] = await Promise.all([
    superviseProgram(context, 'worker', context.programs.workerCommand, env),
    superviseProgram(context, 'api', context.programs.apiCommand, env),
  ]);
  return { worker, api };
}

async function superviseProgram(
  { report, state, config, ledger, parts }: UpContext,
  name: 'worker' | 'api',
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Supervised> {
  const [file, ...args] = command;
  if (file === undefined) throw new Error(`${name} has no command`);
  const logPath = errorLogPath(state.logs, name);
  const supervised = await supervise({
    name,
    report,
    logPath,
    start: () =>
      startProcess({
        name,
        command: [file, ...args],
        env,
        cwd: config.directory,
        logPath,
        onLine: (line) => report.line(line),
        hasChannel: true,
        ledger,
      }),
  });
  parts.add('program', supervised);
  return supervised;
}

const errorLogPath = (logs: string, name: string): string => join(logs, `${name}.stderr.log`);

/** Settings of a person's other Temporal server (TLS, keys, profiles) must not be used on the embedded one. */
function programEnvironment(
  { env, config }: UpContext,
  { temporal, database, redis }: Endpoints,
  listen: ApiListen,
  metricsPort: number,
): NodeJS.ProcessEnv {
  const isEmbedded = temporal.webUi !== null;
  const inherited = Object.entries(env).filter(([name]) => !(isEmbedded && name.startsWith('TEMPORAL_')));
  return {
    ...Object.fromEntries(inherited),
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    DATABASE_URL: database.url,
    // Set to nothing when off: the configuration or the environment must not bring another one in.
    REDIS_URL: redis?.url ?? '',
    OPSLOOP_CONFIG: config.file,
    OPSLOOP_API: listen.url,
    OPSLOOP_API_LISTEN: addressText(listen),
    OPSLOOP_WEB_UI: temporal.webUi ?? '',
    OPSLOOP_WORKER_METRICS: `${loopback}:${metricsPort}`,
  };
}

/** Throws OpsError `unavailable` when the API does not accept connections in time. */
export async function waitForApi({ state, signal }: UpContext, listen: ApiListen): Promise<void> {
  const host = new URL(listen.url).hostname.replace(/^\[|\]$/g, '');
  const isUp = async (): Promise<boolean> => (await tryConnect(host, listen.port, 1_000)).error === null;
  if (await waitUntil(isUp, { timeoutMs: readyTimeoutMs, intervalMs: 50, signal })) return;
  throw programFailure(
    state.logs,
    'api',
    `does not listen on ${listen.url} after ${readyTimeoutMs / 1000} s`,
  );
}

/** Rejects with OpsError `unavailable` and a program's last lines when it keeps ending; resolves when `signal` is aborted. */
export async function watchForFailingPrograms(
  { state }: UpContext,
  { worker, api }: Programs,
  signal: AbortSignal,
): Promise<void> {
  const findFailing = (): Supervised | undefined =>
    [worker, api].find((program) => program.restarts() >= tooManyRestarts);
  await waitUntil(() => signal.aborted || findFailing() !== undefined, {
    timeoutMs: Infinity,
    intervalMs: 100,
  });
  const failing = findFailing();
  if (failing) throw programFailure(state.logs, failing.name, `ended ${tooManyRestarts} times in a row`);
}

function programFailure(logs: string, name: string, what: string): OpsError {
  const logPath = errorLogPath(logs, name);
  const advice = `Run \`opsloop ${name}\` by itself to see more.`;
  return new OpsError(
    'unavailable',
    `The ${name} ${what}. ${advice}\nThe last lines of ${logPath}:\n${lastLogLines(logPath, 8)}`,
  );
}
