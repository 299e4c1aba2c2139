/** A real Prometheus and a real Alertmanager, as the distribution has them, each in a folder of its own. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { freePort } from './tcp-server.js';

const isThere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

/** Null when they can be started here; otherwise why not. */
export const whyNoPrometheus: string | null = isThere('prometheus') ? null : 'prometheus is not on PATH';
export const whyNoAlertmanager: string | null = isThere('prometheus-alertmanager')
  ? null
  : 'prometheus-alertmanager is not on PATH';

export interface MonitoringServer {
  /** Without a slash at the end. */
  url: string;
  /** Everything it wrote so far. */
  output(): string;
  stop(): Promise<void>;
}

interface ServerPlan {
  program: string;
  files: Readonly<Record<string, string>>;
  /** `$DIR` and `$ADDRESS` are replaced. */
  args: readonly string[];
}

async function start({ program, files, args }: ServerPlan): Promise<MonitoringServer> {
  const directory = mkdtempSync(join(tmpdir(), 'monitoring-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const address = `127.0.0.1:${await freePort()}`;
  const words = args.map((word) => word.replaceAll('$DIR', directory).replaceAll('$ADDRESS', address));
  const child = spawn(program, words, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const url = `http://${address}`;
  const server: MonitoringServer = {
    url,
    output: () => output,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
  const isReady = (): Promise<boolean> =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  try {
    await eventually(`${program} on ${address}`, isReady);
    return server;
  } catch (error) {
    await server.stop();
    throw new Error(`${program} did not start: ${output}`, { cause: error });
  }
}

/** `configuration` is prometheus.yml, `rules` a file of rules beside it. */
export const startPrometheus = (files: { configuration: string; rules: string }): Promise<MonitoringServer> =>
  start({
    program: 'prometheus',
    files: { 'prometheus.yml': files.configuration, 'rules.yml': files.rules },
    args: [
      '--config.file=$DIR/prometheus.yml',
      '--storage.tsdb.path=$DIR/data',
      '--web.listen-address=$ADDRESS',
      // Short, so that a test sees repeats.
      '--rules.alert.resend-delay=1s',
      '--rules.alert.for-grace-period=1s',
    ],
  });

/** `configuration` is alertmanager.yml. */
export const startAlertmanager = (configuration: string): Promise<MonitoringServer> =>
  start({
    program: 'prometheus-alertmanager',
    files: { 'alertmanager.yml': configuration },
    args: [
      '--config.file=$DIR/alertmanager.yml',
      '--storage.path=$DIR/data',
      '--web.listen-address=$ADDRESS',
      '--cluster.listen-address=',
    ],
  });
