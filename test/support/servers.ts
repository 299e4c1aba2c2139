/** The servers that tests share: one of each for the whole run, reached by addresses in environment variables. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startPostgres } from '../../src/local/postgres-server.js';
import { createReport } from '../../src/local/progress.js';
import { findRedisServer, startRedis } from '../../src/local/redis-server.js';
import { findTemporalCli } from '../../src/local/temporal-cli.js';
import { startTemporalServer } from '../../src/local/temporal-server.js';
import type { TestRun } from './servers-run.js';

export type Need = 'temporal' | 'timeSkipping' | 'postgres' | 'redis';

interface Server {
  /** When all of these are set already, that server is used and none is started. */
  readonly variables: readonly string[];
  /** Sets the variables; nothing when it cannot be had here, which it says. */
  start(run: TestRun): Promise<void>;
}

/** Preferred, and far from the usual ones: tests of a stack's defaults must not find these servers there. */
const ports = {
  temporal: { port: 27_233, webUiPort: 28_233 },
  postgres: { port: 25_432 },
  redis: { port: 26_379 },
};

const report = createReport({ print: (line) => console.log(line) });

function folderFor(run: TestRun, name: string): string {
  const folder = join(run.folder, name);
  mkdirSync(folder, { mode: 0o711 });
  return folder;
}

async function startTemporal(run: TestRun): Promise<void> {
  const cli = await findTemporalCli({ explicitPath: null, env: process.env, report });
  const server = await startTemporalServer({
    directory: folderFor(run, 'temporal'),
    cli,
    report,
    ...ports.temporal,
  });
  run.servers.set('temporal', () => server.stop());
  process.env['OPSLOOP_TEST_TEMPORAL_CLI'] = cli.path;
  process.env['OPSLOOP_TEST_TEMPORAL_ADDRESS'] = server.address;
}

/** Each test starts its own from this executable: skipping time is for the whole server. */
async function findTimeSkippingServer(): Promise<void> {
  const script = resolve('scripts/fetch-time-skipping-server.mjs');
  const { status, stdout } = spawnSync(process.execPath, [script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status === 0) process.env['OPSLOOP_TEST_TIME_SKIPPING'] = stdout.trim();
}

async function startTestPostgres(run: TestRun): Promise<void> {
  const server = await startPostgres({ directory: folderFor(run, 'postgres'), report, ...ports.postgres });
  run.servers.set('postgres', () => server.stop());
  process.env['OPSLOOP_TEST_DATABASE_URL'] = server.url;
}

async function startTestRedis(run: TestRun): Promise<void> {
  const binary = await findRedisServer(process.env);
  if (binary === null) {
    console.log(
      'No redis-server on PATH: tests that need Redis are skipped. Install it (apt-get install redis-server).',
    );
    return;
  }
  const server = await startRedis({ directory: folderFor(run, 'redis'), binary, report, ...ports.redis });
  run.servers.set('redis', () => server.stop());
  process.env['OPSLOOP_TEST_REDIS_URL'] = server.url;
}

const servers: Readonly<Record<Need, Server>> = {
  temporal: {
    variables: ['OPSLOOP_TEST_TEMPORAL_ADDRESS', 'OPSLOOP_TEST_TEMPORAL_CLI'],
    start: startTemporal,
  },
  timeSkipping: { variables: ['OPSLOOP_TEST_TIME_SKIPPING'], start: findTimeSkippingServer },
  postgres: { variables: ['OPSLOOP_TEST_DATABASE_URL'], start: startTestPostgres },
  redis: { variables: ['OPSLOOP_TEST_REDIS_URL'], start: startTestRedis },
};

/** Starts those that are not there yet, side by side. Throws when one cannot be started. */
export async function startServers(run: TestRun, needs: readonly Need[]): Promise<void> {
  const missing = needs
    .map((need) => servers[need])
    .filter(({ variables }) => variables.some((name) => process.env[name] === undefined));
  const results = await Promise.allSettled(missing.map(({ start }) => start(run)));
  const errors = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join('\n'));
}
