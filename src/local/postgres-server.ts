/** The embedded PostgreSQL server: on loopback only, with a password, settings for a small machine. */

import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { startProcess, type ManagedProcess } from './managed-process.js';
import { loopback } from './port.js';
import { findPostgresBinaries } from './postgres-binaries.js';
import { databaseName, databaseUser, prepareCluster } from './postgres-cluster.js';
import { choosePostgresHome, removeForgottenData } from './postgres-home.js';
import { readPostmasterFile, stopOrphanPostgres } from './postgres-orphan.js';
import { silentReport } from './progress.js';
import { serverEnvironment } from './server-environment.js';
import { choosePort, startServer, type ServerOptions } from './server-start.js';

/** `directory` gets the password and, where the server's account can enter, the data; default port 54320. */
export interface PostgresServerOptions extends ServerOptions {
  env?: NodeJS.ProcessEnv;
}

export interface PostgresServer {
  /** With the password: for connections, not for people. */
  url: string;
  /** `15.18` */
  version: string;
  port: number;
  pid: number;
  process: ManagedProcess;
  stop(): Promise<void>;
}

const readyTimeoutMs = 60_000; // it may have to recover first
const stopGraceMs = 2_000;

const settings = {
  listen_addresses: loopback,
  unix_socket_directories: '',
  shared_buffers: '64MB',
  max_connections: '60',
  timezone: 'UTC',
  log_timezone: 'UTC',
  logging_collector: 'off',
  log_min_messages: 'warning',
  log_line_prefix: '%m [%p] ',
};

/**
 * Resolves when it accepts connections. A server left over from a killed opsloop on the same directory is stopped first.
 * Throws OpsError `invalidInput` for data of another major version, `unavailable` when it does not come up.
 */
export async function startPostgres(options: PostgresServerOptions): Promise<PostgresServer> {
  const { directory, env = process.env, report = silentReport } = options;
  await removeForgottenData(env);
  const home = choosePostgresHome(directory, env, report);
  if (existsSync(home.data)) await stopOrphanPostgres(home.data);
  const binaries = await findPostgresBinaries({ env, account: home.account, report });
  const { password } = await prepareCluster(directory, home, binaries);
  const data = realpathSync(home.data);
  const logPath = options.logPath ?? join(directory, 'postgres.log');
  const { child, ports: port } = await startServer<number>({
    label: `PostgreSQL ${binaries.version}`,
    logPath,
    choosePorts: () => choosePort('PostgreSQL', options, 54_320),
    spawn: (chosen) =>
      startProcess({
        name: 'postgres',
        command: [join(binaries.folder, 'postgres'), '-D', data, ...serverArguments(chosen)],
        env: serverEnvironment(directory),
        cwd: home.folder,
        account: home.account,
        logPath,
        stopSignal: 'SIGINT', // fast: ends sessions, finishes its writes
        ledger: options.ledger,
      }),
    isServing: ({ pid }) => {
      const file = readPostmasterFile(data);
      return file !== null && file.pid === pid && file.isReady;
    },
    // Right after a kill the last server's processes may still be ending.
    passing:
      /address already in use|pre-existing shared memory block|lock file "postmaster.pid" already exists/i,
    timeoutMs: readyTimeoutMs,
    stopGraceMs,
    signal: options.signal,
  });
  const url = `postgres://${databaseUser}:${password}@${loopback}:${port}/${databaseName}`;
  return {
    url,
    version: binaries.version,
    port,
    pid: child.pid,
    process: child,
    stop: () => child.stop(stopGraceMs),
  };
}

const serverArguments = (port: number): string[] => [
  ...['-p', String(port)],
  ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
];
