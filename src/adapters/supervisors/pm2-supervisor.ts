/** PM2 through its command line, without ever waking a daemon that is not there. */
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Supervisor } from '../../domain/service.js';
import { describeEnding, runCommand, type CommandResult } from '../child-process.js';
import { runAction } from './program-action.js';
import {
  combineInstances,
  stoppedStatus,
  unknownStatus,
  type ProcessStatus,
  type SupervisorDriver,
} from './supervisor-control.js';

type Pm2Supervisor = Extract<Supervisor, { kind: 'pm2' }>;

/** One element of `pm2 jlist`, as far as it is used. It also holds the app's environment: never show it. */
interface Pm2Process {
  name: string;
  pm_id: number;
  pid?: number;
  monit?: { memory?: number; cpu?: number };
  pm2_env?: { status?: string; restart_time?: number; max_memory_restart?: number; exit_code?: number };
}

/** The list holds the environment of every process: some 10 KB each. */
const listLimits = { killAfterMs: 1_000, maxOutputBytes: 32 * 1024 * 1024 } as const;
/** The daemon accepts at once, or it is not there. */
const connectLimitMs = 1_000;

const listsInFlight = new Map<string, Promise<CommandResult>>();

export const pm2Supervisor = ({ app }: Pm2Supervisor, environment: NodeJS.ProcessEnv): SupervisorDriver => {
  const program = environment['OPSLOOP_PM2'] || 'pm2';
  const socketPath = join(
    environment['PM2_HOME'] || join(environment['HOME'] || homedir(), '.pm2'),
    'rpc.sock',
  );
  const noDaemon = `no PM2 daemon answers at ${socketPath}: run pm2 resurrect, or set PM2_HOME for opsloop`;
  return {
    status: async ({ timeoutMs }) => {
      // Any pm2 command starts a daemon where there is none; a check must not change what it looks at.
      if (!(await isListening(socketPath))) return stoppedStatus(noDaemon);
      const listing = await list(program, environment, timeoutMs);
      if (listing.error !== undefined || listing.exitCode !== 0) {
        return unknownStatus(
          `pm2 cannot be asked: ${listing.error ?? describeEnding({ ...listing, stdout: '' })}`,
        );
      }
      const processes = processesIn(listing.stdout);
      if (processes === null) return unknownStatus('pm2 jlist printed no list of processes');
      const instances = processes.filter(({ name, pm_id }) => name === app || String(pm_id) === app);
      if (instances.length === 0) return stoppedStatus(`pm2 has no app named ${app}; see pm2 list`);
      return combineInstances(instances.map(statusOfInstance));
    },
    act: async (verb, options) => {
      if (await isListening(socketPath)) return runAction([program, verb, app], environment, options);
      const endpoint = [program, verb, app].join(' ');
      return { method: 'exec', endpoint, isSuccess: false, exitCode: null, durationMs: 0, error: noDaemon };
    },
  };
};

const isListening = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketPath);
    const answer = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(connectLimitMs, () => answer(false));
    socket.once('connect', () => answer(true));
    // A daemon that was killed leaves its socket behind: nobody accepts.
    socket.once('error', () => answer(false));
  });

/** Starting pm2 costs some 250 ms of CPU time: checks of one tick share a list, which no single caller may cancel. */
const list = (program: string, environment: NodeJS.ProcessEnv, timeoutMs: number): Promise<CommandResult> => {
  const key = JSON.stringify([program, environment['PM2_HOME'], environment['PATH'], timeoutMs]);
  const running = listsInFlight.get(key);
  if (running !== undefined) return running;
  const started = runCommand({
    command: [program, 'jlist'],
    env: environment,
    timeoutMs,
    ...listLimits,
  }).finally(() => listsInFlight.delete(key));
  listsInFlight.set(key, started);
  return started;
};

/** The list is one line; notices may stand before and after it, some of them beginning with `[` as well. */
const processesIn = (stdout: string): Pm2Process[] | null => {
  for (const line of stdout.split('\n').reverse()) {
    if (!/^\s*\[\s*[\]{]/.test(line)) continue;
    try {
      return JSON.parse(line) as Pm2Process[];
    } catch {
      // Not the list after all.
    }
  }
  return null;
};

const statusOfInstance = ({ pid, monit, pm2_env: env }: Pm2Process): ProcessStatus => {
  const isRunning = env?.status === 'online';
  const restarts = env?.restart_time ?? null;
  const afterExit =
    env?.exit_code === undefined || env.exit_code === 0 ? '' : ` after exit code ${env.exit_code}`;
  return {
    state: isRunning ? 'running' : 'stopped',
    pid: pid === undefined || pid === 0 ? null : pid,
    memoryBytes: isRunning ? (monit?.memory ?? null) : null,
    memoryLimitBytes: env?.max_memory_restart ?? null,
    cpuPercent: isRunning ? (monit?.cpu ?? null) : null,
    restarts,
    detail: isRunning
      ? null
      : `pm2 says ${env?.status ?? 'nothing'}${afterExit}, ${restarts ?? 'unknown'} restarts`,
  };
};
