/** A PM2 daemon: whether it is there, and what it keeps running. Never wakes one that is not there. */
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describeEnding, runCommand, type CommandResult } from '../child-process.js';

/** One element of `pm2 jlist`, as far as it is used. It also holds the app's environment: never show it. */
export interface Pm2Process {
  name: string;
  /** `_old_3` while a reload replaces it. */
  pm_id: number | string;
  pid?: number;
  monit?: { memory?: number; cpu?: number };
  pm2_env?: {
    status?: string;
    restart_time?: number;
    max_memory_restart?: number;
    exit_code?: number;
    /** Absolute path of the script; links in it were not followed. */
    pm_exec_path?: string;
    pm_cwd?: string;
    node_args?: string[];
    /** Epoch ms of its last start. */
    pm_uptime?: number;
  };
}

export interface Pm2Daemon {
  /** The program to run. */
  program: string;
  /** Why it cannot be asked, for people. */
  noDaemon: string;
  isListening(): Promise<boolean>;
  /** All instances of the app, by name or id; a text says why it cannot be told. */
  instancesOf(app: string, timeoutMs: number): Promise<Pm2Process[] | string>;
}

/** The list holds the environment of every process: some 10 KB each. */
const listLimits = { killAfterMs: 1_000, maxOutputBytes: 32 * 1024 * 1024 } as const;
/** The daemon accepts at once, or it is not there. */
const connectLimitMs = 1_000;

const listsInFlight = new Map<string, Promise<CommandResult>>();

/** `environment` is searched for PM2_HOME, HOME and OPSLOOP_PM2. */
export const pm2Daemon = (environment: NodeJS.ProcessEnv): Pm2Daemon => {
  const program = environment['OPSLOOP_PM2'] || 'pm2';
  const socketPath = join(
    environment['PM2_HOME'] || join(environment['HOME'] || homedir(), '.pm2'),
    'rpc.sock',
  );
  return {
    program,
    noDaemon: `no PM2 daemon answers at ${socketPath}: run pm2 resurrect, or set PM2_HOME for opsloop`,
    isListening: () => isListening(socketPath),
    instancesOf: async (app, timeoutMs) => {
      const listing = await list(program, environment, timeoutMs);
      if (listing.error !== undefined || listing.exitCode !== 0)
        return `pm2 cannot be asked: ${listing.error ?? describeEnding({ ...listing, stdout: '' })}`;
      const processes = processesIn(listing.stdout);
      if (processes === null) return 'pm2 jlist printed no list of processes';
      return processes.filter(({ name, pm_id }) => name === app || String(pm_id) === app);
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
