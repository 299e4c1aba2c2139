/** The product itself, started as a user starts it, on a folder and with services of the benchmark. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { Pool, type QueryResultRow } from 'pg';
import { childrenOf, commandOf, cpuMsOf } from './process-usage.js';
import { folderVariable, killProcessesOf, projectRoot, workFolder } from './work-folder.js';

export const program = join(projectRoot, 'bin', 'opsloop.js');

/** Prefix of all ids, and the name of the folder of a stack. */
export const environment = 'bench';

const readyTimeoutMs = 90_000;

export interface Stack {
  /** Instants, epoch ms: of the command, of Temporal serving, and of `opsloop is ready`. */
  startedAt: number;
  serverUpAt: number;
  readyAt: number;
  client: Client;
  /** Where its API answers. */
  apiUrl: string;
  /** Process of each part: up, worker, api, temporal, postgres, redis. */
  parts: Map<string, number>;
  /** All lines that it has printed. */
  lines(): string[];
  rows<Row extends QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Ctrl-C; resolves when all of it is gone. */
  stop(): Promise<void>;
  /** SIGKILL of every process at once; returns the instant, epoch ms. */
  kill(): Promise<number>;
}

export const stackFolder = (name: string): string => {
  const folder = join(workFolder(), name);
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  return folder;
};

/** Runs `opsloop up` in `folder`, which holds an opsloop.yaml; throws with its output when it does not get ready. */
export async function startStack(folder: string): Promise<Stack> {
  const startedAt = Date.now();
  const child = spawn(process.execPath, [program, 'up'], {
    cwd: folder,
    env: cleanEnvironment(folder),
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own group: Ctrl-C goes to the benchmark, which ends it.
    detached: true,
  });
  const output = collectLines(child);
  const serverUpAt = output.whenLine(/^Temporal .*127\.0\.0\.1/);
  const readyAt = await Promise.race([output.whenLine(/^opsloop is ready$/), endOf(child, output)]);
  const { temporal, database, api } = readEndpoints(folder);
  const connection = await Connection.connect({ address: temporal.address });
  const pool = new Pool({
    connectionString: database.url,
    max: 2,
    options: '-c search_path=opsloop,public',
  });
  // The database ends before its clients when everything is killed.
  pool.on('error', () => undefined);
  const release = async (): Promise<void> => {
    await connection.close();
    await pool.end().catch(() => undefined);
  };
  return {
    startedAt,
    serverUpAt: await Promise.race([serverUpAt, sleep(1_000, readyAt)]),
    readyAt,
    client: new Client({ connection, namespace: temporal.namespace }),
    apiUrl: api.url,
    parts: findParts(child.pid ?? 0),
    lines: output.lines,
    rows: async <Row extends QueryResultRow>(sql: string, values: unknown[] = []) =>
      (await pool.query<Row>(sql, values)).rows,
    stop: async () => {
      await release();
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
    kill: async () => {
      const killedAt = Date.now();
      await killProcessesOf(folder);
      await release();
      return killedAt;
    },
  };
}

/** Settings of other servers must not be used; `PWD` names the folder, by which the processes are found. */
function cleanEnvironment(folder: string): NodeJS.ProcessEnv {
  const others = /^(TEMPORAL_|DATABASE_URL$|REDIS_URL$|OPSLOOP_|npm_)/;
  const passed = Object.entries(process.env).filter(([name]) => !others.test(name));
  return { ...Object.fromEntries(passed), [folderVariable]: workFolder(), PWD: folder };
}

interface Output {
  lines(): string[];
  /** The instant at which a line that matches came, epoch ms. */
  whenLine(pattern: RegExp): Promise<number>;
}

function collectLines(child: ChildProcess): Output {
  const lines: string[] = [];
  const waiting: { pattern: RegExp; resolve: (at: number) => void }[] = [];
  const take = (line: string): void => {
    lines.push(line);
    for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve(Date.now());
  };
  for (const stream of [child.stdout, child.stderr])
    if (stream) createInterface({ input: stream }).on('line', take);
  return {
    lines: () => lines,
    whenLine: (pattern) => new Promise((resolve) => waiting.push({ pattern, resolve })),
  };
}

async function endOf(child: ChildProcess, output: Output): Promise<never> {
  const timeout = AbortSignal.timeout(readyTimeoutMs);
  const end = await once(child, 'exit', { signal: timeout }).then(
    ([code, signal]) => `ended (${code ?? signal})`,
    () => `was not ready after ${readyTimeoutMs / 1000} s`,
  );
  throw new Error(`opsloop up ${end}:\n${output.lines().join('\n')}`);
}

interface Endpoints {
  temporal: { address: string; namespace: string };
  database: { url: string };
  api: { url: string };
}

const readEndpoints = (folder: string): Endpoints =>
  JSON.parse(readFileSync(join(folder, '.opsloop', 'run', 'endpoints.json'), 'utf8')) as Endpoints;

function findParts(up: number): Map<string, number> {
  const parts = new Map([['up', up]]);
  for (const pid of childrenOf(up)) {
    const command = commandOf(pid).join(' ');
    const name = ['redis-server', 'temporal', 'postgres', 'worker', 'api'].find((part) =>
      new RegExp(`(^|[/ ])${part}( |$)`).test(command),
    );
    if (name !== undefined) parts.set(name === 'redis-server' ? 'redis' : name, pid);
  }
  return parts;
}

/** CPU time of each part so far, ms; `up` without what it started, `all` with it. */
export function partCpuMs({ parts }: Stack): Map<string, number> {
  const all = cpuMsOf(parts.get('up') ?? 0);
  const each = [...parts]
    .filter(([part]) => part !== 'up')
    .map(([part, pid]) => [part, cpuMsOf(pid)] as const);
  const others = each.reduce((sum, [, cpuMs]) => sum + cpuMs, 0);
  // They are read one after the other: what a part took in between must not make the rest negative.
  return new Map([...each, ['up', Math.max(0, all - others)], ['all', all]]);
}

export interface ServiceTarget {
  name: string;
  url: string;
}

/** Writes an opsloop.yaml that checks each URL with the default condition. */
export function writeConfiguration(
  folder: string,
  services: readonly ServiceTarget[],
  heartbeat: { every: string; timeout: string },
): void {
  const lines = services.map(({ name, url }) => `  - {name: ${name}, checks: [{http: "${url}"}]}`);
  const head = [
    `environment: ${environment}`,
    `heartbeat: {every: ${heartbeat.every}, timeout: ${heartbeat.timeout}}`,
    'services:',
  ];
  writeFileSync(join(folder, 'opsloop.yaml'), `${[...head, ...lines].join('\n')}\n`);
}

/** `service-0001`, … with a path of its own on `baseUrl` each. */
export const healthyServices = (count: number, baseUrl: string): ServiceTarget[] =>
  Array.from({ length: count }, (_, index) => {
    const name = `service-${String(index + 1).padStart(4, '0')}`;
    return { name, url: `${baseUrl}/${name}` };
  });

/** Polls until `find` gives something other than null; throws after `timeoutMs`. */
export async function waitFor<T>(
  what: string,
  find: () => Promise<T | null>,
  { timeoutMs = 60_000, everyMs = 200 } = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await find();
    if (found !== null) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await sleep(everyMs);
  }
}
