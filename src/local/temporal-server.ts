/** The embedded Temporal server: development server with Web UI, its state on disk, everything on loopback. */

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { searchAttributeNames } from '../domain/ids.js';
import { readLog } from './log-file.js';
import { startProcess, type ManagedProcess } from './managed-process.js';
import { findFreePort, loopback, tryConnect } from './port.js';
import { writeFileWhole } from './secret-file.js';
import { serverEnvironment } from './server-environment.js';
import { choosePort, startServer, type ServerOptions } from './server-start.js';
import type { TemporalCli } from './temporal-cli.js';

/** `directory` gets `temporal.db`; `port` is that of the gRPC service, default 7233. */
export interface TemporalServerOptions extends ServerOptions {
  cli: Pick<TemporalCli, 'path' | 'serverVersion'>;
  /** Preferred port of the Web UI; default 8233. */
  webUiPort?: number;
  namespace?: string;
}

export interface TemporalServer {
  /** host:port */
  address: string;
  webUi: string;
  port: number;
  webUiPort: number;
  pid: number;
  process: ManagedProcess;
  stop(): Promise<void>;
}

const readyTimeoutMs = 30_000;
const stopGraceMs = 2_500;

/** Resolves when it serves. Throws OpsError `unavailable` with the end of its log when it does not come up. */
export async function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  const logPath = options.logPath ?? join(options.directory, 'temporal.log');
  const { child, ports } = await startServer<ServerPorts>({
    label: `The Temporal server (${options.cli.path})`,
    logPath,
    choosePorts: () => choosePorts(options),
    spawn: (chosen) =>
      startProcess({
        name: 'temporal',
        command: [options.cli.path, ...serverArguments(options, chosen)],
        env: serverEnvironment(options.directory),
        cwd: options.directory,
        logPath,
        ledger: options.ledger,
      }),
    isServing: (_child, { port }, logOffset) => isServing(port, readLog(logPath, logOffset)),
    passing: /address already in use/,
    timeoutMs: readyTimeoutMs,
    stopGraceMs,
    advice: () => versionAdvice(options),
    signal: options.signal,
  });
  if (options.cli.serverVersion !== null)
    writeFileWhole(versionPath(options), `${options.cli.serverVersion}\n`);
  return {
    address: `${loopback}:${ports.port}`,
    webUi: `http://${loopback}:${ports.webUiPort}`,
    port: ports.port,
    webUiPort: ports.webUiPort,
    pid: child.pid,
    process: child,
    stop: () => child.stop(stopGraceMs),
  };
}

/** The lines it prints once it serves show that it is this server, not another one on the same port. */
async function isServing(port: number, log: string): Promise<boolean> {
  if (!new RegExp(`Server:\\s+\\S+:${port}\\b`).test(log)) return false;
  return (await tryConnect(loopback, port, 1_000)).error === null;
}

interface ServerPorts {
  port: number;
  webUiPort: number;
  httpPort: number;
  metricsPort: number;
}

/** Named ones for all that it would otherwise choose itself. */
async function choosePorts(options: TemporalServerOptions): Promise<ServerPorts> {
  const port = await choosePort('Temporal', options, 7233);
  const webUiPort = await findFreePort(options.webUiPort ?? 8233, [port]);
  const httpPort = await findFreePort(port + 1, [port, webUiPort]);
  const metricsPort = await findFreePort(httpPort + 1, [port, webUiPort]);
  return { port, webUiPort, httpPort, metricsPort };
}

function serverArguments(options: TemporalServerOptions, ports: ServerPorts): string[] {
  const { namespace = 'default' } = options;
  return [
    ...['server', 'start-dev', '--ip', loopback, '--ui-ip', loopback],
    ...['--port', String(ports.port), '--ui-port', String(ports.webUiPort)],
    ...['--http-port', String(ports.httpPort), '--metrics-port', String(ports.metricsPort)],
    ...['--db-filename', databasePath(options)],
    // Twice the throughput of the defaults, and nothing is lost when the process is killed.
    ...['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=1'],
    // The default rounds timers up to about a second.
    ...['--dynamic-config-value', 'history.timerProcessorMaxTimeShift="50ms"'],
    ...searchAttributeNames.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
    ...(namespace === 'default' ? [] : ['--namespace', namespace]),
    ...['--log-level', 'warn', '--log-format', 'json'],
  ];
}

const databasePath = ({ directory }: TemporalServerOptions): string => join(directory, 'temporal.db');

const versionPath = ({ directory }: TemporalServerOptions): string => join(directory, 'server-version');

/** The development server does not convert the state of older versions. */
function versionAdvice(options: TemporalServerOptions): string {
  let written: string;
  try {
    written = readFileSync(versionPath(options), 'utf8').trim();
  } catch {
    return '';
  }
  const { serverVersion } = options.cli;
  if (serverVersion === null || written === serverVersion) return '';
  return (
    ` Its state in ${databasePath(options)} was written by server ${written}, this is ${serverVersion}:` +
    ' use that version again, or move the file away and the loops begin anew.'
  );
}
