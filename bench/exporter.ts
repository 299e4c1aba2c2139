/** `prometheus-blackbox-exporter`, asked for the same targets as the product. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { cpuMsOf } from './process-usage.js';
import { waitFor } from './stack.js';
import { folderVariable, workFolder } from './work-folder.js';

const programs = ['/usr/bin/prometheus-blackbox-exporter', '/usr/local/bin/blackbox_exporter'];

/** Its own default, said explicitly: any 2xx status, a fresh connection for every probe. */
const configuration =
  'modules: {http_2xx: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}}\n';

/** Requests under way at once; the driver's CPU is not counted, and a scraper would not open a thousand. */
const driverConnections = 100;

export interface Exporter {
  version: string;
  cpuMs(): number;
  /** Probes all targets, as fast as it goes; returns how long that took, ms. Throws when one did not succeed. */
  makeRound(urls: readonly string[]): Promise<number>;
  stop(): void;
}

/** Null when it is not installed. */
export async function startExporter(): Promise<Exporter | null> {
  const file = programs.find((path) => existsSync(path));
  if (file === undefined) return null;
  const port = await freePort();
  const configurationFile = join(workFolder(), 'blackbox.yml');
  writeFileSync(configurationFile, configuration);
  const child = spawn(
    file,
    [`--config.file=${configurationFile}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=error'],
    { stdio: 'ignore', env: { ...process.env, [folderVariable]: workFolder() } },
  );
  const agent = new Agent({ keepAlive: true, maxSockets: driverConnections });
  const ask = (path: string): Promise<string> => fetchText(`http://127.0.0.1:${port}${path}`, agent);
  await waitFor('the exporter answers', () => ask('/-/healthy').catch(() => null));
  return {
    version: versionOf(file),
    cpuMs: () => cpuMsOf(child.pid ?? 0),
    makeRound: async (urls) => {
      const startedAt = performance.now();
      const pages = await Promise.all(
        urls.map((url) => ask(`/probe?module=http_2xx&target=${encodeURIComponent(url)}`)),
      );
      const failed = pages.filter((page) => !/^probe_success 1$/m.test(page)).length;
      if (failed > 0) throw new Error(`${failed} of ${urls.length} probes of the exporter failed`);
      return performance.now() - startedAt;
    },
    stop: () => {
      agent.destroy();
      child.kill('SIGKILL');
    },
  };
}

const versionOf = (file: string): string => {
  const text = execFileSync(file, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return /version (\S+?),? /.exec(text)?.[1] ?? 'unknown';
};

async function fetchText(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => resolve(Buffer.concat(chunks).toString()));
      response.once('error', reject);
    }).once('error', reject);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
